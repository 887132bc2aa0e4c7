//! Beside a tool that applies what is in Git again and again, and people who do not.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually_ok;
use tests::kubernetes::Stage;

const PATIENCE: Duration = Duration::from_mins(1);
const TOOL: &str = "argocd-controller";
const FLEET: &str = "my-cluster-encryption";

/// Applies as such tools do: a conflict with another manager is an error.
async fn apply(stage: &Stage, file: &str) {
    stage.kubectl(&["apply", "--server-side", "--field-manager", TOOL, "-f", file]).await;
}

fn git(stage: &Stage) -> String {
    let rules = json!([{"topics": [{"prefix": "orders."}], "key": {"name": "orders"}}]);
    let policy: Value = serde_json::from_str(&stage.policy("orders", rules)).unwrap();
    let proxy = json!({
        "apiVersion": "encryption.strimzi.io/v1alpha1",
        "kind": "EncryptionProxy",
        "metadata": {"name": "my-cluster", "labels": {"team": "platform"}},
        "spec": {"kafkaRef": {"name": "my-cluster"}, "replicas": 1},
    });
    let all = json!({"apiVersion": "v1", "kind": "List", "items": [proxy, policy]});
    stage.file("git.json", &all.to_string()).to_str().unwrap().to_owned()
}

/// Who has which of the uppermost fields.
fn managers(object: &Value) -> BTreeSet<(String, String)> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let fields = entries.iter().flat_map(|entry| {
        let manager = entry["manager"].as_str().unwrap();
        entry["fieldsV1"].as_object().unwrap().keys().map(|field| (manager.to_owned(), field.clone()))
    });
    fields.collect()
}

async fn with_managers(stage: &Stage, kind: &str, name: &str) -> Value {
    stage.json(&["get", kind, name, "--show-managed-fields"]).await
}

/// Waits until a part of an object, by its JSON pointer, is this.
async fn await_part(stage: &Stage, kind: &str, name: &str, pointer: &str, wanted: &Value) {
    let probe = async || {
        let object = stage.find(kind, name).await.ok_or("it is not there")?;
        match object.pointer(pointer) {
            found if found == Some(wanted) => Ok(()),
            found => Err(format!("{found:?}")),
        }
    };
    eventually_ok(&format!("{kind}/{name}{pointer} is what it was"), PATIENCE, probe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn applying_again_what_is_in_git_changes_nothing_and_meets_no_conflict() {
    let stage = Stage::named("gitops").start().await;
    let git = git(&stage);
    apply(&stage, &git).await;
    stage.await_ready("tep/orders").await;
    stage.await_ready("encproxy/my-cluster").await;
    // Statuses may still have been on their way.
    let stable = async || {
        let mut seen = Vec::new();
        for _ in 0..3 {
            let both = stage.json(&["get", "tep/orders", "encproxy/my-cluster"]).await;
            let items = both["items"].as_array().unwrap().clone();
            seen.push(
                items.iter().map(|item| item["metadata"]["resourceVersion"].clone()).collect::<Vec<_>>(),
            );
            apply(&stage, &git).await;
        }
        if seen.iter().all(|each| *each == seen[0]) { Ok(()) } else { Err(format!("{seen:?}")) }
    };
    eventually_ok("applying again changes nothing", PATIENCE, stable).await;
    for (kind, name) in [("tep", "orders"), ("encproxy", "my-cluster")] {
        let object = with_managers(&stage, kind, name).await;
        let managers = managers(&object);
        let of = |wanted: &str| -> Vec<_> {
            managers
                .iter()
                .filter(|(manager, _)| manager == wanted)
                .map(|(_, field)| field.as_str())
                .collect()
        };
        assert_eq!(of("topic-encryption-operator"), ["f:status"], "{managers:?}");
        assert!(of(TOOL).contains(&"f:spec") && !of(TOOL).contains(&"f:status"), "{managers:?}");
        assert_eq!(object["metadata"]["generation"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_what_the_operator_made_are_put_back_and_what_others_add_stays() {
    let stage = Stage::named("gitops-edits").start().await;
    apply(&stage, &git(&stage)).await;
    stage.await_ready("tep/orders").await;
    let service = format!("{FLEET}-bootstrap");
    let config = format!("{FLEET}-config");
    let deployment = stage.get("deployment", FLEET).await;
    let before = (stage.get("service", &service).await, stage.get("configmap", &config).await);
    let network = stage.find("networkpolicy", FLEET).await.unwrap();

    // Others' words are theirs.
    let annotation = json!({"external-dns.alpha.kubernetes.io/hostname": "kafka.example.com"});
    let foreign = json!({"metadata": {"annotations": annotation, "labels": {"team": "platform"}}});
    stage.patch("service", &service, foreign).await;

    let label = "/metadata/labels/app.kubernetes.io~1part-of";
    stage
        .patch("deployment", FLEET, json!({"metadata": {"labels": {"app.kubernetes.io/part-of": "mine"}}}))
        .await;
    await_part(&stage, "deployment", FLEET, label, deployment.pointer(label).unwrap()).await;
    stage.kubectl(&["scale", "deployment", FLEET, "--replicas=3"]).await;
    await_part(&stage, "deployment", FLEET, "/spec/replicas", &json!(1)).await;
    let closed = json!([{"op": "remove", "path": "/spec/ports/1"}]).to_string();
    stage.kubectl(&["patch", "service", &service, "--type=json", "--patch", &closed]).await;
    await_part(&stage, "service", &service, "/spec/ports", &before.0["spec"]["ports"]).await;
    // The sharpest one: encrypted no more.
    stage
        .patch(
            "configmap",
            &config,
            json!({"data": {"policy.yaml": "unmatchedTopics: Passthrough\nrules: []\n"}}),
        )
        .await;
    await_part(&stage, "configmap", &config, "/data", &before.1["data"]).await;
    stage.kubectl(&["delete", "networkpolicy", FLEET]).await;
    await_part(&stage, "networkpolicy", FLEET, "/spec", &network["spec"]).await;

    let service = stage.get("service", &service).await;
    assert_eq!(service["metadata"]["labels"]["team"], "platform");
    let kept = &service["metadata"]["annotations"]["external-dns.alpha.kubernetes.io/hostname"];
    assert_eq!(kept, "kafka.example.com");
    let owned = &before.0["metadata"]["annotations"]["strimzi.io/discovery"];
    assert_eq!(service["metadata"]["annotations"]["strimzi.io/discovery"], *owned);
    stage.await_ready("tep/orders").await;
}
