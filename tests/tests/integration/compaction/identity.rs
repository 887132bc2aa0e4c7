//! Batch format gives back the producer's batch byte for byte, but for what a broker assigns: base offset, leader epoch
//! and, where the topic says so, its own time.

use tests::{
    Batch, By, Client, Cluster, Codec, Field, Payload, ProduceOptions, Proxy, RawConnection, Segments,
    SentRecord, topic,
};

/// Of the attributes: the timestamp is the broker's.
const APPEND_TIME: i64 = 8;

/// The batches that a client makes of the records: it sends them straight to the broker, which stores them as they are.
pub(crate) async fn from_a_client(client: Client, codec: Codec, records: &[SentRecord]) -> Vec<Batch> {
    let cluster = Cluster::shared().await;
    let topic = topic(&format!("clear.identity-{client}-{codec}"));
    cluster.create_topic(&topic, 1, &[]).await;
    let options =
        ProduceOptions::to(cluster.bootstrap(), &topic).codec(codec).idempotent(false).linger_ms(100);
    client.produce_all(&options, records).await;
    let (mut connection, at) = cluster.leader(&topic, 0).await;
    let batches = connection.fetch_all(&at, By::Name).await.unwrap();
    // Clients do not compress where that makes a batch larger.
    assert!(batches.iter().any(|batch| batch.codec() == codec.number()), "{client} did not use {codec}");
    batches.iter().map(Batch::as_sent).collect()
}

/// A batch or more of each codec.
async fn of_all_codecs() -> Vec<Batch> {
    let mut batches = Vec::new();
    for (codec, client) in Codec::ALL.into_iter().zip(Client::ALL.into_iter().cycle()) {
        let orders = Payload::new(codec.number().unsigned_abs() + 40).orders(50);
        batches.extend(from_a_client(client, codec, &orders).await);
        let one = [SentRecord::of("a value ".repeat(40)).key("a key").partition(0)];
        batches.extend(from_a_client(client, codec, &one).await);
    }
    batches
}

/// Sends the batches through the proxy and fetches them through the proxy, by name and by id.
async fn through(topic: &str, batches: &[Batch]) -> Vec<Batch> {
    let bootstrap = Proxy::shared().await.bootstrap();
    let (mut connection, at) = RawConnection::to_leader(&bootstrap, topic, 0).await.unwrap();
    for (index, batch) in batches.iter().enumerate() {
        let by = if index % 2 == 0 { By::Name } else { By::Id };
        let appended = connection.produce(&at, by, batch.clone()).await.unwrap();
        assert_eq!(appended.error, None, "{topic}: {:?}", appended.message);
    }
    let fetched = connection.fetch_all(&at, By::Id).await.unwrap();
    assert!(connection.fetch_all(&at, By::Name).await.unwrap() == fetched, "Fetch by name and by id differ");
    assert_eq!(fetched.len(), batches.len(), "{topic}");
    fetched
}

fn assert_identical(what: &str, sent: &[Batch], fetched: &[Batch]) {
    let mut next = 0;
    for (sent, fetched) in sent.iter().zip(fetched) {
        assert!(
            sent.bytes() == fetched.as_sent().bytes(),
            "{what}: codec {}, offset {next}\n   sent {:?}\nfetched {:?}",
            sent.codec(),
            sent.bytes(),
            fetched.bytes()
        );
        assert_eq!(fetched.field(Field::BaseOffset), next, "{what}");
        next = fetched.next_offset();
    }
}

/// The test would see it if what is on disk came back as it is.
async fn assert_not_stored_as_sent(topic: &str, sent: &[Batch]) {
    let (mut connection, at) = Cluster::shared().await.leader(topic, 0).await;
    let stored = connection.fetch_all(&at, By::Name).await.unwrap();
    assert_eq!(stored.len(), sent.len(), "{topic}");
    for (stored, sent) in stored.iter().zip(sent) {
        assert!(stored.records() != sent.records(), "{topic} is clear");
    }
}

/// TE-17: where nothing is to be encrypted, the broker stores and consumers get the producer's own bytes, of every codec.
#[tokio::test(flavor = "multi_thread")]
async fn clear_topics_have_the_producers_bytes_at_rest_too() {
    let batches = of_all_codecs().await;
    let topic = topic("clear.identity");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let fetched = through(&topic, &batches).await;
    assert_identical("through the proxy", &batches, &fetched);
    let (mut connection, at) = Cluster::shared().await.leader(&topic, 0).await;
    let stored = connection.fetch_all(&at, By::Name).await.unwrap();
    assert_eq!(stored.len(), batches.len());
    assert_identical("at the broker", &batches, &stored);
}

/// Conformance: P17-10, TE-B04.
#[tokio::test(flavor = "multi_thread")]
async fn batch_format_gives_back_the_producers_bytes() {
    let batches = of_all_codecs().await;
    let topic = topic("batch.identity");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let fetched = through(&topic, &batches).await;
    assert_identical("as stored", &batches, &fetched);
    assert_not_stored_as_sent(&topic, &batches).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_format_gives_back_the_producers_bytes_where_brokers_recompress() {
    let batches = of_all_codecs().await;
    for codec in Codec::ALL {
        let setting = if codec == Codec::None { "uncompressed" } else { codec.name() };
        let topic = topic(&format!("batch.identity-stored-{codec}"));
        Cluster::shared().await.create_topic(&topic, 1, &[("compression.type", setting)]).await;
        let fetched = through(&topic, &batches).await;
        let stored = Segments::of(Cluster::shared().await.topic_dirs(&topic)).dump().await;
        assert!(
            stored.iter().all(|batch| batch.codec == codec.name()),
            "the broker did not use {codec}: {stored:?}"
        );
        assert_identical(setting, &batches, &fetched);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_format_differs_in_the_time_alone_where_brokers_set_it() {
    let batches = of_all_codecs().await;
    let topic = topic("batch.identity-append-time");
    Cluster::shared().await.create_topic(&topic, 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let fetched = through(&topic, &batches).await;
    let stored = Segments::of(Cluster::shared().await.topic_dirs(&topic)).dump().await;
    let mut undone = Vec::new();
    for ((sent, fetched), stored) in batches.iter().zip(&fetched).zip(&stored) {
        assert!(fetched.is_sound(), "the checksum is wrong: {fetched:?}");
        assert_eq!(stored.fields["maxTimestamp"], fetched.field(Field::MaxTimestamp));
        assert_eq!(fetched.field(Field::Attributes) & APPEND_TIME, APPEND_TIME);
        let mut batch = fetched.clone();
        batch.set(Field::Attributes, fetched.field(Field::Attributes) & !APPEND_TIME);
        batch.set(Field::MaxTimestamp, sent.field(Field::MaxTimestamp));
        batch.seal();
        undone.push(batch);
    }
    assert_identical("but for the time", &batches, &undone);
}
