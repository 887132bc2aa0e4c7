//! What the API server says to people who write policies.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually_ok;
use tests::kubernetes::Stage;

const REFUSED: &str = include_str!("../../../operator/api/tests/refused.json");
const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples");

async fn stage(name: &str) -> Stage {
    Stage::named(name).without_kafka().without_operator().start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_itself_is_refused_with_the_field_and_a_remedy() {
    let stage = stage("validation-refused").await;
    let cases: Vec<Value> = serde_json::from_str(REFUSED).unwrap();
    for case in &cases {
        let manifest = json!({
            "apiVersion": "encryption.strimzi.io/v1alpha1",
            "kind": case["kind"],
            "metadata": {"name": "refused"},
            "spec": case["spec"],
        });
        let Err(failed) = stage.try_apply(&manifest.to_string()).await else { panic!("{case} is taken") };
        // kubectl begins each line with the field.
        let line = format!("{}: Invalid value", case["field"].as_str().unwrap());
        assert!(failed.said.contains(&line), "{case}: {failed}");
        assert!(failed.said.contains(case["said"].as_str().unwrap()), "{case}: {failed}");
    }
    assert!(cases.len() >= 14);
    let made = stage.kubectl(&["get", "strimzi-encryption", "-o", "name"]).await;
    assert_eq!(made, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_explains_every_field_under_the_short_names() {
    let stage = stage("validation-explained").await;
    // The API server publishes the schemas of definitions a moment after it takes them.
    for kind in ["tep", "encproxy"] {
        let explained = async || stage.try_kubectl(&["explain", kind]).await;
        eventually_ok(&format!("{kind} is published"), Duration::from_secs(30), explained).await;
    }
    for (path, fields) in [
        ("tep.spec", ["kafkaRef", "rules"].as_slice()),
        ("tep.spec.rules", &["topics", "key", "format", "onPlaintext", "onUnreadable", "encryption"]),
        ("tep.spec.rules.topics", &["name", "prefix", "any"]),
        ("encproxy.spec", &["kafkaRef", "listeners", "keyProviders", "replicas", "tls", "unmatchedTopics"]),
        ("encproxy.spec.listeners", &["name", "type", "port", "advertisedHost", "tls"]),
    ] {
        let text = stage.kubectl(&["explain", path]).await;
        assert!(!text.contains("<no description>"), "{path}: {text}");
        for field in fields {
            assert!(text.contains(&format!("\n  {field}\t<")), "{path} has {field}: {text}");
        }
    }
    let rules = stage.kubectl(&["explain", "tep.spec.rules"]).await;
    assert!(rules.contains("encrypts whole batches"), "{rules}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_say_what_people_ask_first() {
    let stage = stage("validation-tables").await;
    stage.apply_policy("payments", json!([{"topics": [{"any": true}], "key": {"name": "k"}}])).await;
    stage.apply_proxy(json!({"replicas": 3})).await;
    let header = async |kind: &str| {
        let table = stage.kubectl(&["get", kind, "-o", "wide"]).await;
        // Names of columns have single spaces, between columns there are more.
        let columns =
            table.lines().next().unwrap().split("   ").map(str::trim).filter(|name| !name.is_empty());
        columns.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        header("tep").await,
        ["NAME", "READY", "PROGRAMMED", "KAFKA", "BOOTSTRAP", "RULES", "AGE", "KEY PROVIDERS", "REASON"]
    );
    assert_eq!(
        header("encproxy").await,
        ["NAME", "READY", "PROGRAMMED", "KAFKA", "BOOTSTRAP", "REPLICAS", "AGE", "REASON"]
    );
    let all = stage.kubectl(&["get", "strimzi-encryption", "-o", "name"]).await;
    let mut all: Vec<_> = all.lines().collect();
    all.sort_unstable();
    assert_eq!(
        all,
        [
            "encryptionproxy.encryption.strimzi.io/my-cluster",
            "topicencryptionpolicy.encryption.strimzi.io/payments"
        ]
    );
}

/// Conformance: TE-B09.
#[tokio::test(flavor = "multi_thread")]
async fn every_sample_is_taken() {
    let stage = stage("validation-samples").await;
    let kinds = stage.kubectl(&["api-resources", "--no-headers"]).await;
    let mut taken = 0;
    for entry in Path::new(SAMPLES).read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for document in text.split("\n---\n").filter(|text| text.contains("apiVersion:")) {
            let mut object: Value = serde_yaml::from_str(document).unwrap();
            let kind = object["kind"].as_str().unwrap().to_owned();
            if !kinds.lines().any(|line| line.ends_with(&format!(" {kind}"))) {
                // Of cert-manager and of the Gateway API, which the cluster lacks.
                assert!(["Issuer", "Gateway"].contains(&kind.as_str()), "{}: {kind}", path.display());
                continue;
            }
            if kind != "Namespace" {
                object["metadata"]["namespace"] = json!(stage.namespace());
            }
            let file = stage.file("sample.json", &object.to_string());
            let words = ["apply", "--dry-run=server", "--validate=strict", "-f", file.to_str().unwrap()];
            let done = stage.try_kubectl(&words).await;
            done.unwrap_or_else(|failed| panic!("{}: {failed}", path.display()));
            taken += 1;
        }
    }
    assert!(taken >= 15, "{taken}");
}
