//! Namespaces and accounts as in the sample of the separation of duty.

use serde_json::{Value, json};
use tests::kubernetes::{Account, OpenBao, Stage};

use super::credentials;
use super::page::Page;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples");
const SETTINGS: [&str; 6] = [
    "watchAnyNamespace=true",
    "kafkaNamespaces=[\"duty-kafka\"]",
    "selector=test=duty",
    "fullnameOverride=duty",
    "rbac.namespaceSelectors=true",
    // So it has no right to what the proxies log in with.
    "rbac.kafkaNames[0]=my-cluster",
];

/// Whose applications write and read: the brokers know them by a password.
pub(super) const CLIENT: &str = "alice";

/// Everybody, and what they have.
pub(super) struct Parties {
    /// Where Kafka and the proxies are.
    pub(super) platform: Stage,
    /// Where the policy is.
    pub(super) data: Stage,
    pub(super) bao: OpenBao,
    pub(super) page: Page,
    /// What the proxies have for the second provider, in a Secret.
    pub(super) first_token: String,
    /// Who runs Kafka.
    pub(super) operator: Account,
    /// Who owns the data.
    pub(super) owner: Account,
    /// Where the operator is.
    pub(super) operators: Stage,
}

impl Parties {
    pub(super) async fn start() -> Self {
        let operators = Stage::named("duty-operator").without_kafka();
        let operators = SETTINGS.iter().fold(operators, |stage, setting| stage.set(setting));
        let data = Stage::named("duty-payments").without_kafka().without_operator();
        let platform = Stage::named("duty-kafka").listeners("scram").without_operator().start().await;
        // The chart makes Roles in the namespace, which is there by now.
        let (bao, data, operators) = tokio::join!(platform.open_bao(), data.start(), operators.start());
        let page = Page::of("duty-kafka");
        page.set_up(&bao).await;
        let first_token = credentials::make(&platform, &bao).await;
        platform.strimzi("user", &[CLIENT, "scram-sha-512"]).await;
        let sample = |file: &str| {
            let sample = std::fs::read_to_string(format!("{SAMPLES}/{file}")).unwrap();
            let sample = sample.replace("namespace: kafka", "namespace: duty-kafka");
            sample.replace("team-payments", "duty-payments")
        };
        // The roles, for accounts instead of people.
        platform.kubectl(&["create", "serviceaccount", "platform"]).await;
        data.kubectl(&["create", "serviceaccount", "owner"]).await;
        let roles = sample("61-separation-of-duty.yaml");
        let roles = platform.kubernetes().exec(&["kubectl", "apply", "-f", "-"], Some(&roles)).await;
        roles.unwrap_or_else(|failed| panic!("{failed}"));
        let bind = |role: &str, account: &str| {
            let role = format!("--role={role}");
            let account = format!("--serviceaccount={account}");
            ["create".to_owned(), "rolebinding".to_owned(), "test".to_owned(), role, account]
        };
        let words = bind("kafka-platform", "duty-kafka:platform");
        platform.kubectl(&words.each_ref().map(String::as_str)).await;
        let words = bind("data-owner", "duty-payments:owner");
        data.kubectl(&words.each_ref().map(String::as_str)).await;
        let (operator, owner) = (platform.account("platform").await, data.account("owner").await);

        // What two of them reviewed.
        platform.apply(&encryption_proxy(&sample("30-proxy-vault.yaml")).to_string()).await;
        for (name, key) in [
            ("payments", json!({"name": "payments"})),
            ("refunds", json!({"provider": "refunds", "name": "refunds"})),
        ] {
            let policy = json!({
                "apiVersion": "encryption.strimzi.io/v1alpha1",
                "kind": "TopicEncryptionPolicy",
                "metadata": {"name": name, "namespace": data.namespace(), "labels": {"test": "duty"}},
                "spec": {
                    "kafkaRef": {"name": "my-cluster", "namespace": platform.namespace()},
                    "rules": [{
                        "topics": [{"prefix": format!("{name}.")}],
                        "key": key,
                        "onPlaintext": "Reject",
                    }],
                },
            });
            owner.apply(&policy.to_string()).await.unwrap_or_else(|failed| panic!("{failed}"));
        }
        Self { platform, data, bao, page, first_token, operator, owner, operators }
    }
}

/// That of the sample, with short times, and a second provider that is the same but for the login.
fn encryption_proxy(sample: &str) -> Value {
    let mut proxy: Value = serde_yaml::from_str(sample).unwrap();
    proxy["metadata"]["labels"] = json!({"test": "duty"});
    let spec = &mut proxy["spec"];
    spec["keys"] = json!({"maxAge": "1h", "revocationDelay": "30s", "outageGrace": "30s"});
    let selector = json!({"matchLabels": {"example.com/uses-kafka": "my-cluster"}});
    spec["allowedPolicies"] = json!({"namespaces": "Selector", "selector": selector});
    let mut second = spec["keyProviders"][0].clone();
    second["name"] = json!("refunds");
    second["vault"]["authentication"] = json!({"tokenSecretRef": {"name": "refunds-token"}});
    spec["keyProviders"].as_array_mut().unwrap().push(second);
    proxy
}
