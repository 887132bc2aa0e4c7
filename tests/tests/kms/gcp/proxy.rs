//! The proxy, with keys in the stand-in.

use serde_json::json;
use tests::kms::HttpRequest;
use tests::{Batch, Cluster, Pattern, PolicyFile, Proxy, Rule, SentRecord, topic};

use super::*;

/// Conformance: TE-11.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_sealed_another_reads() {
    let cloud = Cloud::start().await;
    cloud.gcp.make_key("payments");
    let federation = json!({
        "audience": Gcp::AUDIENCE,
        "tokenFile": cloud.folder.join("subject"),
        "stsEndpoint": cloud.endpoint(),
    });
    let provider = json!({
        "endpoint": cloud.endpoint(),
        "keyRing": Gcp::KEY_RING,
        "credentials": {"workloadIdentity": federation},
        "tls": {"caFile": cloud.certificates.authority()},
    });
    let policy = PolicyFile::new([Rule::encrypt([Pattern::prefix("gcpkms")], "payments")]);
    let builder = Proxy::before(Cluster::shared().await).policy(policy);
    let proxy = builder.config("keyProviders", json!({"default": {"gcpKms": provider}})).launch().await;
    proxy.wait_ready().await;
    let batch = Batch::of(&[SentRecord::of("some value").key("some key"), SentRecord::of("another value")]);
    let topic = topic("gcpkms");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    proxy.write_batch(&topic, &batch).await.unwrap();
    // From here on nothing is in a cache.
    proxy.restart().await;
    cloud.gcp.take_requests();
    assert_eq!(proxy.read_batches(&topic, 0).await.unwrap(), [batch.as_sent()]);
    let unwrapped = |request: &HttpRequest| request.path.ends_with("/payments:decrypt");
    assert!(cloud.gcp.take_requests().iter().any(unwrapped));
}
