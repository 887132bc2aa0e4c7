//! A provider out of reach of a share group: what is handed over but cannot be opened would be archived in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::ShareFetchRequest;
use kafka_protocol::messages::share_fetch_response::PartitionData;
use serde_json::json;
use tests::raw_connection::Location;
use tests::{
    Batch, Client, Cluster, ConsumeOptions, Field, Pattern, Payload, PolicyFile, ProduceOptions, Proxy,
    RawConnection, Rule, assert_same, eventually, eventually_ok, topic,
};

use super::outage::{bring_keys_back, hide_keys, requests};
use super::{PATIENCE, batch, create, key_reloads, start, two_keys, write};
use crate::tampering::share::{Member, fetch_all, join};

/// A proxy that cannot open what the topic has, a connection to the leader through it, and a member of a group there.
async fn outage(purpose: &str) -> (Proxy, RawConnection, Location, Member) {
    let [writer, reader] = [start(purpose).await, start(purpose).await];
    let key = std::fs::read(writer.keys_folder().join("a.v1")).unwrap();
    reader.write_file("keys/a.v1", std::str::from_utf8(&key).unwrap());
    let topic = create(&format!("{purpose}.a")).await;
    write(&writer, &topic, &batch()).await.unwrap();
    hide_keys(&reader);
    reader.wait_for_key_state("a", "Unavailable").await;
    let (mut connection, at) = RawConnection::to_leader(&reader.bootstrap(), &topic, 0).await.unwrap();
    let member = join(&mut connection, &at, 1).await;
    (reader, connection, at, member)
}

async fn sent_upstream(proxy: &Proxy) -> f64 {
    proxy.metrics().await.sum("topic_encryption_upstream_bytes_total", &[("flow", "sent")])
}

async fn unavailable(proxy: &Proxy) -> f64 {
    proxy.metrics().await.sum("topic_encryption_key_calls_total", &[("outcome", "unavailable")])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_group_is_not_handed_records_that_cannot_be_opened() {
    let (proxy, mut connection, at, member) = outage("share").await;
    let (sent, before) = (sent_upstream(&proxy).await, requests(&proxy).await);
    connection.send(&member.request(0, &at, &[0]), 1).await.unwrap();
    eventually("the request has come", PATIENCE, async || requests(&proxy).await > before).await;
    let failed = unavailable(&proxy).await;
    eventually("the provider was asked again", PATIENCE, async || unavailable(&proxy).await > failed).await;
    assert!((sent_upstream(&proxy).await - sent).abs() < 0.5, "the broker was asked");

    bring_keys_back(&proxy).unwrap();
    let (_, mut answer) = connection.receive::<ShareFetchRequest>(1).await.unwrap();
    let mut session = 0;
    let delivered = loop {
        assert_eq!(answer.error_code, 0, "{answer:?}");
        let partitions = answer.responses.into_iter().flat_map(|topic| topic.partitions);
        let found = partitions.into_iter().find(|partition| !partition.acquired_records.is_empty());
        if let Some(found) = found {
            break found;
        }
        session += 1;
        assert!(session < 40, "no records come");
        answer = connection.call(&member.request(session, &at, &[0]), 1).await.unwrap();
    };
    assert_eq!(deliveries(&delivered), [1], "delivered for the first time");
}

/// How often these records were handed over, which are all that were sent.
fn deliveries(partition: &PartitionData) -> Vec<i16> {
    let batches = Batch::split(partition.records.as_deref().unwrap_or_default());
    assert_eq!(batches.iter().map(Batch::as_sent).collect::<Vec<_>>(), [batch().as_sent()]);
    partition.acquired_records.iter().map(|range| range.delivery_count).collect()
}

/// A request of the member is not passed on, and its connection ends.
async fn is_held_back(proxy: &Proxy, connection: &mut RawConnection, request: &ShareFetchRequest) {
    let sent = sent_upstream(proxy).await;
    connection.send(request, 1).await.unwrap();
    assert!(connection.closes_within(Duration::from_secs(40)).await);
    assert!((sent_upstream(proxy).await - sent).abs() < 0.5, "the broker was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_group_is_not_handed_records_whose_key_is_refused() {
    let proxy = start("share-refused").await;
    let topic = create("share-refused.a").await;
    write(&proxy, &topic, &batch()).await.unwrap();
    let key = proxy.remove_key("a", 1);
    proxy.wait_for_key_state("a", "Refused").await;
    let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), &topic, 0).await.unwrap();
    let member = join(&mut connection, &at, 1).await;
    is_held_back(&proxy, &mut connection, &member.request(0, &at, &[0])).await;

    proxy.restore_key("a", 1, &key);
    proxy.wait_for_key_state("a", "Ready").await;
    let (mut connection, _) = RawConnection::to_leader(&proxy.bootstrap(), &topic, 0).await.unwrap();
    let answered = fetch_all(&mut connection, &member, &at, &[0]).await;
    assert_eq!(deliveries(&answered[0]), [1], "delivered for the first time");
}

