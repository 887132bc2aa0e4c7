//! Keys come, go and change while the proxy runs: each failure stays with the topics of its key and passes with its cause.

use std::io;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;
use tests::payload::random_bytes;
use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, KafkaErrorName, Pattern, Payload, PolicyFile, ProduceOptions,
    Proxy, RawConnection, Rule, SentRecord, assert_same, canary, eventually, eventually_ok, topic,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy whose topics `PURPOSE.a…` and `PURPOSE.b…` have the keys a and b.
async fn start(purpose: &str) -> Proxy {
    let cluster = Cluster::shared().await;
    Proxy::before(cluster).policy(two_keys(purpose)).start().await
}

fn two_keys(purpose: &str) -> PolicyFile {
    let rule =
        |key: &str| Rule::encrypt([Pattern::prefix(&format!("{purpose}.{key}"))], key).on_plaintext("Reject");
    PolicyFile::new([rule("a"), rule("b")])
}

async fn create(purpose: &str) -> String {
    let topic = topic(purpose);
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    topic
}

async fn write(proxy: &Proxy, topic: &str, batch: &Batch) -> Result<(), KafkaErrorName> {
    let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), topic, 0)
        .await
        .unwrap();
    let appended = connection.produce(&at, By::Id, batch.clone()).await.unwrap();
    appended.error.map_or(Ok(()), Err)
}

/// The batches from this offset on, as sent.
async fn read(proxy: &Proxy, topic: &str, offset: i64) -> Result<Vec<Batch>, KafkaErrorName> {
    let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), topic, 0)
        .await
        .unwrap();
    let fetched = connection.fetch(&at, By::Id, offset).await.unwrap();
    let batches = fetched.batches().iter().map(Batch::as_sent).collect();
    fetched.error.map_or(Ok(batches), Err)
}

/// Writes a batch to a topic and reads all.
async fn works(proxy: &Proxy, topic: &str, batches: usize) {
    write(proxy, topic, &batch()).await.unwrap();
    assert_eq!(
        read(proxy, topic, 0).await.unwrap(),
        vec![batch().as_sent(); batches]
    );
}

fn batch() -> Batch {
    Batch::of(&[
        SentRecord::of("some value").key("some key"),
        SentRecord::of("another value"),
    ])
}

/// Takes the provider out of reach.
fn hide_keys(proxy: &Proxy) {
    std::fs::rename(proxy.keys_folder(), proxy.folder().join("away")).unwrap();
}

fn bring_keys_back(proxy: &Proxy) -> io::Result<()> {
    std::fs::rename(proxy.folder().join("away"), proxy.keys_folder())
}

