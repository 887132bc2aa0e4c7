//! The proxy, with keys in the stand-in.

use serde_json::json;
use tests::kms::HttpRequest;
use tests::{Batch, Cluster, Pattern, PolicyFile, Proxy, Rule, SentRecord, topic};

use super::*;

/// Conformance: TE-11.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_sealed_another_reads() {
    let cloud = Cloud::managed_hsm().await;
    cloud.azure.make_key("payments");
    let identity = json!({
        "tenantId": Azure::TENANT,
        "clientId": Azure::CLIENT,
        "tokenFile": cloud.folder.join("token"),
        "authority": cloud.endpoint(),
    });
    let provider = json!({
        "vault": cloud.endpoint(),
        "audience": Azure::AUDIENCE,
        "algorithm": "A256KW",
        "credentials": {"workloadIdentity": identity},
        "tls": {"caFile": cloud.certificates.authority()},
    });
    let policy = PolicyFile::new([Rule::encrypt([Pattern::prefix("azurekeyvault")], "payments")]);
    let builder = Proxy::before(Cluster::shared().await).policy(policy);
    let proxy =
        builder.config("keyProviders", json!({"default": {"azureKeyVault": provider}})).launch().await;
    proxy.wait_ready().await;
    let batch = Batch::of(&[SentRecord::of("some value").key("some key"), SentRecord::of("another value")]);
    let topic = topic("azurekeyvault");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    proxy.write_batch(&topic, &batch).await.unwrap();
    // From here on nothing is in a cache.
    proxy.restart().await;
    cloud.azure.take_requests();
    assert_eq!(proxy.read_batches(&topic, 0).await.unwrap(), [batch.as_sent()]);
    let unwrapped = |request: &HttpRequest| request.path.contains("/unwrapkey?");
    assert!(cloud.azure.take_requests().iter().any(unwrapped));
}