/// The reader's rule has another key than that which the records were written under, so that nothing tells beforehand what they need.
async fn is_handed_over_once(purpose: &str, limited: bool) {
    let writer = start(purpose).await;
    let topic = create(&format!("{purpose}.a")).await;
    write(&writer, &topic, &batch()).await.unwrap();
    let rule = Rule::encrypt([Pattern::prefix(purpose)], "b").on_plaintext("Reject");
    let mut policy = PolicyFile::new([rule]);
    if limited {
        policy = policy.field("envelopeKeys", "Known");
    }
    let reader = Proxy::before(Cluster::shared().await).policy(policy.clone()).start().await;
    let key = std::fs::read_to_string(writer.keys_folder().join("a.v1")).unwrap();
    if limited {
        reader.restore_key("a", 1, &key);
        let loaded = async || key_reloads(&reader, "loaded").await >= 1.0;
        eventually("the writer's key is loaded", PATIENCE, loaded).await;
    }

    let connect = async || RawConnection::to_leader(&reader.bootstrap(), &topic, 0).await.unwrap();
    let (mut connection, at) = connect().await;
    let member = join(&mut connection, &at, 1).await;
    let answered = fetch_all(&mut connection, &member, &at, &[0]).await;
    assert_eq!(answered[0].error_code, 29, "{:?}", answered[0]);
    for _ in 0..2 {
        let (mut connection, _) = connect().await;
        is_held_back(&reader, &mut connection, &member.request(0, &at, &[0])).await;
    }

    if limited {
        reader.apply_policy(&policy.field("formerKeys", json!([{"name": "a"}]))).await;
    } else {
        reader.restore_key("a", 1, &key);
    }
    drop(connection);
    let mut answered = None;
    let delivered = async || {
        let (mut connection, _) = connect().await;
        let partition = fetch_all(&mut connection, &member, &at, &[0]).await.remove(0);
        let is_delivered = partition.error_code == 0;
        answered = Some(partition);
        is_delivered
    };
    eventually("the records come", 3 * PATIENCE, delivered).await;
    let deliveries = deliveries(&answered.unwrap());
    assert!(deliveries == [1] || deliveries == [2], "{deliveries:?}: handed over once, or given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_whose_former_key_is_refused_are_handed_over_once() {
    is_handed_over_once("share-former", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_whose_key_the_policy_does_not_know_are_handed_over_once() {
    is_handed_over_once("share-unknown", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_fetch_that_waits_too_long_for_a_provider_ends_its_connection() {
    let (proxy, mut connection, at, member) = outage("share-end").await;
    connection.send(&member.request(0, &at, &[0]), 1).await.unwrap();
    assert!(connection.closes_within(Duration::from_secs(40)).await);
    let closed = async || {
        let metrics = proxy.metrics().await;
        metrics.sum("topic_encryption_connections_closed_total", &[("reason", "keys_unavailable")]) >= 1.0
    };
    eventually("the end has its reason", PATIENCE, closed).await;
}

/// Records that a group's members hold for longer than the lock time count as delivered, and are archived after the last of
/// a few deliveries. At this cluster that takes two seconds, in place of two and a half minutes by default.
async fn impatient() -> Cluster {
    Cluster::builder()
        .property("group.share.min.record.lock.duration.ms=1000")
        .property("group.share.record.lock.duration.ms=1000")
        .property("group.share.delivery.count.limit=2")
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_many_lock_times_archives_nothing_of_a_share_group() {
    let cluster = impatient().await;
    let proxy = Proxy::before(&cluster).policy(two_keys("share-long")).start().await;
    let topic = topic("share-long.a");
    cluster.create_topic(&topic, 1, &[]).await;
    let sent = Payload::new(5).orders(100);
    Client::Librdkafka.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic), &sent).await;
    let group = format!("group-of-{topic}");
    let words = [
        "alter-config",
        "--bootstrap",
        &cluster.bootstrap(),
        "--group",
        &group,
        "--config",
        "share.auto.offset.reset=earliest",
    ];
    let words = words.map(str::to_owned).to_vec();
    let outcome = Client::Java.command("admin", words, ("records", Vec::new()), PATIENCE).await;
    assert_eq!(outcome.code, 0, "{outcome}");

    // Without a data key in memory.
    proxy.restart().await;
    hide_keys(&proxy);
    proxy.wait_for_key_state("a", "Unavailable").await;
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic).group(&group).count(sent.len());
    let reading = tokio::spawn(async move { Client::share_consume(&options.timeout(4 * PATIENCE)).await });
    let ended = async || {
        let metrics = proxy.metrics().await;
        metrics.sum("topic_encryption_connections_closed_total", &[("reason", "keys_unavailable")]) >= 2.0
    };
    eventually("members have waited twice as long as they may", 3 * PATIENCE, ended).await;
    bring_keys_back(&proxy).unwrap();
    let consumed = reading.await.unwrap();
    assert!(consumed.complete, "{:?}", consumed.errors);
    assert_same("after the outage", &sent, &consumed.records);
}

/// A member has read some records and not said what becomes of them, and others, which need another data key, are there for
/// the group.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_many_lock_times_archives_nothing_of_what_a_member_holds() {
    let cluster = impatient().await;
    let before = || Proxy::before(&cluster).policy(two_keys("share-holds"));
    let (writer, reader) = (before().start().await, before().start().await);
    let key = std::fs::read_to_string(writer.keys_folder().join("a.v1")).unwrap();
    reader.restore_key("a", 1, &key);
    let loaded = async || key_reloads(&reader, "loaded").await >= 1.0;
    eventually("the writer's key is loaded", PATIENCE, loaded).await;
    let topic = topic("share-holds.a");
    cluster.create_topic(&topic, 1, &[]).await;
    write(&writer, &topic, &batch()).await.unwrap();

    let connect = async || RawConnection::to_leader(&reader.bootstrap(), &topic, 0).await.unwrap();
    let (mut connection, at) = connect().await;
    let member = join(&mut connection, &at, 1).await;
    let held = fetch_all(&mut connection, &member, &at, &[0]).await;
    assert_eq!(deliveries(&held[0]), [1], "{:?}", held[0]);
    hide_keys(&reader);
    reader.wait_for_key_state("a", "Unavailable").await;
    writer.restart().await;
    write(&writer, &topic, &batch()).await.unwrap();
    // That takes many times as long as deliveries up to the limit.
    is_held_back(&reader, &mut connect().await.0, &member.request(0, &at, &[0])).await;

    bring_keys_back(&reader).unwrap();
    reader.wait_for_key_state("a", "Ready").await;
    let mut came = BTreeMap::new();
    let all_came = async || {
        let (mut connection, _) = connect().await;
        let partition = fetch_all(&mut connection, &member, &at, &[0]).await.remove(0);
        for batch in Batch::split(partition.records.as_deref().unwrap_or_default()) {
            came.insert(batch.field(Field::BaseOffset), batch.as_sent());
        }
        if came.len() == 2 { Ok(()) } else { Err(format!("{partition:?}")) }
    };
    eventually_ok("all records come", PATIENCE, all_came).await;
    assert_eq!(came, BTreeMap::from([(0, batch().as_sent()), (2, batch().as_sent())]));
}