async fn refused(proxy: &Proxy, reason: &str) -> f64 {
    let metrics = proxy.metrics().await;
    metrics.sum("topic_encryption_refused_partitions_total", &[("reason", reason)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_key_refuses_its_topics_only_and_all_comes_back_with_it() {
    let proxy = start("gone").await;
    let (of_a, of_b) = (create("gone.a").await, create("gone.b").await);
    works(&proxy, &of_a, 1).await;
    works(&proxy, &of_b, 1).await;
    let text = proxy.remove_key("a", 1);
    proxy.wait_for_key_state("a", "Refused").await;
    assert_eq!(
        write(&proxy, &of_a, &batch()).await.unwrap_err(),
        "TOPIC_AUTHORIZATION_FAILED"
    );
    assert_eq!(
        read(&proxy, &of_a, 0).await.unwrap_err(),
        "TOPIC_AUTHORIZATION_FAILED"
    );
    works(&proxy, &of_b, 2).await;
    let clients = [Client::Java, Client::Librdkafka];
    for client in clients {
        let options = ProduceOptions::to(proxy.bootstrap(), &of_a);
        let answers = client
            .produce(&options, &[SentRecord::of("refused").partition(0)])
            .await;
        assert_eq!(
            answers[0].clone().unwrap_err(),
            "TOPIC_AUTHORIZATION_FAILED",
            "{client}"
        );
    }
    proxy.restore_key("a", 1, &text);
    proxy.wait_for_key_state("a", "Ready").await;
    works(&proxy, &of_a, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_late_makes_its_topics_work() {
    let cluster = Cluster::shared().await;
    let proxy = Proxy::before(cluster)
        .policy(two_keys("late"))
        .key("b", 1)
        .start()
        .await;
    let topic = create("late.a").await;
    proxy.wait_for_key_state("a", "Refused").await;
    assert_eq!(
        write(&proxy, &topic, &batch()).await.unwrap_err(),
        "TOPIC_AUTHORIZATION_FAILED"
    );
    proxy.write_key("a", 1);
    proxy.wait_for_key_state("a", "Ready").await;
    works(&proxy, &topic, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_holds_a_produce_and_then_asks_to_try_again() {
    let proxy = start("outage").await;
    let topic = create("outage.a").await;
    hide_keys(&proxy);
    proxy.wait_for_key_state("a", "Unavailable").await;
    let start = Instant::now();
    assert_eq!(
        write(&proxy, &topic, &batch()).await.unwrap_err(),
        "NOT_ENOUGH_REPLICAS"
    );
    assert!(
        start.elapsed() >= Duration::from_secs(3),
        "held for {:?} only",
        start.elapsed()
    );
    bring_keys_back(&proxy).unwrap();
    proxy.wait_for_key_state("a", "Ready").await;
    works(&proxy, &topic, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_leaves_keys_in_use_and_readiness_alone() {
    let proxy = start("grace").await;
    let topic = create("grace.a").await;
    works(&proxy, &topic, 1).await;
    hide_keys(&proxy);
    proxy.wait_for_key_state("a", "Unavailable").await;
    works(&proxy, &topic, 2).await;
    assert_eq!(proxy.get("/readyz").await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn producers_wait_out_an_outage_and_lose_nothing() {
    let proxy = start("patient").await;
    hide_keys(&proxy);
    proxy.wait_for_key_state("a", "Unavailable").await;
    let mut producing = Vec::new();
    for client in [Client::Java, Client::Librdkafka, Client::Go] {
        let topic = create(&format!("patient.a-{client}")).await;
        let sent = Payload::new(5).orders(48);
        let options = ProduceOptions::to(proxy.bootstrap(), &topic).timeout(Duration::from_secs(40));
        let stored = tokio::spawn({
            let sent = sent.clone();
            async move { client.produce_all(&options.batch_bytes(2_000), &sent).await }
        });
        producing.push((client, topic, sent, stored));
    }
    eventually("batches are refused", PATIENCE, async || {
        refused(&proxy, "key_unavailable").await >= 3.0
    })
    .await;
    bring_keys_back(&proxy).unwrap();
    for (client, topic, sent, stored) in producing {
        let offsets = stored.await.unwrap();
        assert!(offsets.into_iter().eq(0..48), "{client}");
        let received = client
            .consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic))
            .await;
        assert_same(client.name(), &sent, &received);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_wait_out_an_outage_and_skip_nothing() {
    const HALF: usize = 36;
    let cluster = Cluster::shared().await;
    let [writer, reader] = [start("outlast").await, start("outlast").await];
    let key = random_bytes(32);
    for proxy in [&writer, &reader] {
        proxy.write_key_bytes("a", 1, &key);
        let loaded = async || {
            let loads = proxy
                .metrics()
                .await
                .sum("topic_encryption_key_reloads_total", &[("outcome", "loaded")]);
            loads >= 1.0
        };
        eventually("the common key is loaded", PATIENCE, loaded).await;
    }
    let topic = topic("outlast.a");
    cluster.create_topic(&topic, 1, &[]).await;
    let sent = Payload::new(9).orders(2 * HALF);
    let produce = ProduceOptions::to(writer.bootstrap(), &topic).batch_bytes(2_000);
    Client::Go.produce_all(&produce, &sent[..HALF]).await;
    let clients = [Client::Java, Client::Librdkafka, Client::Go];
    let reading = clients.map(|client| {
        let options = ConsumeOptions::from(reader.bootstrap(), &topic).count(2 * HALF);
        tokio::spawn(async move {
            client
                .consume_all(&options.timeout(Duration::from_secs(50)))
                .await
        })
    });
    let all_read_half = async || {
        let read = reader
            .metrics()
            .await
            .sum("topic_encryption_decrypted_records_total", &[]);
        if read >= 3.0 * 36.0 { Ok(()) } else { Err(read) }
    };
    eventually_ok("all have read one half", PATIENCE, all_read_half).await;

    hide_keys(&reader);
    reader.wait_for_key_state("a", "Unavailable").await;
    // A new process has a new data key, which the reader never saw.
    writer.restart().await;
    Client::Go.produce_all(&produce, &sent[HALF..]).await;
    let (mut connection, at) = RawConnection::to_leader(&reader.bootstrap(), &topic, 0)
        .await
        .unwrap();
    let fetched = connection
        .fetch(&at, By::Id, i64::try_from(HALF).unwrap())
        .await
        .unwrap();
    assert_eq!(fetched.error.unwrap(), "KAFKA_STORAGE_ERROR");
    assert!(fetched.bytes.is_empty());
    eventually("fetches are refused", PATIENCE, async || {
        refused(&reader, "key_unavailable").await >= 10.0
    })
    .await;
    bring_keys_back(&reader).unwrap();
    for (client, reading) in clients.into_iter().zip(reading) {
        assert_same(client.name(), &sent, &reading.await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_seals_new_data_and_old_data_reads_on() {
    let proxy = start("rotated").await;
    let topic = create("rotated.a").await;
    works(&proxy, &topic, 1).await;
    proxy.write_key("a", 2);
    let loaded = async || {
        let metrics = proxy.metrics().await;
        metrics.sum("topic_encryption_key_reloads_total", &[("outcome", "loaded")]) >= 1.0
    };
    eventually("the new version is loaded", PATIENCE, loaded).await;
    works(&proxy, &topic, 2).await;

    proxy.remove_key("a", 1);
    let old = async || {
        read(&proxy, &topic, 0)
            .await
            .is_err_and(|error| error == "TOPIC_AUTHORIZATION_FAILED")
    };
    eventually("what the old version sealed is refused", PATIENCE, old).await;
    let new = read(&proxy, &topic, 2).await.unwrap();
    assert_eq!(
        new,
        [batch().as_sent()],
        "what the new version sealed needs the old one no more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_of_no_use_is_told_and_the_others_work() {
    let proxy = start("broken").await;
    proxy.remove_key("a", 1);
    proxy.write_file("keys/a.v1", "this is no key");
    proxy.wait_for_key_state("a", "Refused").await;
    let told = async || {
        let keys = proxy.keys().await;
        let key = keys
            .iter()
            .find(|key| key["key"] == "a")
            .cloned()
            .unwrap_or_default();
        let message = key["message"].as_str().unwrap_or_default();
        if message.contains("a.v1") && message.contains("base64") {
            Ok(())
        } else {
            Err(key)
        }
    };
    eventually_ok("/keys names the file and what is wrong", PATIENCE, told).await;
    let failed = proxy
        .metrics()
        .await
        .sum("topic_encryption_key_reloads_total", &[("outcome", "failed")]);
    assert!(failed >= 1.0, "the metric counts it");
    let (of_a, of_b) = (create("broken.a").await, create("broken.b").await);
    assert_eq!(
        write(&proxy, &of_a, &batch()).await.unwrap_err(),
        "TOPIC_AUTHORIZATION_FAILED"
    );
    works(&proxy, &of_b, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_key_keeps_nobody_from_being_ready() {
    let cluster = Cluster::shared().await;
    let proxy = Proxy::before(cluster)
        .policy(two_keys("missing"))
        .key("b", 1)
        .start()
        .await;
    proxy.wait_for_key_state("a", "Refused").await;
    proxy.wait_for_key_state("b", "Ready").await;
    works(&proxy, &create("missing.b").await, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_never_answered_keeps_the_proxy_unready_until_it_does() {
    let cluster = Cluster::shared().await;
    let providers = json!({"default": {"local": {"directory": "later"}}});
    let builder = Proxy::before(cluster)
        .policy(two_keys("never"))
        .config("keyProviders", providers);
    let proxy = builder.launch().await;
    let told = async || match proxy.get("/readyz").await {
        Ok(answer) if answer.status == 503 && answer.body.contains("has not answered since start") => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok("the proxy says who does not answer", PATIENCE, told).await;
    assert!(proxy.runs());
    std::fs::rename(proxy.keys_folder(), proxy.folder().join("later")).unwrap();
    proxy.wait_ready().await;
    works(&proxy, &create("never.a").await, 1).await;
}

/// With all that a proxy does to records, and all that may go wrong with them.
#[tokio::test(flavor = "multi_thread")]
async fn neither_keys_nor_records_show_in_logs_and_status() {
    let cluster = Cluster::shared().await;
    let key = random_bytes(32);
    let spoiled = canary("spoiled");
    let needles = ["key", "value", "name", "header"].map(canary);
    let policy = two_keys("quiet").rule(Rule::encrypt([Pattern::prefix("quiet.c")], "c"));
    let builder = Proxy::before(cluster).policy(policy).key("b", 1).key("c", 1);
    let proxy = builder.config("log", json!({"level": "trace"})).start().await;
    proxy.write_key_bytes("a", 1, &key);
    proxy.write_file("keys/c.v1", &spoiled);
    proxy.write_file(&format!("keys/{}", "misnamed"), &spoiled);
    proxy.wait_for_key_state("a", "Ready").await;

    let record = SentRecord::of(format!("a value with {}", needles[1])).key(needles[0].clone());
    let record = record.header(&needles[2], needles[3].clone()).partition(0);
    for format in ["a", "clear"] {
        let topic = create(&format!("quiet.{format}")).await;
        for client in [Client::Java, Client::Librdkafka] {
            client
                .produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic), &[record.clone()])
                .await;
            client
                .consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic))
                .await;
        }
    }
    // A bad checksum, a malformed batch, a clear record where none may be, a key that is refused.
    let topic = create("quiet.a").await;
    let mut bad = Batch::of(std::slice::from_ref(&record));
    *bad.records_mut().last_mut().unwrap() ^= 1;
    write(&proxy, &topic, &bad).await.unwrap_err();
    bad.records_mut()[0] = 0x7f;
    bad.seal();
    write(&proxy, &topic, &bad).await.unwrap_err();
    let (mut broker, at) = cluster.leader(&topic, 0).await;
    broker
        .produce(&at, By::Name, Batch::of(std::slice::from_ref(&record)))
        .await
        .unwrap();
    read(&proxy, &topic, 0).await.unwrap_err();
    proxy.remove_key("b", 1);
    proxy.wait_for_key_state("b", "Refused").await;
    write(&proxy, &create("quiet.b").await, &Batch::of(&[record]))
        .await
        .unwrap_err();

    let mut said = vec![("the log", proxy.log())];
    for path in ["/metrics", "/keys", "/policy", "/topics", "/readyz"] {
        said.push((path, proxy.get(path).await.unwrap().body));
    }
    let log = &said[0].1;
    assert!(
        log.contains("TRACE") && log.contains("key state changed"),
        "the log is at its most talkative"
    );
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let decimal = format!("{}, {}, {}", key[0], key[1], key[2]);
    let encoded = [
        STANDARD.encode(&key),
        STANDARD_NO_PAD.encode(&key),
        URL_SAFE_NO_PAD.encode(&key),
    ];
    let encoded = encoded.map(|text| text[..40].to_owned());
    let secrets = needles.iter().chain(&encoded).chain([&hex, &decimal, &spoiled]);
    for secret in secrets {
        for (place, text) in &said {
            assert!(!text.contains(secret.as_str()), "{place} tells {secret}");
            let encoded = STANDARD.encode(secret);
            assert!(!text.contains(&encoded[..24]), "{place} tells {secret} in base64");
        }
    }
}
