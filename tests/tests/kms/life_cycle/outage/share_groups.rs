//! The server goes away while a member of a share group reads. What brokers hand over and nobody can open they archive in the end.

use std::env;
use std::time::Duration;

use tests::kms::Fault;
use tests::{
    Client, Cluster, ConsumeOptions, Payload, ProduceOptions, Proxy, SentRecord, assert_same, eventually,
    topic,
};

use super::super::{Owner, PATIENCE, batch, policy};

/// After so long a proxy ends the connection of a member that waits for a key.
const WAIT: Duration = Duration::from_secs(15);

/// A broker, and how many of these waits the server is away: several times as long as it takes to archive a record.
/// Where `MATRIX=all` is set the broker is as it is by default, which archives after two and a half minutes.
async fn cluster() -> (Cluster, u32) {
    let builder = Cluster::builder();
    if env::var("MATRIX").is_ok_and(|matrix| matrix == "all") {
        return (builder.start().await, 20);
    }
    let builder = builder
        .property("group.share.min.record.lock.duration.ms=3000")
        .property("group.share.record.lock.duration.ms=3000")
        .property("group.share.delivery.count.limit=2");
    (builder.start().await, 2)
}

async fn write(proxy: &Proxy, topic: &str, records: &[SentRecord]) {
    Client::Librdkafka.produce_all(&ProduceOptions::to(proxy.bootstrap(), topic), records).await;
}

async fn start_at_the_earliest(cluster: &Cluster, group: &str) {
    let bootstrap = cluster.bootstrap();
    let words = ["alter-config", "--bootstrap", &bootstrap, "--group", group];
    let words = words.into_iter().chain(["--config", "share.auto.offset.reset=earliest"]);
    let words = words.map(str::to_owned).collect();
    let outcome = Client::Java.command("admin", words, ("records", Vec::new()), PATIENCE).await;
    assert_eq!(outcome.code, 0, "{outcome}");
}

/// How many waits have ended at this proxy.
async fn waits(proxy: &Proxy) -> f64 {
    let metrics = proxy.metrics().await;
    metrics.sum("topic_encryption_connections_closed_total", &[("reason", "keys_unavailable")])
}

/// What comes meanwhile is sealed with a data key that the reader's proxy has never seen.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_many_lock_times_archives_nothing_of_a_share_group_that_reads() {
    const EACH: usize = 100;
    let (cluster, away) = cluster().await;
    let owner = Owner::new().await;
    let start = async || {
        let builder = Proxy::before(&cluster).policy(policy("share"));
        builder.config("keyProviders", owner.key_providers()).start().await
    };
    let (writer, reader) = (start().await, start().await);
    let [topic, other] = ["share.a", "share.a-other"].map(topic);
    for topic in [&topic, &other] {
        cluster.create_topic(topic, 1, &[]).await;
    }
    let sent = Payload::new(5).orders(2 * EACH);
    write(&writer, &topic, &sent[..EACH]).await;
    let group = format!("group-of-{topic}");
    start_at_the_earliest(&cluster, &group).await;
    let options = ConsumeOptions::from(reader.bootstrap(), &topic).group(&group).count(sent.len());
    let options = options.timeout(8 * PATIENCE + 2 * away * WAIT);
    let reading = tokio::spawn(async move { Client::share_consume(&options).await });
    let read = async || reader.metrics().await.sum("topic_encryption_decrypted_records_total", &[]);
    let has_read = async || read().await > f64::from(u32::try_from(EACH).unwrap()) - 0.5;
    eventually("the member has read what there is", 2 * PATIENCE, has_read).await;

    writer.restart().await;
    writer.write_batch(&other, &batch()).await.unwrap();
    owner.faults.set(Fault::Refused).await;
    eventually("the member waits", 3 * PATIENCE, async || waits(&reader).await > 0.5).await;
    write(&writer, &topic, &sent[EACH..]).await;
    let enough = f64::from(away) + waits(&reader).await - 0.5;
    let for_long = async || waits(&reader).await > enough;
    eventually("it waits for many lock times", PATIENCE + 2 * away * WAIT, for_long).await;

    owner.faults.set(Fault::None).await;
    let consumed = reading.await.unwrap();
    assert!(consumed.complete, "{} records came, {:?}", consumed.records.len(), consumed.errors);
    assert_same("all that was sent", &sent, &consumed.records);
}
