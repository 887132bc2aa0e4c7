//! Installing without helm, as deploy/README.md says.

use serde_json::Value;
use tests::kubernetes::Stage;

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy");
/// The resource definitions are there already, and belong to a release of the chart.
const WITHOUT_DEFINITIONS: &str = r"
  - target: {kind: CustomResourceDefinition}
    patch: |
      $patch: delete
      apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {name: any}
";

/// The overlay in deploy/README.md, for the stage's namespace and with the images of this run.
fn overlay(stage: &Stage) -> String {
    let text = std::fs::read_to_string(format!("{DEPLOY}/README.md")).unwrap();
    let block = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let values = std::fs::read_to_string(stage.kubernetes().values()).unwrap();
    let values: Value = serde_json::from_str(&values).unwrap();
    let image = |name: &str, image: &Value| {
        format!("{}/{name}:{}", image["registry"].as_str().unwrap(), image["tag"].as_str().unwrap())
    };
    let mut overlay = block.to_owned();
    let operator = image("topic-encryption-operator", &values["image"]);
    let proxy = image("topic-encryption-proxy", &values["proxy"]["image"]);
    for (old, new) in [
        ("namespace: streaming", format!("namespace: {}", stage.namespace())),
        ("registry.example.com/topic-encryption-operator:0.1.0", operator),
        ("registry.example.com/topic-encryption-proxy:0.1.0", proxy),
    ] {
        assert!(overlay.contains(old), "{overlay}");
        overlay = overlay.replace(old, &new);
    }
    overlay
}

/// The folder of an overlay, beside a copy of the base.
fn folder(stage: &Stage, name: &str, overlay: &str) -> String {
    let parent = stage.kubernetes().folder().join(name);
    let (base, folder) = (parent.join("base"), parent.join("overlay"));
    std::fs::create_dir_all(&base).unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    for file in std::fs::read_dir(format!("{DEPLOY}/base")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), base.join(file.file_name())).unwrap();
    }
    std::fs::write(folder.join("kustomization.yaml"), overlay).unwrap();
    folder.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overlay_of_the_readme_installs_a_working_operator() {
    let stage = Stage::named("kustomize").without_kafka().without_operator().start().await;
    let overlay = overlay(&stage);
    // The whole of it would be taken, definitions included.
    let whole = folder(&stage, "kustomize-whole", &overlay);
    let apply = ["apply", "--server-side", "-k"];
    let taken =
        stage.kubectl(&[&apply[..], &[&whole, "--dry-run=server", "--force-conflicts"]].concat()).await;
    assert_eq!(taken.matches("customresourcedefinition").count(), 2, "{taken}");
    let rest = folder(&stage, "kustomize-rest", &format!("{overlay}{WITHOUT_DEFINITIONS}"));
    let taken = stage.kubectl(&[&apply[..], &[&rest]].concat()).await;
    assert_eq!(taken.matches("customresourcedefinition").count(), 0, "{taken}");

    stage.kubectl(&["rollout", "status", "deployment/topic-encryption-operator", "--timeout=90s"]).await;
    let rules = serde_json::json!([{"topics": [{"prefix": "orders."}], "key": {"name": "orders"}}]);
    stage.apply_policy("orders", rules).await;
    let told = stage.await_condition("tep", "orders", "Accepted", |found| found.status == "False").await;
    assert_eq!(told.reason, "TargetNotFound", "{told}");
    stage.strimzi("create", &["--brokers", "1", "--listeners", "tls"]).await;
    stage.await_ready("tep/orders").await;
    let mut topic = stage.topic("orders.kustomize").await;
    let needle = topic.write().await;
    topic.assert_intact().await;
    assert!(!topic.is_clear(&needle).await);
}
