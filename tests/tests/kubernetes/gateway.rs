//! A listener of the type `tlsroute`, by the Gateway API's own definitions. The Gateway is a stand-in, which passes TLS on by name and
//! tells whose connections they are.

use std::path::Path;

use serde_json::{Value, json};
use tests::kubernetes::{Condition, Stage};
use tests::{Client, ConsumeOptions, Payload, ProduceOptions, assert_same, canary};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples/27-proxy-gateway.yaml");
const ROUTE: &str = "my-cluster-encryption-gateway";
const BOOTSTRAP: &str = "kafka.gateway.svc:443";
const TOPIC: &str = "orders.gateway";

/// The sample's Gateway and `EncryptionProxy`, with names that there are in the cluster.
fn sample() -> [Value; 2] {
    let text = std::fs::read_to_string(SAMPLE).unwrap();
    let text = text
        .replace("namespace: kafka", "namespace: gateway")
        .replace("{id}.kafka.example.com", "{id}.gateway.svc")
        .replace("kafka.example.com", "kafka.gateway.svc");
    let mut documents = text.split("---\n").map(|document| serde_yaml::from_str(document).unwrap());
    [documents.next().unwrap(), documents.next().unwrap()]
}

/// Waits until the fleet is not ready for this reason, which it tells in full.
async fn await_reason(stage: &Stage, reason: &str) -> String {
    let wanted = |ready: &Condition| ready.status == "False" && ready.reason == reason;
    stage.await_condition("encproxy", "my-cluster", "Ready", wanted).await.message
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_come_through_a_gateway_once_it_takes_the_routes() {
    // What Gateways say is looked at this often.
    let stage = Stage::named("gateway").set("fullReconciliationIntervalMs=5000").start().await;
    stage.gateway_api("uninstall", &[]).await;
    let [gateway, mut proxy] = sample();
    proxy["spec"]["replicas"] = json!(1);
    proxy["spec"]["listeners"][0]["proxyProtocol"] = json!(true);
    stage.apply(&proxy.to_string()).await;
    let rule = json!({"topics": [{"prefix": "orders."}], "key": {"name": "orders"}});
    stage.apply_policy("orders", json!([rule])).await;
    let missing = await_reason(&stage, "GatewayApiMissing").await;
    assert!(missing.contains("listener gateway") && missing.contains("install"), "{missing}");
    stage.await_ready("tep/orders").await;

    stage.gateway_api("install", &[]).await;
    stage.apply(&gateway.to_string()).await;
    let pending = await_reason(&stage, "RoutePending").await;
    assert!(pending.contains(ROUTE), "{pending}");
    let route = stage.get("tlsroute", ROUTE).await;
    assert_eq!(route["apiVersion"], "gateway.networking.k8s.io/v1");
    assert_eq!(route["spec"]["hostnames"], json!(["kafka.gateway.svc", "broker-0.gateway.svc"]));
    stage.gateway_api("refuse", &["kafka", "no listener of this Gateway takes it"]).await;
    let refused = await_reason(&stage, "RouteNotAccepted").await;
    for part in ["Gateway kafka", ROUTE, "NotAllowedByListeners", "no listener of this Gateway takes it"] {
        assert!(refused.contains(part), "{refused}");
    }
    stage.gateway_api("accept", &["kafka"]).await;
    stage.await_ready("encproxy/my-cluster").await;
    let status = stage.get("encproxy", "my-cluster").await["status"].take();
    assert_eq!(status["listeners"], json!([{"name": "gateway", "bootstrapServers": BOOTSTRAP}]));
    assert_eq!(status["bootstrapServers"], BOOTSTRAP);

    let running = stage.run_gateway("kafka", &["kafka", "broker-0"]).await;
    let trust = stage.trust().await;
    works_through(&stage, &trust).await;
    assert_eq!(running.log(), "");
    past_the_gateway_is_no_way(&stage, &trust).await;
}

async fn works_through(stage: &Stage, trust: &Path) {
    let properties = Client::Java.tls(trust, None);
    let words = ["--topic", TOPIC, "--partitions", "1"].map(str::to_owned);
    stage.admin(BOOTSTRAP, &properties, "create-topic", &words).await;
    let mut orders = Payload::new(6).orders(20);
    let needle = canary("gateway");
    orders[0].value = Some(needle.clone().into_bytes());
    let to = ProduceOptions::to(BOOTSTRAP.to_owned(), TOPIC).properties(&properties);
    Client::Java.produce_all(&to, &orders).await;
    let properties = Client::Librdkafka.tls(trust, None);
    let from = ConsumeOptions::from(BOOTSTRAP.to_owned(), TOPIC).properties(&properties);
    assert_same("through the gateway", &orders, &Client::Librdkafka.consume_all(&from).await);
    let found = stage.segments(TOPIC, &[0]).await.search(&[&needle]).await;
    assert!(!found.found(0) && found.records > 0 && found.invalid == 0, "{found:?}");
}

/// A connection that does not begin with the Gateway's header is closed, though its handshake would be in order.
async fn past_the_gateway_is_no_way(stage: &Stage, trust: &Path) {
    let script = "openssl s_client -connect $0 -servername kafka.gateway.svc -CAfile $1 -verify_return_error </dev/null";
    let service = format!("{ROUTE}.gateway.svc:9092");
    for (address, open) in [(BOOTSTRAP, true), (&service, false)] {
        let words = ["bash", "-c", script, address, trust.to_str().unwrap()];
        let done = stage.kubernetes().exec(&words, None).await;
        assert_eq!(done.is_ok(), open, "{address}: {done:?}");
    }
}
