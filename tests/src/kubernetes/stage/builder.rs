//! What a stage is to have.

use super::Stage;
use crate::kubernetes::node::Kubernetes;

/// What a stage is to have.
#[derive(Debug, Clone)]
pub struct StageBuilder {
    pub(super) namespace: String,
    pub(super) brokers: Option<usize>,
    pub(super) listeners: String,
    pub(super) operator: Option<Vec<String>>,
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
