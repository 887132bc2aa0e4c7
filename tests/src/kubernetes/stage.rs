//! A namespace of a test's own, with a Kafka cluster and the operator in it.

mod builder;
mod objects;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

pub use builder::StageBuilder;

use super::command::Failed;
use super::node::{Kubernetes, README_NAMESPACE};

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
