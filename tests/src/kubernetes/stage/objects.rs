//! Objects of a stage's namespace.

use serde_json::{Value, json};

use super::{KAFKA, PATIENCE, Stage};
use crate::eventually::eventually_ok;
use crate::kubernetes::command::Failed;
use crate::kubernetes::manifest::{Condition, condition};

impl Stage {
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
}
