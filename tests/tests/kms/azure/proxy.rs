//! The proxy, with keys in the stand-in.

use serde_json::{Value, json};
use tests::kms::HttpRequest;
use tests::{Batch, Cluster, Pattern, PolicyFile, Proxy, Rule, SentRecord, topic};

use super::*;

/// A proxy whose topics `PREFIX…` have the key `payments`.
async fn proxy(cloud: &Cloud, prefix: &str) -> Proxy {
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
    let policy = PolicyFile::new([Rule::encrypt([Pattern::prefix(prefix)], "payments")]);
    let builder = Proxy::before(Cluster::shared().await).policy(policy);
    let proxy =
        builder.config("keyProviders", json!({"default": {"azureKeyVault": provider}})).launch().await;
    proxy.wait_ready().await;
    proxy
}

/// Conformance: TE-11.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_sealed_another_reads() {
    let cloud = Cloud::managed_hsm().await;
    let proxy = proxy(&cloud, "azurekeyvault").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_of_each_request() {
    let cloud = Cloud::managed_hsm().await;
    let proxy = proxy(&cloud, "azureaudit").await;
    let topic = topic("azureaudit");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    proxy.write_batch(&topic, &Batch::of(&[SentRecord::of("some value")])).await.unwrap();
    cloud.azure.delete("payments");
    proxy.restart().await;
    assert_eq!(proxy.read_batches(&topic, 0).await.unwrap_err(), "TOPIC_AUTHORIZATION_FAILED");
    assert!(proxy.terminate().await.success());

    let log = proxy.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<_> = lines.filter(|line| line["provider"] == "default").collect();
    let told = |operation: &str| lines.iter().filter(|line| line["operation"] == operation).count();
    let requests = cloud.azure.take_requests();
    let served = |part: &str| requests.iter().filter(|request| request.path.contains(part)).count();
    for (operation, part) in [
        ("login", "/oauth2/v2.0/token"),
        ("generate", "/wrapkey?"),
        ("unwrap", "/unwrapkey?"),
        ("isDeleted", "/deletedkeys/"),
    ] {
        assert!(served(part) > 0, "{part}");
        assert_eq!(told(operation), served(part), "{operation}");
    }
    let looked: Vec<_> = lines.iter().filter(|line| line["operation"] == "isDeleted").collect();
    assert!(looked.iter().all(|line| line["outcome"] == "ok" && line["data_key"].is_string()), "{looked:?}");
    assert!(!log.contains(&cloud.azure.token()) && !log.contains(TOKEN), "no log shows a token");
}
