//! Somebody whom the API server knows by a token, with the rights that were given to them and no others.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::command::Failed;
use super::node::Kubernetes;
use super::stage::Stage;

/// A `ServiceAccount` as whom one acts.
#[derive(Debug)]
pub struct Account {
    kubernetes: &'static Kubernetes,
    kubeconfig: PathBuf,
}

impl Stage {
    /// The `ServiceAccount` of this name.
    pub async fn account(&self, name: &str) -> Account {
        let token = self.kubectl(&["create", "token", name]).await;
        self.bearer(name, token.trim()).await
    }

    /// Whoever shows this token, under a name of the test's.
    pub async fn bearer(&self, name: &str, token: &str) -> Account {
        let shown = self.kubectl(&["config", "view", "--raw", "--minify", "-o", "json"]).await;
        let mut config: Value = serde_json::from_str(&shown).expect("kubectl writes JSON");
        // A client's certificate would count for more than a token.
        config["users"][0]["user"] = json!({"token": token});
        let kubeconfig = self.file(&format!("{name}.kubeconfig"), &config.to_string());
        Account { kubernetes: self.kubernetes(), kubeconfig }
    }

    /// The account of the stage's operator.
    pub async fn operator_account(&self) -> Account {
        let selector = "app.kubernetes.io/name=topic-encryption-operator";
        let operators = self.json(&["get", "deployments", "-l", selector]).await;
        let name = operators["items"][0]["spec"]["template"]["spec"]["serviceAccountName"].as_str();
        self.account(name.expect("the operator has an account")).await
    }
}

impl Account {
    /// `kubectl` with these words, as this account.
    pub async fn kubectl(&self, words: &[&str]) -> Result<String, Failed> {
        self.send(words, None).await
    }

    /// Applies a manifest as this account.
    pub async fn apply(&self, manifest: &str) -> Result<String, Failed> {
        self.send(&["apply", "-f", "-"], Some(manifest)).await
    }

    /// Whether the account may do this in a namespace.
    pub async fn may(&self, namespace: &str, verb: &str, resource: &str) -> bool {
        // What stands behind a slash would be a name.
        let (resource, part) = resource.split_once('/').unwrap_or((resource, ""));
        let part = format!("--subresource={part}");
        let words = ["--namespace", namespace, "auth", "can-i", verb, resource, &part];
        match self.kubectl(&words).await {
            Ok(_) => true,
            Err(failed) if failed.said.lines().any(|line| line == "no" || line.starts_with("no - ")) => false,
            Err(failed) => panic!("{failed}"),
        }
    }

    /// All that it may do in a namespace, as the rules that the API server lists.
    pub async fn rights(&self, namespace: &str) -> BTreeSet<String> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        });
        let answer = self
            .send(&["create", "--validate=false", "-f", "-", "-o", "json"], Some(&review.to_string()))
            .await;
        let answer = answer.unwrap_or_else(|failed| panic!("{failed}"));
        let review: Value = serde_json::from_str(&answer).expect("kubectl writes JSON");
        let status = &review["status"];
        let rules = [&status["resourceRules"], &status["nonResourceRules"]];
        let rules = rules.into_iter().filter_map(Value::as_array).flatten();
        rules.map(Value::to_string).chain(status["evaluationError"].as_str().map(str::to_owned)).collect()
    }

    async fn send(&self, words: &[&str], input: Option<&str>) -> Result<String, Failed> {
        let kubeconfig = self.kubeconfig.to_str().expect("the path is our own");
        let words: Vec<_> =
            ["kubectl", "--kubeconfig", kubeconfig].into_iter().chain(words.iter().copied()).collect();
        self.kubernetes.exec(&words, input).await
    }
}

impl Failed {
    /// Whether the API server does not know who asks.
    pub fn is_unknown(&self) -> bool {
        self.said.contains("(Unauthorized)")
    }

    /// Whether the API server refused for want of rights.
    pub fn is_forbidden(&self) -> bool {
        self.said.contains("(Forbidden)") || self.said.contains(" is forbidden: User ")
    }
}
