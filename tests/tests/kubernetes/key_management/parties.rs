//! Namespaces and accounts as in the sample of the separation of duty.

use serde_json::json;
use tests::kubernetes::{Account, OpenBao, Stage};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples");
const SETTINGS: [&str; 5] = [
    "watchAnyNamespace=true",
    "kafkaNamespaces=[\"duty-kafka\"]",
    "selector=test=duty",
    "fullnameOverride=duty",
    "rbac.namespaceSelectors=true",
];

/// Everybody, and what they have.
pub(super) struct Parties {
    /// Where Kafka and the proxies are.
    pub(super) platform: Stage,
    /// Where the policy is.
    pub(super) data: Stage,
    pub(super) bao: OpenBao,
    /// Who runs Kafka.
    pub(super) operator: Account,
    /// Who owns the data.
    pub(super) owner: Account,
    _operators: Stage,
}

impl Parties {
    pub(super) async fn start() -> Self {
        let platform = Stage::named("duty-kafka").without_operator().start().await;
        let data = Stage::named("duty-payments").without_kafka().without_operator().start().await;
        let operators = Stage::named("duty-operator").without_kafka();
        let operators = SETTINGS.iter().fold(operators, |stage, setting| stage.set(setting)).start().await;
        let bao = platform.open_bao().await;
        bao.set_up("payments").await;
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
        let mut proxy = sample("30-proxy-vault.yaml").replace("revocationDelay: 10m", "revocationDelay: 30s");
        proxy = proxy.replace("namespace: duty-kafka}", "namespace: duty-kafka, labels: {test: duty}}");
        proxy.push_str("  allowedPolicies:\n    namespaces: Selector\n    selector:\n      matchLabels: {example.com/uses-kafka: my-cluster}\n");
        platform.apply(&proxy).await;
        let policy = json!({
            "apiVersion": "encryption.strimzi.io/v1alpha1",
            "kind": "TopicEncryptionPolicy",
            "metadata": {"name": "payments", "namespace": data.namespace(), "labels": {"test": "duty"}},
            "spec": {
                "kafkaRef": {"name": "my-cluster", "namespace": platform.namespace()},
                "rules": [{
                    "topics": [{"prefix": "payments."}],
                    "key": {"name": "payments"},
                    "onPlaintext": "Reject",
                }],
            },
        });
        owner.apply(&policy.to_string()).await.unwrap_or_else(|failed| panic!("{failed}"));
        Self { platform, data, bao, operator, owner, _operators: operators }
    }
}
