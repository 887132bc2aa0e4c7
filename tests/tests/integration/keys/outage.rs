//! A provider out of reach: clients are held, told to try again, and lose nothing.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::ProduceRequest;
use serde_json::json;
use tests::payload::random_bytes;
use tests::raw_connection::Location;
use tests::{
    By, Client, Cluster, ConsumeOptions, KafkaErrorName, Pattern, Payload, PolicyFile, ProduceOptions, Proxy,
    RawConnection, Rule, assert_same, eventually, eventually_ok, topic,
};

use super::{PATIENCE, batch, create, key_reloads, start, two_keys, works, write};

/// Takes the provider out of reach.
pub(crate) fn hide_keys(proxy: &Proxy) {
    std::fs::rename(proxy.keys_folder(), proxy.folder().join("away")).unwrap();
}

pub(crate) fn bring_keys_back(proxy: &Proxy) -> io::Result<()> {
    std::fs::rename(proxy.folder().join("away"), proxy.keys_folder())
}

async fn refused(proxy: &Proxy, reason: &str) -> f64 {
    let metrics = proxy.metrics().await;
    metrics.sum("topic_encryption_refused_partitions_total", &[("reason", reason)])
}

pub(super) async fn requests(proxy: &Proxy) -> f64 {
    proxy.metrics().await.sum("topic_encryption_frames_total", &[("message", "request")])
}

/// Conformance: TE-25.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_holds_a_produce_and_then_asks_to_try_again() {
    let proxy = start("outage").await;
    let topic = create("outage.a").await;
    hide_keys(&proxy);
    proxy.wait_for_key_state("a", "Unavailable").await;
    let start = Instant::now();
    assert_eq!(write(&proxy, &topic, &batch()).await.unwrap_err(), "NOT_ENOUGH_REPLICAS");
    assert!(start.elapsed() >= Duration::from_secs(3), "held for {:?} only", start.elapsed());
    bring_keys_back(&proxy).unwrap();
    let stored = async || write(&proxy, &topic, &batch()).await;
    eventually_ok("the next try is stored", PATIENCE, stored).await;
    works(&proxy, &topic, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_outage_shows_in_the_keys_soon() {
    let proxy = start("over").await;
    let topic = create("over.a").await;
    hide_keys(&proxy);
    proxy.wait_for_key_state("a", "Unavailable").await;
    // The provider is asked again and again meanwhile.
    write(&proxy, &topic, &batch()).await.unwrap_err();
    bring_keys_back(&proxy).unwrap();
    let ready = async || proxy.keys().await.iter().all(|key| key["state"] == "Ready");
    eventually("all keys are ready", Duration::from_secs(12), ready).await;
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
    let (start, before) = (Instant::now(), requests(&proxy).await);
    eventually("batches are refused", PATIENCE, async || refused(&proxy, "key_unavailable").await >= 3.0)
        .await;
    storms_not(&proxy, producing.len(), start, before).await;
    bring_keys_back(&proxy).unwrap();
    for (client, topic, sent, stored) in producing {
        let offsets = stored.await.unwrap();
        assert!(offsets.into_iter().eq(0..48), "{client}");
        let received = client.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
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
        let loaded = async || key_reloads(proxy, "loaded").await >= 1.0;
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
        tokio::spawn(async move { client.consume_all(&options.timeout(Duration::from_secs(50))).await })
    });
    let all_read_half = async || {
        let read = reader.metrics().await.sum("topic_encryption_decrypted_records_total", &[]);
        if read >= 3.0 * 36.0 { Ok(()) } else { Err(read) }
    };
    eventually_ok("all have read one half", PATIENCE, all_read_half).await;

    hide_keys(&reader);
    reader.wait_for_key_state("a", "Unavailable").await;
    // A new process has a new data key, which the reader never saw.
    writer.restart().await;
    Client::Go.produce_all(&produce, &sent[HALF..]).await;
    let (mut connection, at) = RawConnection::to_leader(&reader.bootstrap(), &topic, 0).await.unwrap();
    let fetched = connection.fetch(&at, By::Id, i64::try_from(HALF).unwrap()).await.unwrap();
    assert_eq!(fetched.error.unwrap(), "KAFKA_STORAGE_ERROR");
    assert!(fetched.bytes.is_empty());
    let (start, before) = (Instant::now(), requests(&reader).await);
    eventually("fetches are refused", PATIENCE, async || refused(&reader, "key_unavailable").await >= 10.0)
        .await;
    storms_not(&reader, clients.len(), start, before).await;
    bring_keys_back(&reader).unwrap();
    for (client, reading) in clients.into_iter().zip(reading) {
        assert_same(client.name(), &sent, &reading.await.unwrap());
    }
}

