//! What predecessors wrote, read through the proxy: strimzi/topic-encryption and Kroxylicious.

mod damage;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tests::legacy::{KROXYLICIOUS_HEADER, bytes, vectors};
use tests::{
    Batch, By, Client, Cluster, Codec, ConsumeOptions, Pattern, PolicyFile, ProduceOptions, Proxy,
    RawConnection, Rule, Scratch, SentRecord, assert_same, topic,
};
use tokio::sync::OnceCell;

use crate::tampering::share::{fetch_all, join};
use crate::tampering::stage::plant;

/// A proxy whose rules read both formats, and keys in files.
pub(crate) struct Stage {
    pub(crate) proxy: Proxy,
    _keys: Scratch,
}

/// The key files that a data owner brings along, and one to seal with.
fn key_files(vectors: &Value) -> Scratch {
    let folder = Scratch::new("legacy-keys");
    let write = |name: &str, key: &[u8]| {
        std::fs::write(folder.join(format!("{name}.v1")), STANDARD.encode(key)).unwrap();
    };
    let kroxylicious = &vectors["kroxyliciousV2"];
    write("sealing", &[7; 32]);
    write("former", &bytes(&vectors["topicEncryptionV1"]["key"]));
    write("wrong", &[8; 32]);
    write(kroxylicious["kekId"].as_str().unwrap(), &bytes(&kroxylicious["kek"]));
    folder
}

fn rule(prefix: &str, legacy: Value) -> Rule {
    Rule::encrypt([Pattern::prefix(prefix)], "sealing").on_plaintext("Reject").field("legacy", legacy)
}

fn topic_encryption(key: &str) -> Value {
    json!({"format": "TopicEncryptionV1", "key": {"name": key}})
}

impl Stage {
    pub(crate) async fn shared() -> &'static Self {
        static STAGE: OnceCell<Stage> = OnceCell::const_new();
        STAGE.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let keys = key_files(&vectors());
        let both = json!([topic_encryption("former"), {"format": "KroxyliciousV2"}]);
        let policy = PolicyFile::new([
            rule("legacy.both.", both.clone()),
            rule("legacy.passing.", both).on_plaintext("Pass"),
            rule("legacy.other.", json!([{"format": "KroxyliciousV2", "keys": ["other"]}])),
            rule("legacy.wrong.", json!([topic_encryption("wrong")])),
            rule("legacy.keyless.", json!([topic_encryption("missing")])),
            Rule::encrypt([Pattern::prefix("legacy.none.")], "sealing").on_plaintext("Pass"),
        ]);
        let providers = json!({"default": {"local": {"directory": keys.path()}}});
        let builder = Proxy::before(Cluster::shared().await).policy(policy);
        Self { proxy: builder.config("keyProviders", providers).start().await, _keys: keys }
    }
}

/// The captured values of topic-encryption, and what they are in clear.
pub(super) fn values_of_topic_encryption() -> Vec<(Vec<u8>, Vec<u8>)> {
    pairs(&vectors()["topicEncryptionV1"]["records"])
}

/// Values that Kroxylicious published, and those of an independent writer for the same key.
pub(super) fn values_of_kroxylicious() -> Vec<(Vec<u8>, Vec<u8>)> {
    let vectors = &vectors()["kroxyliciousV2"];
    let written = vectors["written"].as_array().unwrap();
    let in_memory = written.iter().filter(|record| record["key"] == vectors["kekId"]).cloned().collect();
    let all = [pairs(&vectors["published"]), pairs(&Value::Array(in_memory))].concat();
    assert!(all.len() > 3);
    all
}

fn pairs(records: &Value) -> Vec<(Vec<u8>, Vec<u8>)> {
    let records = records.as_array().unwrap().iter();
    records.map(|record| (bytes(&record["value"]), bytes(&record["plaintext"]))).collect()
}

/// A record as Kroxylicious stores it.
pub(super) fn marked(value: impl Into<Vec<u8>>) -> SentRecord {
    SentRecord::of(value).header(KROXYLICIOUS_HEADER, [2])
}

/// A record of either program, stored and in clear, with a key and a header of its client, and a tombstone.
pub(crate) fn stored_and_clear() -> Vec<(SentRecord, SentRecord)> {
    let mut all = Vec::new();
    let dress = |record: SentRecord, index: usize| record.key(format!("key {index}")).header("trace", "1");
    for (index, (value, plain)) in values_of_topic_encryption().into_iter().enumerate() {
        all.push((dress(SentRecord::of(value), index), dress(SentRecord::of(plain), index)));
    }
    for (index, (value, plain)) in values_of_kroxylicious().into_iter().enumerate() {
        all.push((dress(marked(value), 100 + index), dress(SentRecord::of(plain), 100 + index)));
    }
    let tombstone = SentRecord { key: Some(b"gone".to_vec()), ..SentRecord::default() };
    all.push((tombstone.clone(), tombstone));
    all.into_iter().map(|(stored, clear)| (stored.partition(0), clear.partition(0))).collect()
}

