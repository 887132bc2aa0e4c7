//! The same at a provider that can disable a key.

use serde_json::json;
use tests::kms::LocalKms;
use tests::{Cluster, Pattern, PolicyFile, Proxy, Rule};

use super::super::super::aws::Aws;
use super::{REFUSED, Replicas, times};

pub(super) async fn disabled_key() -> String {
    let server = LocalKms::start().await;
    let aws = Aws::before(server.address()).await;
    let id = server.make_key("a").await;
    let policy = PolicyFile::new([Rule::encrypt([Pattern::prefix("disabled.")], "a")]);
    let cluster = Cluster::shared().await;
    let proxy = || {
        let builder = Proxy::before(cluster).policy(policy.clone()).config("keys", times());
        builder.config("keyProviders", json!({"default": aws.yaml()})).start()
    };
    let proxies = [proxy().await, proxy().await];
    let replicas = Replicas::start(&proxies, "disabled.a").await;
    let disable = async {
        server.kms("DisableKey", json!({"KeyId": id})).await;
    };
    let told = replicas.stop_after("key disabled in local-kms", disable, Some(REFUSED)).await;
    server.kms("EnableKey", json!({"KeyId": id})).await;
    replicas.say(None, None).await;
    told
}
