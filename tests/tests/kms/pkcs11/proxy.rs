//! The proxy's program with keys in `SoftHSM`.

use serde_json::json;
use tests::kms::SoftHsm;
use tests::{Batch, Cluster, Pattern, PolicyFile, Proxy, Rule, SentRecord, topic};

use super::Hsm;

/// Tells the process that has the tokens where the broker is, and the topic.
const STAGE: &str = "TOPIC_ENCRYPTION_TEST_STAGE";

/// P17-20: the library is loaded, and its token logged in to, by the program as users run it.
/// Conformance: TE-11.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_sealed_another_reads() {
    let stage = if let Ok(stage) = std::env::var(STAGE) {
        stage
    } else {
        let (cluster, topic) = (Cluster::shared().await, topic("pkcs11"));
        cluster.create_topic(&topic, 1, &[]).await;
        format!("{} {topic}", cluster.bootstrap())
    };
    let test = "pkcs11::proxy::what_a_proxy_sealed_another_reads";
    let Some(hsm) = SoftHsm::alone_with(test, &[(STAGE, &stage)]).await.map(Hsm) else { return };
    let (broker, topic) = stage.split_once(' ').unwrap();
    hsm.write_pin(SoftHsm::PIN);
    hsm.make_version("payments");
    let provider = json!({"pkcs11": {
        "module": hsm.0.module(),
        "tokenLabel": SoftHsm::TOKEN,
        "pinFile": hsm.0.join("pin"),
    }});
    let policy = PolicyFile::new([Rule::encrypt([Pattern::name(topic)], "payments").on_plaintext("Reject")]);
    let builder = Proxy::builder(vec![broker.to_owned()], 1).policy(policy);
    let proxy = builder.config("keyProviders", json!({"default": provider})).start().await;
    let batch = Batch::of(&[SentRecord::of("some value").key("some key"), SentRecord::of("another value")]);
    proxy.write_batch(topic, &batch).await.unwrap();
    // From here on nothing is in a cache.
    proxy.restart().await;
    assert_eq!(proxy.read_batches(topic, 0).await.unwrap(), [batch.as_sent()]);
    hsm.0.destroy_key("payments", "01");
    proxy.restart().await;
    assert_eq!(proxy.read_batches(topic, 0).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
}
