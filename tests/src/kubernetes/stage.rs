//! A namespace of a test's own, with a Kafka cluster and the operator in it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::command::Failed;
use super::manifest::{Condition, condition};
use super::node::{Kubernetes, README_NAMESPACE};
use crate::eventually::eventually_ok;

/// The name of a stage's Kafka cluster.
pub(super) const KAFKA: &str = "my-cluster";
/// The name of the chart's release.
const RELEASE: &str = "topic-encryption";
/// How long what a test waits for may take; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// A namespace in which a test plays. When the test ends it goes; where the test failed, what was there is printed first.
#[derive(Debug)]
pub struct Stage {
    kubernetes: &'static Kubernetes,
    namespace: String,
}

/// What a stage is to have.
#[derive(Debug, Clone)]
pub struct StageBuilder {
    namespace: String,
    brokers: Option<usize>,
    listeners: String,
    operator: Option<Vec<String>>,
}

impl Stage {
    /// A namespace of this name with one broker, which listens with TLS, and an operator for it.
    pub fn named(namespace: &str) -> StageBuilder {
        StageBuilder {
            namespace: namespace.to_owned(),
            brokers: Some(1),
            listeners: "tls".to_owned(),
            operator: Some(Vec::new()),
        }
    }

    /// The namespace that the README names, where the operator is, and nothing else yet.
    pub async fn of_readme() -> Self {
        Self { kubernetes: Kubernetes::shared().await, namespace: README_NAMESPACE.to_owned() }
    }

    /// The cluster.
    pub fn kubernetes(&self) -> &'static Kubernetes {
        self.kubernetes
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A file for a program to read.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.kubernetes.folder().join(format!("{}-{name}", self.namespace));
        std::fs::write(&path, text).expect("the folder is our own");
        path
    }

    /// `kubectl` in the namespace; what it says where it fails.
    pub async fn try_kubectl(&self, words: &[&str]) -> Result<String, Failed> {
        let words: Vec<_> =
            ["--namespace", &self.namespace].into_iter().chain(words.iter().copied()).collect();
        self.kubernetes.kubectl(&words).await
    }

    /// The same, which must succeed.
    pub async fn kubectl(&self, words: &[&str]) -> String {
        self.try_kubectl(words).await.unwrap_or_else(|failed| panic!("{failed}"))
    }

    /// The same, as JSON.
    pub async fn json(&self, words: &[&str]) -> Value {
        let words: Vec<_> = words.iter().copied().chain(["-o", "json"]).collect();
        serde_json::from_str(&self.kubectl(&words).await).expect("kubectl writes JSON")
    }

    /// An object.
    pub async fn get(&self, kind: &str, name: &str) -> Value {
        self.json(&["get", kind, name]).await
    }

    /// An object, where there is one.
    pub async fn find(&self, kind: &str, name: &str) -> Option<Value> {
        let text = self.kubectl(&["get", kind, name, "--ignore-not-found", "-o", "json"]).await;
        (!text.is_empty()).then(|| serde_json::from_str(&text).expect("kubectl writes JSON"))
    }

    /// Applies a manifest as people do; what the API server says where it refuses.
    pub async fn try_apply(&self, manifest: &str) -> Result<String, Failed> {
        let words = ["kubectl", "--namespace", &self.namespace, "apply", "-f", "-"];
        self.kubernetes.exec(&words, Some(manifest)).await
    }

    /// The same, which must be taken.
    pub async fn apply(&self, manifest: &str) {
        self.try_apply(manifest).await.unwrap_or_else(|failed| panic!("{failed}\n{manifest}"));
    }

    /// Applies a policy for the stage's Kafka cluster that has these rules (JSON).
    pub async fn apply_policy(&self, name: &str, rules: Value) {
        self.apply(&self.policy(name, rules)).await;
    }

    /// The manifest of such a policy.
    #[expect(clippy::needless_pass_by_value, reason = "callers write the rules in place")]
    pub fn policy(&self, name: &str, rules: Value) -> String {
        json!({
            "apiVersion": "encryption.strimzi.io/v1alpha1",
            "kind": "TopicEncryptionPolicy",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"kafkaRef": {"name": KAFKA}, "rules": rules},
        })
        .to_string()
    }

    /// Applies the `EncryptionProxy` of the stage's Kafka cluster with these fields (JSON).
    pub async fn apply_proxy(&self, fields: Value) {
        let mut spec = fields;
        spec["kafkaRef"] = json!({"name": KAFKA});
        let manifest = json!({
            "apiVersion": "encryption.strimzi.io/v1alpha1",
            "kind": "EncryptionProxy",
            "metadata": {"name": KAFKA, "namespace": self.namespace},
            "spec": spec,
        });
        self.apply(&manifest.to_string()).await;
    }

    /// Changes an object by a JSON merge patch.
    pub async fn patch(&self, kind: &str, name: &str, patch: Value) {
        self.kubectl(&["patch", kind, name, "--type=merge", "--patch", &patch.to_string()]).await;
    }

    /// Deletes an object and waits until it is gone.
    pub async fn delete(&self, kind: &str, name: &str) {
        let timeout = format!("--timeout={}s", PATIENCE.as_secs());
        self.kubectl(&["delete", kind, name, &timeout]).await;
    }

    /// Waits as people do until the object, such as `tep/payments`, is ready as it now is.
    pub async fn await_ready(&self, object: &str) {
        let timeout = format!("--timeout={}s", PATIENCE.as_secs());
        self.kubectl(&["wait", "--for=condition=Ready", object, &timeout]).await;
    }

    /// Waits for a condition that the predicate takes, of the object as it now is, and returns it.
    pub async fn await_condition(
        &self,
        kind: &str,
        name: &str,
        of: &str,
        wanted: impl Fn(&Condition) -> bool,
    ) -> Condition {
        let probe = async || {
            let object = self.get(kind, name).await;
            // What is paused keeps the generation that is in force, but for the condition that says so.
            let all = object["status"]["conditions"].as_array().into_iter().flatten();
            let told = all
                .clone()
                .find(|found| found["type"] == "ReconciliationPaused")
                .or_else(|| all.clone().find(|found| found["type"] == of));
            let seen =
                told.is_some_and(|found| found["observedGeneration"] == object["metadata"]["generation"]);
            match condition(&object, of) {
                Some(found) if seen && wanted(&found) => Ok(found),
                Some(found) => Err(found.to_string()),
                None => Err("there is no such condition".to_owned()),
            }
        };
        eventually_ok(&format!("{kind}/{name} has {of}"), PATIENCE, probe).await
    }

    /// Whether the object has this condition with status `True`.
    pub async fn holds(&self, kind: &str, name: &str, of: &str) -> bool {
        condition(&self.get(kind, name).await, of).is_some_and(|found| found.status == "True")
    }

    /// `helm` with these words, in the namespace.
    pub async fn helm(&self, words: &[&str]) -> Result<String, Failed> {
        let words: Vec<_> =
            ["helm", "--namespace", &self.namespace].into_iter().chain(words.iter().copied()).collect();
        self.kubernetes.exec(&words, None).await
    }

    /// Installs the chart here, or upgrades it, with these settings (`name=value`; lists and objects are JSON).
    pub async fn install_operator(&self, settings: &[String]) {
        let values = self.kubernetes.values().to_str().expect("the path is our own");
        let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../helm/topic-encryption-operator");
        // The shared release has the definitions; one working replica is enough where nothing is said of it.
        let mut words = vec!["upgrade", "--install", RELEASE, chart, "--wait", "--values", values];
        words.extend(["--set", "crds.enabled=false", "--set", "replicas=1"]);
        for setting in settings {
            let is_json = setting.contains("=[") || setting.contains("={");
            words.extend([if is_json { "--set-json" } else { "--set" }, setting]);
        }
        self.helm(&words).await.unwrap_or_else(|failed| panic!("{failed}"));
    }

    /// What the operator's pods of this namespace have said so far.
    pub async fn operator_log(&self) -> String {
        let selector = "app.kubernetes.io/name=topic-encryption-operator";
        self.kubectl(&["logs", "-l", selector, "--tail=-1", "--prefix"]).await
    }

    /// The last words of everything here, for who looks into a failure.
    fn print_diagnostics(&self) {
        let script = r#"
            kubectl() { command kubectl --namespace "$0" --request-timeout=10s "$@" 2>&1; }
            kubectl get tep,encproxy,kafka,pods,services -o wide
            kubectl get tep,encproxy -o jsonpath='{range .items[*]}{.kind} {.metadata.name}: {.status}{"\n"}{end}'
            kubectl get events --sort-by=.lastTimestamp | tail -n 25
            kubectl logs -l app.kubernetes.io/name=topic-encryption-operator --tail=40 --prefix
            kubectl logs -l app.kubernetes.io/name=topic-encryption-proxy --tail=25 --prefix
        "#;
        let mut command: Command = self.kubernetes.command(&["bash", "-c", script, &self.namespace]);
        let output = command.stdin(Stdio::null()).output();
        let text =
            output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        eprintln!("---- namespace {}\n{text}----", self.namespace);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_diagnostics();
        }
        if std::env::var_os("KEEP_TEST_FOLDERS").is_none() {
            // Nothing waits for it; what is left goes with the cluster.
            let words =
                ["kubectl", "delete", "namespace", &self.namespace, "--wait=false", "--ignore-not-found"];
            let mut command = self.kubernetes.command(&words);
            drop(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status());
        }
    }
}

