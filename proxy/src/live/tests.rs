//! Loading, keeping and losing policies, with real files.

use super::*;
use crate::metrics::Metrics;
use proxy_config::{ConfigPath, Decision, TopicHistory, TopicId, TopicName};
use tempfile::TempDir;

const PAYMENTS: &str = "rules:\n- topics: [{prefix: payments.}]\n  key: {name: payments}\n";
const TOPIC: &str = "payments.in";
const ID: TopicId = TopicId([1; 16]);
const NOTHING: &str = "rules: []\n";
const CLEARED: &str = "rules:\n- topics: [{prefix: payments.}]\n  encryption: Disabled\n";

struct Fixture {
    directory: TempDir,
    metrics: ReloadMetrics,
    live: Live,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (metrics, live) = open(&directory);
        Self { directory, metrics, live }
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.directory.path().join(file), text).unwrap();
    }

    /// As after a crash.
    fn restart(self) -> Self {
        let (metrics, live) = open(&self.directory);
        Self { directory: self.directory, metrics, live }
    }

    fn decides(&self, topic: &str) -> String {
        self.live.policy().unwrap().effective.decide(topic).to_string()
    }
}

fn open(directory: &TempDir) -> (ReloadMetrics, Live) {
    open_with(directory, Some(ConfigPath::new("policy.yaml.state", directory.path())))
}

fn open_with(directory: &TempDir, state_file: Option<ConfigPath>) -> (ReloadMetrics, Live) {
    let metrics = Metrics::register(&mut Metrics::registry()).reloads;
    let files = PolicyFiles {
        file: ConfigPath::new("policy.yaml", directory.path()),
        state_file,
        history_settles: PolicyFiles::HISTORY_SETTLES,
    };
    let (keys, _local) = testing::local_keys(directory.path());
    let providers = [ProviderName::new("default").unwrap()].into();
    let live = Live::new(files, providers, keys, metrics.clone());
    (metrics, live)
}

#[test]
fn rules_that_retire_topics_are_reported_also_where_somebody_else_keeps_the_ledger() {
    let directory = tempfile::tempdir().unwrap();
    let (_, live) = open_with(&directory, None);
    let text = "rules:\n- topics: [{prefix: payments.}, {name: refunds}]\n  encryption: Retired\n";
    std::fs::write(directory.path().join("policy.yaml"), text).unwrap();
    assert!(live.reload_policy());
    let policy = live.policy().unwrap();
    let retired: Vec<_> = policy.retired().into_iter().map(ToString::to_string).collect();
    assert_eq!(retired, ["name refunds", "prefix payments."]);
}

#[test]
fn loads_a_policy_once() {
    let fixture = Fixture::new();
    fixture.write("policy.yaml", PAYMENTS);
    assert!(fixture.live.reload_policy());
    assert!(!fixture.live.reload_policy());
    let policy = fixture.live.policy().unwrap();
    assert_eq!((policy.generation, policy.hash.len()), (1, 64));
    assert!(matches!(policy.effective.decide("payments.in"), Decision::Encrypt(_)));
    assert_eq!(fixture.metrics.policy.count(Outcome::Loaded), 1);
}

#[test]
fn a_missing_policy_is_waited_for() {
    let fixture = Fixture::new();
    fixture.live.set_listening();
    assert!(!fixture.live.reload_policy());
    assert!(fixture.live.policy().is_none());
    assert!(fixture.live.obstacles().join("\n").starts_with("no policy is loaded: "));
    fixture.write("policy.yaml", NOTHING);
    assert!(fixture.live.reload_policy());
    assert!(fixture.live.obstacles().is_empty());
    assert!(fixture.live.last_error().is_none());
}

