//! A proxy beside a client, without the operator: the sample in a pod.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tests::kubernetes::Stage;
use tests::{Client, ConsumeOptions, Payload, ProduceOptions, assert_same, canary};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples/42-sidecar.yaml");
const PATIENCE: Duration = Duration::from_mins(1);
const TOPIC: &str = "payments.sidecar";
/// Of the proxy, and of its broker 0.
const PORTS: [u16; 2] = [9092, 9100];
/// In the place of the application: it goes on if the proxy serves by the time that it starts.
const CLIENT: &str = "image: rig.test/busybox:1
          command: [sh, -c, 'curl --silent --fail http://127.0.0.1:9404/readyz && exec sleep 100000']";

/// The sample, for this namespace, the images of this run, and the listener of the stand-in that asks for a password.
async fn sample(stage: &Stage) -> String {
    let image = stage.kubernetes().under_tag("topic-encryption-proxy", "sidecar").await;
    let edits = [
        ("namespace: kafka", format!("namespace: {}", stage.namespace())),
        ("my-cluster-kafka-bootstrap.kafka.svc:9093", stage.broker(9094)),
        ("registry.example.com/topic-encryption-proxy:0.1.0", image),
        ("image: registry.example.com/payments:1.0.0", CLIENT.to_owned()),
    ];
    let mut sample = std::fs::read_to_string(SAMPLE).unwrap();
    for (from, to) in edits {
        assert!(sample.contains(from), "{from}");
        sample = sample.replace(from, &to);
    }
    sample
}

/// The pod of the sample, once it runs.
async fn pod(stage: &Stage) -> String {
    stage.kubectl(&["rollout", "status", "deployment/payments-sidecar", "--timeout=90s"]).await;
    let pods = stage.json(&["get", "pods", "-l", "app=payments-sidecar"]).await;
    let pod = &pods["items"][0];
    let restarts = &pod["status"]["containerStatuses"][0]["restartCount"];
    assert_eq!(restarts, 0, "the proxy is ready before its client starts: {pod}");
    pod["metadata"]["name"].as_str().unwrap().to_owned()
}

/// Conformance: P17-33.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_reads_and_writes_by_way_of_the_sidecar_of_the_sample() {
    let stage = Stage::named("sidecar").listeners("tls,scram").without_operator().start().await;
    stage.strimzi("user", &["payments", "scram-sha-512"]).await;
    let key = format!("--from-literal=payments.v1={}", STANDARD.encode([42; 32]));
    stage.kubectl(&["create", "secret", "generic", "payments-encryption-keys", &key]).await;
    stage.apply(&sample(&stage).await).await;
    let pod = pod(&stage).await;
    let _forward = stage.forward(&pod, &PORTS).await;

    // As the client in the pod is told: SASL without TLS, since nothing leaves the pod.
    let password = stage.secret("payments", "password").await;
    let user = |client: Client| client.sasl("SCRAM-SHA-512", "payments", &password, None);
    let bootstrap = format!("127.0.0.1:{}", PORTS[0]);
    let words = ["--topic", TOPIC, "--partitions", "1"].map(str::to_owned);
    stage.admin(&bootstrap, &user(Client::Java), "create-topic", &words).await;
    let mut orders = Payload::new(7).orders(30);
    let needle = canary("sidecar");
    orders[0].value = Some(needle.clone().into_bytes());
    let to = ProduceOptions::to(bootstrap.clone(), TOPIC).timeout(PATIENCE);
    Client::Java.produce_all(&to.properties(&user(Client::Java)), &orders).await;
    let from = ConsumeOptions::from(bootstrap, TOPIC).timeout(PATIENCE);
    let read = Client::Python.consume_all(&from.properties(&user(Client::Python)).partition(0)).await;
    assert_same("by way of the sidecar", &orders, &read);
    let found = stage.segments(TOPIC, &[0]).await.search(&[&needle]).await;
    assert!(!found.found(0) && found.records > 0 && found.invalid == 0, "{found:?}");
}
