//! Samples applied as they stand, one after the other to one fleet, as far as one node has room for them; and ways in that
//! only a real API server can tell about.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tests::kubernetes::{Fleet, Stage};
use tests::{Certificates, Client, ConsumeOptions, Payload, ProduceOptions, assert_same, eventually_ok};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples");
const PATIENCE: Duration = Duration::from_mins(1);
/// Secrets are not watched; the operator looks at them this often.
const LOOKS: &str = "fullReconciliationIntervalMs=5000";

/// A sample, for the namespace of the test.
fn sample(stage: &Stage, name: &str) -> String {
    let text = std::fs::read_to_string(Path::new(SAMPLES).join(name)).unwrap();
    text.replace("namespace: kafka", &format!("namespace: {}", stage.namespace()))
}

/// Writes and reads a topic by way of this address, as clients do that trust this authority.
async fn works_at(stage: &Stage, bootstrap: &str, trust: &Path, topic: &str) {
    let properties = Client::Java.tls(trust, None);
    stage.admin(bootstrap, &properties, "create-topic", &words(topic)).await;
    let orders = Payload::new(5).orders(20);
    let to = ProduceOptions::to(bootstrap.to_owned(), topic).timeout(PATIENCE).properties(&properties);
    Client::Java.produce_all(&to, &orders).await;
    let from = ConsumeOptions::from(bootstrap.to_owned(), topic).timeout(PATIENCE).properties(&properties);
    assert_same(bootstrap, &orders, &Client::Java.consume_all(&from).await);
}

fn words(topic: &str) -> Vec<String> {
    ["--topic", topic, "--partitions", "1"].map(str::to_owned).to_vec()
}

/// Proxies are told so many listeners.
async fn await_listeners(stage: &Stage, wanted: usize) -> Fleet {
    let told = async || {
        let map = stage.get("configmap", "my-cluster-encryption-config").await;
        let text = map["data"]["proxy.yaml"].as_str().unwrap();
        let config: Value = serde_yaml::from_str(text).unwrap();
        let count = config["listeners"].as_array().unwrap().len();
        if count == wanted { Ok(()) } else { Err(format!("{count} listeners")) }
    };
    eventually_ok(&format!("proxies are told {wanted} listeners"), PATIENCE, told).await;
    stage.await_ready("encproxy/my-cluster").await;
    stage.await_fleet(1).await
}