#[test]
fn an_invalid_policy_leaves_the_old_one_and_is_told_once() {
    let fixture = Fixture::new();
    fixture.write("policy.yaml", PAYMENTS);
    fixture.live.reload_policy();
    let hash = fixture.live.policy().unwrap().hash.clone();
    fixture.write("policy.yaml", "rules:\n- topics: []\n  keys: payments\n");
    assert!(!fixture.live.reload_policy());
    assert!(!fixture.live.reload_policy());
    assert_eq!(fixture.live.policy().unwrap().hash, hash);
    let error = fixture.live.last_error().unwrap();
    assert!(error.contains("rules[0].topics") && error.contains("rules[0].keys"), "{error}");
    assert_eq!(fixture.metrics.policy.count(Outcome::Failed), 1);
    assert_eq!(fixture.metrics.current.get(), 0);

    fixture.write("policy.yaml", PAYMENTS);
    assert!(!fixture.live.reload_policy());
    assert!(fixture.live.last_error().is_none());
    assert_eq!(fixture.metrics.current.get(), 1);
}

#[test]
fn what_was_encrypted_is_refused_until_it_is_cleared_by_name() {
    let mut fixture = Fixture::new();
    fixture.write("policy.yaml", PAYMENTS);
    fixture.live.reload_policy();
    fixture.write("policy.yaml", NOTHING);
    fixture.live.reload_policy();
    for _ in 0..2 {
        assert!(fixture.decides("payments.in").starts_with("retired"));
        assert_eq!(fixture.live.policy().unwrap().retired().len(), 1);
        fixture = fixture.restart();
        fixture.live.reload_policy();
    }
    fixture.write("policy.yaml", CLEARED);
    fixture.live.reload_policy();
    assert!(fixture.decides("payments.in").starts_with("clear"));
    assert!(fixture.live.policy().unwrap().retired().is_empty());
}

#[test]
fn with_an_external_ledger_the_policy_alone_decides() {
    let mut fixture = Fixture::new();
    (fixture.metrics, fixture.live) = open_with(&fixture.directory, None);
    for retired in ["encryption: Retired", "encryption: Pending, key: {name: payments}"] {
        fixture.write("policy.yaml", &format!("rules: [{{topics: [{{any: true}}], {retired}}}]\n"));
        assert!(fixture.live.reload_policy());
        assert!(!fixture.decides("payments.in").starts_with("clear"), "{retired}");
        fixture.write("policy.yaml", "rules: []\n");
        assert!(fixture.live.reload_policy());
        let decision = &fixture.live.policy().unwrap();
        assert!(matches!(decision.effective.decide("payments.in"), Decision::Unmatched(_)), "{retired}");
    }
    assert!(!fixture.directory.path().join("policy.yaml.state").exists());
}

#[test]
fn nothing_is_loaded_without_the_ledger() {
    let fixture = Fixture::new();
    fixture.write("policy.yaml", NOTHING);
    fixture.write("policy.yaml.state", "garbage: true\n");
    assert!(!fixture.live.reload_policy());
    assert!(fixture.live.policy().is_none());
    assert!(fixture.live.last_error().unwrap().contains("state file"));
    std::fs::remove_file(fixture.directory.path().join("policy.yaml.state")).unwrap();
    assert!(fixture.live.reload_policy());
}

#[test]
fn nothing_is_loaded_when_the_ledger_cannot_be_saved() {
    let fixture = Fixture::new();
    fixture.write("policy.yaml", NOTHING);
    fixture.live.reload_policy();
    // A directory cannot be replaced by a file, whoever tries.
    let state = fixture.directory.path().join("policy.yaml.state");
    std::fs::create_dir(&state).unwrap();
    fixture.write("policy.yaml", PAYMENTS);
    assert!(!fixture.live.reload_policy());
    assert!(fixture.decides("payments.in").starts_with("clear"));
    std::fs::remove_dir(&state).unwrap();
    assert!(fixture.live.reload_policy());
    assert_eq!(fixture.live.policy().unwrap().generation, 2);
}

/// Under a policy that lets the history of a topic pass, whose end is known.
fn with_history() -> Fixture {
    let fixture = Fixture::new();
    fixture.write("policy.yaml", &PAYMENTS.replace("key:", "onPlaintext: PassUntil\n  key:"));
    fixture.live.reload_policy();
    let topic = TopicHistory::new(TopicName::new(TOPIC).unwrap(), vec![Some(7)]);
    fixture.live.histories().learn(ID, topic).unwrap();
    fixture
}