/// Each client asks a few times a second at most: fetches that are held, look-ups of metadata, heartbeats.
async fn storms_not(proxy: &Proxy, clients: usize, start: Instant, before: f64) {
    let limit = 10.0 * f64::from(u32::try_from(clients).unwrap()) * (start.elapsed().as_secs_f64() + 1.0);
    let asked = requests(proxy).await - before;
    assert!(asked <= limit, "{asked} requests of {clients} clients within {:?}", start.elapsed());
}

/// Clients that get nothing but this error ask again at once.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_lacks_only_keys_is_held() {
    let [writer, reader] = [start("held").await, start("held").await];
    let topic = create("held.a").await;
    write(&writer, &topic, &batch()).await.unwrap();
    hide_keys(&reader);
    reader.wait_for_key_state("a", "Unavailable").await;
    let (mut connection, at) = RawConnection::to_leader(&reader.bootstrap(), &topic, 0).await.unwrap();
    for (max_wait, held) in [(0, 0), (500, 500), (5_000, 1_000)] {
        let start = Instant::now();
        let answer = connection.call(&RawConnection::fetch_request(&at, 12, 0, max_wait), 12).await.unwrap();
        let error = KafkaErrorName::from_code(answer.responses[0].partitions[0].error_code).unwrap();
        assert_eq!(error, "KAFKA_STORAGE_ERROR");
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(held), "{max_wait} ms: held for {took:?} only");
        assert!(took < Duration::from_millis(4_900), "{max_wait} ms: held for {took:?}");
    }
}

/// Conformance: TE-24.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_never_answered_keeps_the_proxy_unready_until_it_does() {
    let cluster = Cluster::shared().await;
    let providers = json!({"default": {"local": {"directory": "later"}}});
    let builder = Proxy::before(cluster).policy(two_keys("never")).config("keyProviders", providers);
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

/// As many keys as make the proxy leave a silent provider alone for a moment.
#[tokio::test(flavor = "multi_thread")]
async fn many_keys_of_a_provider_that_comes_back_are_noticed_soon() {
    let rule =
        |index: usize| Rule::encrypt([Pattern::name(&format!("many.{index}"))], &format!("many-{index}"));
    let policy = PolicyFile::new((0..12).map(rule));
    let providers = json!({"default": {"local": {"directory": "later"}}});
    let builder = Proxy::before(Cluster::shared().await).policy(policy);
    let proxy = builder.config("keyProviders", providers).launch().await;
    let tried = async || {
        let answer = proxy.get("/keys").await;
        answer.is_ok_and(|answer| answer.body.matches("Unavailable").count() == 12)
    };
    eventually("all keys were tried", PATIENCE, tried).await;
    std::fs::rename(proxy.keys_folder(), proxy.folder().join("later")).unwrap();
    let ready = async || proxy.get("/readyz").await.is_ok_and(|answer| answer.status == 200);
    eventually("the proxy is ready", Duration::from_secs(12), ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_loaded_while_a_request_waits_for_a_key_stops_its_clear_topics() {
    let proxy = start("waits").await;
    let (sealed, clear) = (create("waits.a").await, create("waits-clear").await);
    let (mut connection, of_sealed) = RawConnection::to_leader(&proxy.bootstrap(), &sealed, 0).await.unwrap();
    let of_clear = connection.locate(&clear, 0).await.unwrap();
    hide_keys(&proxy);
    proxy.wait_for_key_state("a", "Unavailable").await;
    let request = |at: &Location| RawConnection::produce_request(at, 13, -1, Bytes::from(batch()));
    let mut both = request(&of_sealed).with_timeout_ms(20_000);
    both.topic_data.extend(request(&of_clear).topic_data);
    let before = requests(&proxy).await;
    connection.send(&both, 13).await.unwrap();
    eventually("the request has come", PATIENCE, async || requests(&proxy).await > before).await;

    let policy = two_keys("waits").rule(Rule::encrypt([Pattern::name(&clear)], "a"));
    proxy.apply_policy(&policy).await;
    bring_keys_back(&proxy).unwrap();
    let (_, answer) = connection.receive::<ProduceRequest>(13).await.unwrap();
    let errors = answer.responses.iter().map(|topic| {
        let error = KafkaErrorName::from_code(topic.partition_responses[0].error_code);
        (topic.topic_id, error.map(|error| error.to_string()))
    });
    let expected = [(of_sealed.topic_id, None), (of_clear.topic_id, Some("NOT_ENOUGH_REPLICAS".to_owned()))];
    assert_eq!(errors.collect::<Vec<_>>(), expected);
    assert_eq!(connection.list_offset(&of_clear, -1).await.unwrap(), 0, "nothing is stored in clear");
    works(&proxy, &clear, 1).await;
}
