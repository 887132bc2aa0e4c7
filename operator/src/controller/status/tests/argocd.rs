//! The cases on which Argo CD's health scripts are tried, as files of `deploy/gitops`: statuses that are written like this,
//! and the health that people expect of each.

use std::path::PathBuf;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};

use super::{NOW, find, healthy, policy_status, proxy_status};
use crate::controller::dereference::{Observed, Strimzi};
use crate::controller::fixtures::{policy_of, proxy, tried};

/// One case: its file, the health, and the condition whose reason and message are shown.
struct Case {
    file: &'static str,
    health: &'static str,
    shows: Shows,
    object: Value,
}

enum Shows {
    Condition(&'static str),
    Text(&'static str),
}

impl Case {
    fn new(file: &'static str, health: &'static str, shows: Shows, object: Value) -> Self {
        Self { file, health, shows, object }
    }

    /// As it stands in `health_test.yaml`.
    fn expected(&self) -> Value {
        let message = match self.shows {
            Shows::Text(text) => text.to_owned(),
            Shows::Condition(kind) => {
                let conditions = self.object["status"]["conditions"].clone();
                let conditions: Vec<Condition> = serde_json::from_value(conditions).unwrap();
                let (_, reason, message) = find(&conditions, kind);
                format!("{reason}: {message}")
            }
        };
        json!({
            "inputPath": format!("testdata/{}.yaml", self.file),
            "healthStatus": {"status": self.health, "message": message},
        })
    }
}

fn of_policy(observed: &Observed) -> Value {
    let mut object = observed.policies[0].clone();
    object.status = Some(policy_status(observed));
    serde_json::to_value(object).unwrap()
}

fn of_proxy(observed: &Observed) -> Value {
    let mut object = observed.proxies[0].clone();
    object.status = Some(proxy_status(observed));
    serde_json::to_value(object).unwrap()
}

/// What both kinds have.
fn common(of: fn(&Observed) -> Value) -> Vec<Case> {
    let fresh = {
        let mut object = of(&healthy());
        object.as_object_mut().unwrap().remove("status");
        object
    };
    let mut edited = of(&healthy());
    edited["metadata"]["generation"] = json!(edited["metadata"]["generation"].as_i64().unwrap() + 1);
    let mut lagging = healthy();
    lagging.fleet[1].report.as_mut().unwrap().policy = None;
    let mut paused = healthy();
    let pause = [("encryption.strimzi.io/pause-reconciliation".to_owned(), "true".to_owned())];
    paused.proxies[0].metadata.annotations = Some(pause.into());
    let awaited = Observed { strimzi: Some(Strimzi::default()), ..healthy() };
    let mut lost = healthy();
    lost.ours.ledger = None;
    let see = "Waiting for the operator to see the change";
    vec![
        Case::new("progressing_no_status", "Progressing", Shows::Text("Waiting for the operator"), fresh),
        Case::new("progressing_old_generation", "Progressing", Shows::Text(see), edited),
        Case::new("progressing", "Progressing", Shows::Condition("Reconciling"), of(&lagging)),
        Case::new("progressing_no_kafka", "Progressing", Shows::Condition("Reconciling"), of(&awaited)),
        Case::new("healthy", "Healthy", Shows::Condition("Ready"), of(&healthy())),
        Case::new("degraded_stalled", "Degraded", Shows::Condition("Stalled"), of(&lost)),
        Case::new("suspended", "Suspended", Shows::Condition("ReconciliationPaused"), of(&paused)),
    ]
}

fn policies() -> Vec<Case> {
    let mut conflicted = healthy();
    let mut older = policy_of("kafka", "older", crate::controller::fixtures::RULE);
    older.metadata.creation_timestamp = Some(serde_json::from_value(json!("2026-08-19T10:00:00Z")).unwrap());
    conflicted.policies.push(older);
    conflicted.ours = crate::controller::dereference::Ours::default();
    let mut refused = healthy();
    refused.fleet[1].report.as_mut().unwrap().keys = vec![tried("payments", "Refused")];
    let mut cases = common(of_policy);
    cases.extend([
        Case::new("degraded_conflicted", "Degraded", Shows::Condition("Stalled"), of_policy(&conflicted)),
        Case::new("degraded_keys", "Degraded", Shows::Condition("Stalled"), of_policy(&refused)),
        Case::new("progressing_failed", "Progressing", Shows::Condition("Reconciling"), failed()),
    ]);
    cases
}

/// A pass that ended early.
fn failed() -> Value {
    let observed = healthy();
    let failure = crate::controller::reconcile::Failure {
        reason: "ApplyFailed",
        message: "failed to apply Deployment my-cluster-encryption: the API server answered 403: exceeded quota. It is tried again"
            .to_owned(),
        lasts: true,
    };
    let judgement = crate::controller::fixtures::judge(&observed);
    let key = crate::controller::fixtures::key();
    let facts = super::Facts::new(&key, &observed, &judgement, None).failed(&failure);
    let mut object = observed.policies[0].clone();
    object.status = Some(super::policy::status(
        &facts,
        &object,
        &operator_api::TopicEncryptionPolicyStatus::default(),
        super::time(NOW),
    ));
    serde_json::to_value(object).unwrap()
}

fn proxies() -> Vec<Case> {
    let mut younger = healthy();
    let mut second = proxy("another", "{}");
    second.metadata.creation_timestamp = Some(serde_json::from_value(json!(NOW)).unwrap());
    younger.proxies.insert(0, second);
    let mut misled = healthy();
    misled.proxies = vec![proxy("proxies", "{listenerName: missing}")];
    let mut cases = common(of_proxy);
    cases.extend([
        Case::new("degraded_not_accepted", "Degraded", Shows::Condition("Stalled"), of_proxy(&younger)),
        Case::new("degraded", "Degraded", Shows::Condition("Stalled"), of_proxy(&misled)),
    ]);
    cases
}

fn assert_generated(path: &std::path::Path, text: &str) {
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::write(path, text).unwrap();
    }
    let present = std::fs::read_to_string(path).unwrap_or_default();
    assert!(present == text, "{} is not what the operator writes: run `make generate`", path.display());
}

#[test]
fn cases_for_argocd_are_statuses_of_the_operator() {
    let group = "../deploy/gitops/argocd/resource_customizations/encryption.strimzi.io";
    let group = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(group);
    for (kind, cases) in [("TopicEncryptionPolicy", policies()), ("EncryptionProxy", proxies())] {
        for case in &cases {
            let path = group.join(kind).join(format!("testdata/{}.yaml", case.file));
            assert_generated(&path, &serde_yaml::to_string(&case.object).unwrap());
        }
        let tests = json!({"tests": cases.iter().map(Case::expected).collect::<Vec<_>>()});
        assert_generated(&group.join(kind).join("health_test.yaml"), &serde_yaml::to_string(&tests).unwrap());
    }
}
