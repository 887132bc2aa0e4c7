//! Every path, without a socket.

use super::*;
use crate::live::testing;
use crate::metrics::Metrics;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use proxy_config::{ConfigPath, PolicyFiles, ProviderName};
use proxy_crypto::{BatchFacts, BatchSealer, EnvelopeHeader, ProviderError};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const POLICY: &str = "rules:\n- topics: [{prefix: payments.}, {name: refunds}]\n  key: {name: payments}\n";

struct Fixture {
    directory: tempfile::TempDir,
    live: Arc<Live>,
    router: Router,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut registry = Metrics::registry();
        let metrics = Metrics::register(&mut registry);
        let files = PolicyFiles {
            file: ConfigPath::new("policy.yaml", directory.path()),
            state_file: Some(ConfigPath::new("policy.yaml.state", directory.path())),
            history_settles: PolicyFiles::HISTORY_SETTLES,
        };
        let (keys, _local) = testing::local_keys(directory.path());
        let providers = [ProviderName::new("default").unwrap()].into();
        let live = Arc::new(Live::new(files, providers, keys, metrics.reloads));
        let router = router(Arc::clone(&live), Arc::new(registry));
        Self { directory, live, router }
    }

    fn load(&self, policy: &str) {
        std::fs::write(self.directory.path().join("policy.yaml"), policy).unwrap();
        self.live.reload_policy();
    }

    async fn answer(&self, path: &str) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn json(&self, path: &str) -> Value {
        let (status, body) = self.answer(path).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

#[tokio::test]
async fn lives_before_it_is_ready() {
    let fixture = Fixture::new();
    assert_eq!(fixture.answer("/livez").await, (200, "ok\n".to_owned()));
    let (status, reasons) = fixture.answer("/readyz").await;
    assert_eq!((status, reasons.lines().count()), (503, 2), "{reasons}");
}

/// Conformance: TE-24.
#[tokio::test]
async fn is_ready_with_a_policy_and_tried_keys() {
    let fixture = Fixture::new();
    fixture.load(POLICY);
    fixture.live.set_listening();
    let (status, obstacle) = fixture.answer("/readyz").await;
    assert!(status == 503 && obstacle.contains("was not tried yet"), "{status}: {obstacle}");
    fixture.live.check_keys_once().await;
    assert_eq!(fixture.answer("/readyz").await, (200, "ok\n".to_owned()));
}

/// Conformance: P17-29.
#[tokio::test]
async fn tells_the_policy_in_force_and_why_not_the_newer_one() {
    let fixture = Fixture::new();
    let none = fixture.json("/policy").await;
    assert_eq!((&none["hash"], &none["generation"]), (&Value::Null, &json!(0)));

    fixture.load(POLICY);
    fixture.load("rules:\n- topics: [{name: refunds}]\n  key: {name: payments}\n");
    fixture.load("rules: 5\n");
    let policy = fixture.json("/policy").await;
    assert_eq!(policy["generation"], 2);
    assert_eq!(policy["hash"].as_str().unwrap().len(), 64);
    assert!(policy["loadedAt"].as_str().unwrap().ends_with('Z'));
    assert!(policy["lastError"].as_str().unwrap().contains("rules"));
    assert_eq!(policy["retired"], json!([{"prefix": "payments."}]));
    assert_eq!(policy["unmatchedTopics"], "Passthrough");
}

#[tokio::test]
async fn tells_each_rules_key() {
    let fixture = Fixture::new();
    assert_eq!(fixture.json("/keys").await, json!([]));
    fixture.load(&format!("{POLICY}- topics: [{{name: a}}]\n  key: {{name: nobody}}\n"));
    assert_eq!(fixture.json("/keys").await[0]["state"], "Unknown");
    fixture.live.check_keys_once().await;
    let keys = fixture.json("/keys").await;
    assert_eq!(keys[0]["topics"], json!([{"prefix": "payments."}, {"name": "refunds"}]));
    assert_eq!((&keys[0]["provider"], &keys[0]["key"]), (&json!("default"), &json!("payments")));
    assert_eq!((&keys[0]["state"], &keys[0]["message"]), (&json!("Ready"), &Value::Null));
    assert_eq!(keys[1]["state"], "Refused");
    assert!(keys[1]["message"].is_string() && keys[1]["checkedAt"].is_string());
}

#[tokio::test]
async fn tells_pending_rules_and_keys_for_reading() {
    let fixture = Fixture::new();
    fixture.load(
        "readKeys: [{name: nobody}]\nrules:\n- {topics: [{name: a}], encryption: Retired, key: {name: former}}\n\
         - {topics: [{name: b}], encryption: Pending, key: {name: payments}}\n",
    );
    let policy = fixture.json("/policy").await;
    assert_eq!((&policy["rules"], &policy["pending"]), (&json!(2), &json!(1)));
    assert_eq!(policy["retired"], json!([{"name": "a"}]));
    fixture.live.check_keys_once().await;
    let keys = fixture.json("/keys").await;
    let shown = |at: usize| (keys[at]["key"].clone(), keys[at]["topics"].clone(), keys[at]["state"].clone());
    assert_eq!(shown(0), (json!("payments"), json!([{"name": "b"}]), json!("Ready")));
    assert_eq!(shown(1), (json!("nobody"), json!([]), json!("Refused")));
    assert_eq!(keys.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn tells_what_readers_are_refused_until_the_same_version_opens_again() {
    let fixture = Fixture::new();
    fixture.load(POLICY);
    let data_key = fixture.live.keys().data_key("default", "payments").await.unwrap();
    let facts = BatchFacts { attributes: 0, record_count: 1, base_timestamp: 0, max_timestamp: 0 };
    let mut header = Vec::new();
    BatchSealer::new(&data_key, 1).unwrap().header(&facts, &mut header);
    let envelope = EnvelopeHeader::parse(&header).unwrap();
    let (provider, key, cause) = (data_key.provider().clone(), data_key.key().clone(), "too old".to_owned());
    let silence =
        ProviderError::Unavailable { provider: provider.clone(), key: key.clone(), cause: cause.clone() };
    let refusal = ProviderError::Refused { provider, key, cause, gone: false };
    let (unreadable, version) = (fixture.live.unreadable(), || Some("1".to_owned()));
    unreadable.note_refused(&envelope, "payments.in", &silence, version);
    assert_eq!(fixture.json("/keys").await[0]["refused"], Value::Null);

    unreadable.note_refused(&envelope, "payments.in", &refusal, version);
    let told = fixture.json("/keys").await;
    assert_eq!(told.as_array().unwrap().len(), 1);
    let refused = &told[0]["refused"][0];
    assert_eq!((&refused["topic"], &refused["version"]), (&json!("payments.in"), &json!("1")));
    assert_eq!((&refused["cause"], refused["since"].is_string()), (&json!("too old"), true));
    fixture.load("rules: []\n");
    let told = fixture.json("/keys").await;
    assert_eq!((&told[0]["key"], &told[0]["topics"]), (&json!("payments"), &json!([])), "a former key");
    assert_eq!(told[0]["refused"][0], *refused);

    unreadable.note_there(&envelope, || Some("2".to_owned()));
    assert_eq!(fixture.json("/keys").await.as_array().unwrap().len(), 1, "another version");
    unreadable.note_there(&envelope, version);
    assert_eq!(fixture.json("/keys").await, json!([]));
}

#[tokio::test]
async fn tells_where_brokers_are_and_why_not_by_the_newer_file() {
    let fixture = Fixture::new();
    assert_eq!(fixture.answer("/brokers").await.0, 503);
    let file = fixture.directory.path().join("brokers.yaml");
    let brokers = Arc::new(crate::brokers::Brokers::following(file.clone(), Some(3)));
    fixture.live.follow_brokers(Arc::clone(&brokers));
    assert!(fixture.answer("/readyz").await.1.contains("no broker addresses are loaded yet\n"));
    assert_eq!(fixture.json("/brokers").await["hash"], Value::Null);

    std::fs::write(&file, "brokers: {0: 'kafka-0:9092', 1: '[::1]:9092', 7: 'kafka-7:9092'}\n").unwrap();
    brokers.reload();
    brokers.learn(2, "kafka-2", 9092);
    std::fs::write(&file, "brokers: 5\n").unwrap();
    brokers.reload();
    let told = fixture.json("/brokers").await;
    assert_eq!(told["brokers"], json!({"0": "kafka-0:9092", "1": "[::1]:9092"}));
    assert_eq!((&told["learned"], &told["skipped"]), (&json!({"2": "kafka-2:9092"}), &json!([7])));
    assert_eq!((told["hash"].as_str().unwrap().len(), &told["generation"]), (64, &json!(1)));
    assert!(told["loadedAt"].as_str().unwrap().ends_with('Z'));
    assert!(told["lastError"].as_str().unwrap().contains("brokers.yaml is invalid"), "{told}");
    assert!(!fixture.answer("/readyz").await.1.contains("broker"));
}

#[tokio::test]
async fn topics_come_from_the_data_plane() {
    let fixture = Fixture::new();
    assert_eq!(fixture.answer("/topics").await.0, 503);
    fixture.live.report_topics(|| json!({"refunds": "Batch"}));
    assert_eq!(fixture.json("/topics").await, json!({"refunds": "Batch"}));
}

#[tokio::test]
async fn metrics_are_complete() {
    let (status, text) = Fixture::new().answer("/metrics").await;
    assert_eq!(status, 200);
    assert!(text.ends_with("# EOF\n"));
    assert!(text.contains("topic_encryption_connections_open 0\n"), "{text}");
}