#[test]
fn a_policy_whose_history_cannot_be_saved_clears_nothing() {
    let fixture = with_history();
    let history = fixture.directory.path().join("policy.yaml.state.history");
    std::fs::remove_file(&history).unwrap();
    std::fs::create_dir(&history).unwrap();
    fixture.write("policy.yaml", CLEARED);
    assert!(!fixture.live.reload_policy());
    assert_eq!(fixture.live.histories().known_end(TOPIC, ID, 0), Some(7));
    std::fs::remove_dir(&history).unwrap();
    fixture.write("policy.yaml", NOTHING);
    assert!(fixture.live.reload_policy());
    assert!(fixture.decides(TOPIC).starts_with("retired"));
}

#[test]
fn a_policy_whose_ledger_cannot_be_saved_forgets_no_history() {
    let fixture = with_history();
    let state = fixture.directory.path().join("policy.yaml.state");
    std::fs::remove_file(&state).unwrap();
    std::fs::create_dir(&state).unwrap();
    fixture.write("policy.yaml", CLEARED);
    assert!(!fixture.live.reload_policy());
    assert_eq!(fixture.live.histories().known_end(TOPIC, ID, 0), Some(7));
    std::fs::remove_dir(&state).unwrap();
    assert!(fixture.live.reload_policy());
    assert!(fixture.decides(TOPIC).starts_with("clear"));
}

#[tokio::test]
async fn is_ready_once_every_key_was_tried() {
    let fixture = Fixture::new();
    fixture.write("policy.yaml", PAYMENTS);
    fixture.live.reload_policy();
    assert_eq!(
        fixture.live.obstacles(),
        ["the listeners are not open yet", "key payments of provider default was not tried yet"]
    );
    fixture.live.set_listening();
    fixture.live.check_keys_once().await;
    assert!(fixture.live.obstacles().is_empty());
    fixture.live.set_draining();
    assert_eq!(fixture.live.obstacles(), ["shutting down"]);
}

#[tokio::test]
async fn a_key_that_does_not_exist_is_refused_and_does_not_keep_the_pod_unready() {
    let fixture = Fixture::new();
    fixture.write("policy.yaml", &PAYMENTS.replace("name: payments", "name: nobody"));
    fixture.live.set_listening();
    fixture.live.reload_policy();
    fixture.live.check_keys_once().await;
    assert!(fixture.live.obstacles().is_empty());
    let key = fixture.live.key_states.keys().remove(0);
    assert!(matches!(fixture.live.key_attempt(&key).tried.key, KeyState::Refused(_)));
}

#[tokio::test]
async fn a_pseudonym_key_that_another_key_wraps_is_told_with_its_rule() {
    let fixture = Fixture::new();
    let rule = format!("{PAYMENTS}  format: Record\n  recordKeys: {{pseudonymKey: KEY}}\n");
    let state = async |wrapped: &str| {
        fixture.write("policy.yaml", &rule.replace("KEY", wrapped));
        assert!(fixture.live.reload_policy());
        fixture.live.check_keys_once().await;
        fixture.live.key_attempt(&fixture.live.key_states.keys().remove(0)).tried.writes
    };
    let made = fixture.live.keys().make("default", "payments").await.unwrap();
    let own = proxy_config::PseudonymKey::new(made.as_bytes()).unwrap().to_string();
    assert_eq!(state(&own).await, KeyState::Ready);
    let mut foreign = made.as_bytes().to_vec();
    *foreign.last_mut().unwrap() ^= 1;
    let foreign = proxy_config::PseudonymKey::new(foreign).unwrap().to_string();
    let KeyState::Refused(message) = state(&foreign).await else { panic!("it counts as ready") };
    assert!(message.starts_with("recordKeys.pseudonymKey of prefix payments.: "), "{message}");
    assert!(message.contains("'payments'") && !message.contains(&foreign), "{message}");
}
