//! Who may talk to whom, judged from the NetworkPolicies that are in the cluster: the rig's network accepts them and enforces
//! none. So this proves what they say, not that a network heeds it.

pub(crate) mod flows;

use serde_json::{Value, json};
use tests::kubernetes::{Condition, Stage, condition};

use self::flows::{Direction, Judge, Place, Pod};

const BROKERS: u16 = 9093;
const API_SERVER: u16 = 6443;

fn labels(pairs: &[(&str, &str)]) -> Value {
    pairs
        .iter()
        .map(|&(name, value)| (name.to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A pod of somebody's, which need not run to be judged.
pub(crate) fn stranger(
    namespace: &str,
    namespace_labels: &[(&str, &str)],
    pod_labels: &[(&str, &str)],
) -> Place {
    let named = [("kubernetes.io/metadata.name", namespace)];
    Place::Pod(Pod {
        namespace: namespace.to_owned(),
        namespace_labels: labels(&[&named[..], namespace_labels].concat()),
        labels: labels(pod_labels),
        named_ports: Vec::new(),
    })
}

pub(crate) async fn pod(stage: &Stage, selector: &str) -> Place {
    let pods = stage.json(&["get", "pods", "-l", selector]).await;
    let object = &pods["items"][0];
    assert!(object.is_object(), "no pod is {selector}");
    let namespace = stage.get("namespace", stage.namespace()).await;
    Place::Pod(Pod::of(object, &namespace))
}

/// What the cluster operator makes of a Kafka resource (strimzi.md, 3.8): each listener for its peers, or for everyone. The
/// stand-in writes none.
fn strimzis(kafka: &Value) -> Value {
    let rules = kafka["spec"]["kafka"]["listeners"].as_array().unwrap().iter().map(|listener| {
        let mut rule = json!({"ports": [{"protocol": "TCP", "port": listener["port"]}]});
        if let Some(peers) = listener.get("networkPolicyPeers") {
            rule["from"] = peers.clone();
        }
        rule
    });
    json!({
        "metadata": {"namespace": kafka["metadata"]["namespace"], "name": "my-cluster-network-policy-kafka"},
        "spec": {
            "podSelector": {"matchLabels": {"strimzi.io/cluster": "my-cluster", "strimzi.io/kind": "Kafka"}},
            "policyTypes": ["Ingress"],
            "ingress": rules.collect::<Vec<_>>(),
        },
    })
}

pub(crate) async fn policies(stage: &Stage) -> Judge {
    let list = stage.json(&["get", "networkpolicies", "--all-namespaces"]).await;
    let mut all = list["items"].as_array().unwrap().clone();
    assert!(!all.is_empty());
    all.push(strimzis(&stage.get("kafka", "my-cluster").await));
    Judge::new(&all)
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_of_a_fleet_let_through_what_it_needs_and_nothing_else() {
    let stage = Stage::named("network-policies").start().await;
    let here = stage.namespace();
    let rule = json!({"topics": [{"prefix": "orders."}], "key": {"name": "orders"}});
    stage.apply_policy("orders", json!([rule])).await;
    stage.await_ready("tep/orders").await;
    let judge = policies(&stage).await;
    let proxy = pod(&stage, "app.kubernetes.io/name=topic-encryption-proxy").await;
    let broker = pod(&stage, "strimzi.io/cluster=my-cluster,strimzi.io/kind=Kafka").await;
    let operator = pod(&stage, "app.kubernetes.io/name=topic-encryption-operator").await;
    let client = stranger("shop", &[], &[("app", "shop")]);
    let beside = stranger(here, &[], &[("app", "shop")]);

    // Clients, wherever they are, reach the listener with all its ports, and no other port.
    let bootstrap = stage.get("service", "my-cluster-encryption-bootstrap").await;
    let ports = bootstrap["spec"]["ports"].as_array().unwrap().iter();
    let ports: Vec<_> =
        ports.map(|port| u16::try_from(port["targetPort"].as_u64().unwrap()).unwrap()).collect();
    assert_eq!(ports, [9092, 9093]);
    for from in [&client, &beside] {
        for port in &ports {
            judge.allows(from, &proxy, "TCP", *port);
        }
        for (protocol, port) in [("TCP", 8080), ("UDP", 9092), ("TCP", 9091), ("TCP", 9109)] {
            judge.denies(from, &proxy, protocol, port, Direction::Ingress);
        }
    }

    // The admin port is the operator's, and theirs who read metrics.
    let scraper =
        stranger("monitoring", &[("encryption.strimzi.io/scrape", "true")], &[("app", "prometheus")]);
    let impostor = stranger("shop", &[], &[("app.kubernetes.io/name", "topic-encryption-operator")]);
    judge.allows(&operator, &proxy, "TCP", 8080);
    judge.allows(&scraper, &proxy, "TCP", 8080);
    judge.denies(&impostor, &proxy, "TCP", 8080, Direction::Ingress);

    // Proxies reach their brokers' listener and DNS.
    judge.allows(&proxy, &broker, "TCP", BROKERS);
    for protocol in ["UDP", "TCP"] {
        judge.allows(&proxy, &stranger("kube-system", &[], &[("k8s-app", "kube-dns")]), protocol, 53);
    }
    let kafka = [("strimzi.io/cluster", "my-cluster"), ("strimzi.io/kind", "Kafka")];
    let other = [("strimzi.io/cluster", "other"), ("strimzi.io/kind", "Kafka")];
    judge.denies(&proxy, &broker, "TCP", 9091, Direction::Egress);
    judge.denies(&proxy, &stranger("shop", &[], &kafka), "TCP", BROKERS, Direction::Egress);
    judge.denies(&proxy, &stranger(here, &[], &other), "TCP", BROKERS, Direction::Egress);
    judge.denies(&proxy, &client, "TCP", 80, Direction::Egress);
    judge.denies(&proxy, &Place::Outside, "TCP", API_SERVER, Direction::Egress);
    judge.denies(&proxy, &Place::Outside, "TCP", 443, Direction::Egress);

    // What the status says to paste closes the way round, and only that.
    judge.allows(&client, &broker, "TCP", BROKERS);
    let warning = condition(&stage.get("tep", "orders").await, "BrokersReachableDirectly").unwrap();
    paste(&stage, &warning).await;
    let gone = async || {
        let holds = stage.holds("tep", "orders", "BrokersReachableDirectly").await;
        if holds { Err("it is still told") } else { Ok(()) }
    };
    tests::eventually_ok("the warning goes", std::time::Duration::from_mins(1), gone).await;
    let judge = policies(&stage).await;
    judge.allows(&proxy, &broker, "TCP", BROKERS);
    let lookalike = stranger(
        "shop",
        &[],
        &[("app.kubernetes.io/name", "topic-encryption-proxy"), ("app.kubernetes.io/instance", "my-cluster")],
    );
    for from in [&client, &beside, &lookalike] {
        judge.denies(from, &broker, "TCP", BROKERS, Direction::Ingress);
    }
}

/// The snippet at the end of the message, into the listener.
async fn paste(stage: &Stage, warning: &Condition) {
    let (_, snippet) = warning.message.split_once("In the Kafka resource:\n").unwrap();
    let snippet: Value = serde_yaml::from_str(snippet).unwrap();
    let mut listeners = stage.get("kafka", "my-cluster").await["spec"]["kafka"]["listeners"].clone();
    for listener in listeners.as_array_mut().unwrap() {
        listener["networkPolicyPeers"] = snippet["networkPolicyPeers"].clone();
    }
    stage.patch("kafka", "my-cluster", json!({"spec": {"kafka": {"listeners": listeners}}})).await;
}