/// Conformance: TE-B10.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_takes_the_samples_one_after_the_other() {
    let stage = Stage::named("samples").set(LOOKS).start().await;
    for policy in ["10-policy.yaml", "11-policy-every-field.yaml"] {
        stage.apply(&sample(&stage, policy)).await;
    }
    // The node has no room for three of them.
    let proxy = sample(&stage, "20-proxy.yaml");
    stage.apply(&proxy.replace("replicas: 3", "replicas: 1").replace("cpu: \"1\"", "cpu: 100m")).await;
    let pending = stage
        .await_condition("encproxy", "my-cluster", "Ready", |ready| ready.reason == "AddressPending")
        .await;
    assert!(pending.message.contains("external"), "{pending}");
    stage.await_ready("tep/payments").await;
    stage.await_ready("tep/orders").await;
    works_at(&stage, &stage.bootstrap(), &stage.trust().await, "orders").await;

    // As the cloud does that has made a load balancer. The address is that of a Service, which leads to the same place.
    let service = "my-cluster-encryption-external";
    let address = stage.get("service", service).await["spec"]["clusterIP"].as_str().unwrap().to_owned();
    let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}).to_string();
    stage
        .kubectl(&["patch", "service", service, "--subresource=status", "--type=merge", "--patch", &status])
        .await;
    await_listeners(&stage, 2).await;
    works_at(&stage, &format!("{address}:9192"), &stage.trust().await, "refunds").await;

    // A certificate of somebody's own, for the name that clients connect to.
    let own = Certificates::new();
    let host = stage.bootstrap().trim_end_matches(":9092").to_owned();
    let identity = own.server_named("proxies", &[&host]);
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (cert, key) = (path(&identity.certificate), path(&identity.key));
    let files = [format!("--cert={cert}"), format!("--key={key}")];
    stage.kubectl(&["create", "secret", "tls", "my-cluster-proxy-tls", &files[0], &files[1]]).await;
    let proxy = sample(&stage, "21-proxy-own-certificate.yaml");
    let mut proxy: Value = serde_yaml::from_str(&proxy).unwrap();
    proxy["spec"]["replicas"] = json!(1);
    stage.apply(&proxy.to_string()).await;
    await_listeners(&stage, 1).await;
    assert!(stage.find("service", service).await.is_none(), "nothing is left of the load balancer");
    works_at(&stage, &stage.bootstrap(), &own.authority(), "orders.returns").await;

    // By the address of a node.
    let nodes = stage.json(&["get", "nodes"]).await;
    let addresses = nodes["items"][0]["status"]["addresses"].as_array().unwrap();
    let address = addresses.iter().find(|address| address["type"] == "InternalIP").unwrap();
    let node = address["address"].as_str().unwrap();
    let identity = own.server_named("node", &[&host, node]);
    let (cert, key) = (path(&identity.certificate), path(&identity.key));
    let words = ["create", "secret", "tls", "my-cluster-node-tls", "--cert", &cert, "--key", &key];
    stage.kubectl(&words).await;
    proxy["spec"]["tls"]["secretRef"]["name"] = json!("my-cluster-node-tls");
    proxy["spec"]["listeners"] = json!([
        {"name": "tls"},
        {"name": "node", "type": "nodeport", "port": 31300, "advertisedHost": node},
    ]);
    stage.apply(&proxy.to_string()).await;
    await_listeners(&stage, 2).await;
    works_at(&stage, &format!("{node}:31300"), &own.authority(), "payments.by-node").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_of_other_namespaces_count_as_the_proxy_says() {
    let team = Stage::named("team-payments").without_kafka().without_operator().start().await;
    let stage = Stage::named("samples-teams")
        .set("watchNamespaces=[\"samples-teams\",\"team-payments\"]")
        .set("rbac.namespaceSelectors=true")
        .start()
        .await;
    let kafka_ref = "{name: my-cluster, namespace: kafka}";
    let here = format!("{{name: my-cluster, namespace: {}}}", stage.namespace());
    let text = std::fs::read_to_string(Path::new(SAMPLES).join("60-many-namespaces.yaml")).unwrap();
    let text = text
        .replace(kafka_ref, &here)
        .replace("name: my-cluster, namespace: kafka", &here[1..here.len() - 1]);
    let manifest = team.file("sample.yaml", &text);
    let words = ["apply", "--server-side", "--force-conflicts", "-f", manifest.to_str().unwrap()];
    stage.kubernetes().kubectl(&words).await.unwrap();
    team.await_ready("tep/payments").await;
    in_force(&stage).await;

    // A namespace that loses the label counts no longer, and its topics are retired.
    team.kubernetes()
        .kubectl(&["label", "namespace", "team-payments", "example.com/uses-kafka-"])
        .await
        .unwrap();
    let refused = |accepted: &tests::kubernetes::Condition| accepted.reason == "NamespaceNotAllowed";
    team.await_condition("tep", "payments", "Accepted", refused).await;
    stage.await_loaded("the topics are retired", |policy| policy["retired"] != json!([])).await;

    let allow = async |namespaces: &str| {
        let patch = json!({"spec": {"allowedPolicies": {"namespaces": namespaces, "selector": null}}});
        stage.patch("encproxy", "my-cluster", patch).await;
    };
    allow("All").await;
    team.await_ready("tep/payments").await;
    in_force(&stage).await;
    allow("Same").await;
    team.await_condition("tep", "payments", "Accepted", refused).await;
}

/// Waits until proxies have the team's rule, and nothing is retired.
async fn in_force(stage: &Stage) {
    let loaded = |policy: &Value| policy["rules"] == 1 && policy["retired"] == json!([]);
    stage.await_loaded("the rule is in force", loaded).await;
}
