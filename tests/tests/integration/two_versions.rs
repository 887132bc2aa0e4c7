//! Two versions of the proxy in one fleet, an upgrade, and a rollback. `fixtures/previous` says which version is the previous one.

use std::path::Path;
use std::time::Duration;

use tests::segments::StoredRecord;
use tests::{
    By, Client, Cluster, Codec, ConsumeOptions, Feed, KafkaErrorName, Pattern, Payload, PolicyFile,
    ProduceOptions, Proxy, RawConnection, Rule, Segments, SentRecord, Version, assert_same, eventually_ok,
    topic,
};

/// Files are looked at every second, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

const FORMATS: [&str; 2] = ["Batch", "Record"];

fn policy() -> PolicyFile {
    let rule = |format: &str| {
        let topics = Pattern::prefix(&format!("two.{format}.").to_lowercase());
        Rule::encrypt([topics], "fleet").format(format).on_plaintext("Reject")
    };
    PolicyFile::new(FORMATS.map(rule))
}

/// A proxy of the fleet: all have the same policy and keys.
async fn proxy(version: Version) -> Proxy {
    Proxy::before(Cluster::shared().await).version(version).policy(policy()).key("none", 1).launch().await
}

async fn fleet(versions: [Version; 2]) -> [Proxy; 2] {
    let key = std::array::from_fn::<u8, 32, _>(|index| u8::try_from(index).unwrap());
    let fleet = [proxy(versions[0]).await, proxy(versions[1]).await];
    for proxy in &fleet {
        proxy.write_key_bytes("fleet", 1, &key);
        proxy.wait_ready().await;
        proxy.wait_for_key_state("fleet", "Ready").await;
    }
    fleet
}

/// Names say which version it is, so that nothing is proved by the same program twice.
fn version(proxy: &Proxy) -> String {
    let program = std::fs::read_link(Path::new("/proc").join(proxy.id().to_string()).join("exe")).unwrap();
    program.file_name().unwrap().to_string_lossy().into_owned()
}

/// Whether each record that is stored bears an envelope.
async fn all_sealed(topic: &str) -> bool {
    let batches = Segments::of(Cluster::shared().await.topic_dirs(topic)).dump().await;
    let mut records =
        batches.iter().flat_map(|batch| &batch.records).filter(|record| record.value.is_some()).peekable();
    let envelope =
        |record: &StoredRecord| record.headers.iter().any(|(name, _)| name == "encryption.strimzi.io");
    records.peek().is_some() && records.all(envelope)
}

/// Conformance: P17-11.
#[tokio::test(flavor = "multi_thread")]
async fn each_version_reads_what_the_other_writes() {
    let [previous, present] = fleet([Version::Previous, Version::Present]).await;
    assert_ne!(version(&previous), version(&present));
    for (writer, reader) in [(&previous, &present), (&present, &previous)] {
        for format in FORMATS {
            for codec in [Codec::None, Codec::Zstd] {
                let topic = topic(&format!("two.{}.orders", format.to_lowercase()));
                Cluster::shared().await.create_topic(&topic, 1, &[]).await;
                let sent = Payload::new(7).orders(30);
                let options = ProduceOptions::to(writer.bootstrap(), &topic).codec(codec);
                Client::Librdkafka.produce_all(&options, &sent).await;
                assert!(all_sealed(&topic).await, "{format}, {codec}");
                let received =
                    Client::Librdkafka.consume_all(&ConsumeOptions::from(reader.bootstrap(), &topic)).await;
                assert_same(&format!("{format}, {codec}"), &sent, &received);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_goes_on_through_an_upgrade_and_a_rollback() {
    let [moving, previous] = fleet([Version::Previous, Version::Previous]).await;
    for format in FORMATS {
        let topic = topic(&format!("two.{}.orders", format.to_lowercase()));
        Cluster::shared().await.create_topic(&topic, 1, &[]).await;
        let mut feed = Feed::start(&moving.bootstrap(), &topic, &[]).await;
        feed.send(50).await;
        for version in [Version::Present, Version::Previous] {
            moving.replace_by(version).await;
            feed.send(50).await;
        }
        feed.finish().await;
        assert!(all_sealed(&topic).await, "{format}");
        for reader in [&moving, &previous] {
            let received = Client::Java.consume_all(&ConsumeOptions::from(reader.bootstrap(), &topic)).await;
            assert_same("after the rollback", &Feed::records(150), &received);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_ever_encrypted_outlasts_an_upgrade_and_a_rollback() {
    let [proxy, _] = fleet([Version::Previous, Version::Previous]).await;
    let topic = topic("two.batch.orders");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let sent = [SentRecord::of("written before")];
    Client::Librdkafka.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic), &sent).await;
    proxy.replace_by(Version::Present).await;
    proxy.apply_policy(&PolicyFile::new([])).await;
    is_retired(&proxy, &topic, &sent).await;
    // The previous version reads what the present one left beside the policy.
    proxy.replace_by(Version::Previous).await;
    is_retired(&proxy, &topic, &sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_does_not_know_sealed_headers_refuses_their_rule_and_their_records() {
    refused_by_the_previous("headers", async |_, rule| rule.seal_headers()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_does_not_know_pseudonyms_refuses_their_rule_and_their_records() {
    refused_by_the_previous("recordKeys", async |proxy, rule| {
        rule.pseudonyms(&proxy.pseudonym_key("fleet").await)
    })
    .await;
}

/// A format that came later is for proxies that know it: the previous version neither takes the rule that has the field, nor guesses.
async fn refused_by_the_previous(field: &str, with: impl AsyncFn(&Proxy, Rule) -> Rule) {
    let [previous, present] = fleet([Version::Previous, Version::Present]).await;
    let rule = with(&present, Rule::encrypt([Pattern::prefix("two.record.")], "fleet")).await;
    present.apply_policy(&PolicyFile::new([rule.clone()])).await;
    previous.write_policy(&PolicyFile::new([rule]));
    let complains = async || match previous.policy().await["lastError"].as_str() {
        Some(error) if error.contains(field) => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok("the previous version says that it does not know the field", PATIENCE, complains).await;

    let topic = topic("two.record.orders");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let sent = Payload::new(7).orders(30);
    Client::Librdkafka.produce_all(&ProduceOptions::to(present.bootstrap(), &topic), &sent).await;
    let options = ConsumeOptions::from(present.bootstrap(), &topic);
    assert_same("read by the writer's version", &sent, &Client::Librdkafka.consume_all(&options).await);
    let at = Cluster::shared().await.locate(&topic, 0).await;
    let mut connection = RawConnection::connect(&previous.bootstrap()).await.unwrap();
    let fetched = connection.fetch(&at, By::Id, 0).await.unwrap();
    assert_eq!(fetched.error.as_ref().map(ToString::to_string).as_deref(), Some("CORRUPT_MESSAGE"));
    assert_eq!(fetched.batches(), []);
}

async fn is_retired(proxy: &Proxy, topic: &str, sent: &[SentRecord]) {
    let options = ProduceOptions::to(proxy.bootstrap(), topic);
    let refused = Client::Librdkafka.produce(&options, &[SentRecord::of("in clear")]).await;
    assert_eq!(refused, [Err(KafkaErrorName::new("POLICY_VIOLATION"))]);
    let received = Client::Librdkafka.consume_all(&ConsumeOptions::from(proxy.bootstrap(), topic)).await;
    assert_same("what the retired topic holds", sent, &received);
}