impl StageBuilder {
    /// So many brokers.
    #[must_use]
    pub fn brokers(mut self, count: usize) -> Self {
        self.brokers = Some(count);
        self
    }

    /// No Kafka cluster.
    #[must_use]
    pub fn without_kafka(mut self) -> Self {
        self.brokers = None;
        self
    }

    /// With these listeners of the stand-in's, as in `tls,scram`.
    #[must_use]
    pub fn listeners(mut self, names: &str) -> Self {
        names.clone_into(&mut self.listeners);
        self
    }

    /// A setting of the chart, as in `replicas=2`; lists and objects are JSON.
    #[must_use]
    pub fn set(mut self, setting: &str) -> Self {
        self.operator.get_or_insert_default().push(setting.to_owned());
        self
    }

    /// No operator.
    #[must_use]
    pub fn without_operator(mut self) -> Self {
        self.operator = None;
        self
    }

    /// Makes it. Pods in the namespace must be `restricted`.
    pub async fn start(self) -> Stage {
        let kubernetes = Kubernetes::shared().await;
        let stage = Stage { kubernetes, namespace: self.namespace };
        // A cluster that outlives its tests may have it from an earlier run.
        let name = stage.namespace.as_str();
        let run = async |words: &[&str]| {
            kubernetes.kubectl(words).await.unwrap_or_else(|failed| panic!("{failed}"));
        };
        run(&["delete", "namespace", name, "--ignore-not-found"]).await;
        run(&["create", "namespace", name]).await;
        run(&["label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted"]).await;
        let kafka = async {
            if let Some(brokers) = self.brokers {
                stage
                    .strimzi("create", &["--brokers", &brokers.to_string(), "--listeners", &self.listeners])
                    .await;
            }
        };
        let operator = async {
            if let Some(settings) = &self.operator {
                stage.install_operator(settings).await;
            }
        };
        tokio::join!(kafka, operator);
        stage
    }
}