/// Conformance: TE-26.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_both_programs_come_back_in_clear_whatever_the_codec() {
    let stage = Stage::shared().await;
    let cluster = Cluster::shared().await;
    let (stored, clear): (Vec<_>, Vec<_>) = stored_and_clear().into_iter().unzip();
    for (codec, client) in [
        (Codec::None, Client::Java),
        (Codec::Gzip, Client::Go),
        (Codec::Snappy, Client::Librdkafka),
        (Codec::Lz4, Client::Java),
        (Codec::Zstd, Client::Go),
    ] {
        let topic = topic(&format!("legacy.both.{codec}"));
        cluster.create_topic(&topic, 1, &[]).await;
        client.produce_all(&ProduceOptions::to(cluster.bootstrap(), &topic).codec(codec), &stored).await;
        // What the same producers then send through the proxy stands beside it.
        let new = [SentRecord::of("sealed by us").key("new").partition(0)];
        client.produce_all(&ProduceOptions::to(stage.proxy.bootstrap(), &topic).codec(codec), &new).await;
        let expected = [clear.clone(), new.to_vec()].concat();
        let received = client.consume_all(&ConsumeOptions::from(stage.proxy.bootstrap(), &topic)).await;
        assert_same(&format!("{codec} {client}"), &expected, &received);
        let offsets: Vec<_> = received.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, (0..).take(expected.len()).collect::<Vec<i64>>(), "{codec}");
    }
    let opened = stage.proxy.metrics().await.sum("topic_encryption_legacy_records_total", &[]);
    assert!(opened >= 5.0 * 6.0, "{opened}");
}

/// Whoever may write could stop all readers otherwise.
/// Conformance: TE-B01.
#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_is_one_whatever_headers_it_has() {
    let (stage, cluster) = (Stage::shared().await, Cluster::shared().await);
    let topic = topic("legacy.passing.tombstone");
    cluster.create_topic(&topic, 1, &[]).await;
    let tombstone = SentRecord { key: Some(b"gone".to_vec()), ..SentRecord::default() }.partition(0);
    let sent = [
        tombstone.clone().header(KROXYLICIOUS_HEADER, [2]),
        tombstone.header("trace", "1").header(KROXYLICIOUS_HEADER, [2]),
    ];
    for bootstrap in [cluster.bootstrap(), stage.proxy.bootstrap()] {
        Client::Java.produce_all(&ProduceOptions::to(bootstrap, &topic), &sent).await;
    }
    let received = Client::Java.consume_all(&ConsumeOptions::from(stage.proxy.bootstrap(), &topic)).await;
    assert_same("tombstones", &[sent.clone(), sent].concat(), &received);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_through_the_proxy_is_always_ours() {
    let stage = Stage::shared().await;
    let topic = topic("legacy.both.written");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    // Also where a client sends what looks like another program's.
    let (value, _) = values_of_topic_encryption().remove(0);
    let sent = Batch::of(&[SentRecord::of(value.clone()), marked(value.clone())]);
    stage.proxy.write_batch(&topic, &sent).await.unwrap();
    let (mut direct, at) = Cluster::shared().await.leader(&topic, 0).await;
    let stored = direct.fetch_all(&at, By::Id).await.unwrap();
    let stored = stored[0].bytes();
    let holds = |needle: &[u8]| stored.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"encryption.strimzi.io") && !holds(&value) && !holds(KROXYLICIOUS_HEADER.as_bytes()));
    // And it is theirs again as they sent it: opened once, not twice.
    let read = stage.proxy.read_batches(&topic, 0).await.unwrap();
    assert_eq!(read, [sent.as_sent()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_entry_in_the_rule_they_are_as_clear_as_before() {
    let stage = Stage::shared().await;
    let topic = topic("legacy.none.untouched");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let stored: Vec<_> = stored_and_clear().into_iter().map(|(stored, _)| stored).collect();
    let batch = Batch::of(&stored);
    let (mut direct, at) = Cluster::shared().await.leader(&topic, 0).await;
    plant(&mut direct, &at, batch.clone()).await;
    assert_eq!(stage.proxy.read_batches(&topic, 0).await.unwrap(), [batch.as_sent()]);
}

/// Conformance: TE-B08.
#[tokio::test(flavor = "multi_thread")]
async fn clear_records_beside_them_are_what_the_rule_says() {
    let stage = Stage::shared().await;
    let (stored, clear) = stored_and_clear().swap_remove(0);
    let other = SentRecord::of("written in clear").key("k");
    for (prefix, passes) in [("legacy.passing.", true), ("legacy.both.", false)] {
        let topic = topic(&format!("{prefix}beside"));
        Cluster::shared().await.create_topic(&topic, 1, &[]).await;
        let (mut direct, at) = Cluster::shared().await.leader(&topic, 0).await;
        plant(&mut direct, &at, Batch::of(&[stored.clone(), other.clone()])).await;
        let read = stage.proxy.read_batches(&topic, 0).await;
        if passes {
            assert_eq!(read.unwrap(), [Batch::of(&[clear.clone(), other.clone()]).as_sent()]);
        } else {
            assert_eq!(read.unwrap_err().as_str(), "CORRUPT_MESSAGE");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn share_groups_read_them_too() {
    let stage = Stage::shared().await;
    let (stored, clear): (Vec<_>, Vec<_>) = stored_and_clear().into_iter().unzip();
    let topic = topic("legacy.both.shared");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let (mut direct, at) = Cluster::shared().await.leader(&topic, 0).await;
    let mut proxied = RawConnection::connect(&stage.proxy.bootstrap()).await.unwrap();
    let member = join(&mut proxied, &at, 1).await;
    plant(&mut direct, &at, Batch::of(&stored)).await;
    let answered = fetch_all(&mut proxied, &member, &at, &[0]).await;
    let read = Batch::split(answered[0].records.as_ref().unwrap());
    assert_eq!(read.iter().map(Batch::as_sent).collect::<Vec<_>>(), [Batch::of(&clear).as_sent()]);
}
