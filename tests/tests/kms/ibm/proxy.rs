//! The proxy, with keys in the stand-in.

use serde_json::json;
use tests::kms::HttpRequest;
use tests::{Batch, Cluster, Pattern, PolicyFile, Proxy, Rule, SentRecord, topic};

use super::*;

/// Conformance: P17-20, P17-25, TE-11, TE-B09.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_sealed_another_reads() {
    let cloud = Cloud::start().await;
    cloud.ibm.make_key("payments");
    let provider = json!({
        "endpoint": cloud.endpoint(),
        "instanceId": Ibm::INSTANCE,
        "iamEndpoint": cloud.endpoint(),
        "credentials": {"trustedProfile": {"profileId": Ibm::PROFILE, "tokenFile": cloud.folder.join("token")}},
        "tls": {"caFile": cloud.certificates.authority()},
    });
    let policy = PolicyFile::new([Rule::encrypt([Pattern::prefix("ibmkeyprotect")], "payments")]);
    let builder = Proxy::before(Cluster::shared().await).policy(policy);
    let proxy =
        builder.config("keyProviders", json!({"default": {"ibmKeyProtect": provider}})).launch().await;
    proxy.wait_ready().await;
    let batch = Batch::of(&[SentRecord::of("some value").key("some key"), SentRecord::of("another value")]);
    let topic = topic("ibmkeyprotect");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    proxy.write_batch(&topic, &batch).await.unwrap();
    // From here on nothing is in a cache.
    proxy.restart().await;
    cloud.ibm.take_requests();
    assert_eq!(proxy.read_batches(&topic, 0).await.unwrap(), [batch.as_sent()]);
    let unwrapped = |request: &HttpRequest| request.path.contains("/payments/actions/unwrap");
    assert!(cloud.ibm.take_requests().iter().any(unwrapped));
}
