//! All brokers at one port, told apart by name, for clients with certificates of somebody's own authority: whom the proxies let in, and
//! that they follow what the authority revokes.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tests::kubernetes::{Load, Stage};
use tests::{
    Certificates, Client, ConsumeOptions, Identity, Payload, ProduceOptions, SentRecord, assert_same, canary,
    eventually_ok,
};

const SAMPLE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples/25-proxy-client-certificates.yaml");
const PATIENCE: Duration = Duration::from_mins(1);
/// What a client that is refused gives up after.
const REFUSAL: Duration = Duration::from_secs(5);
const BOOTSTRAP: &str = "kafka.listeners.svc:9092";
const TOPIC: &str = "orders.listeners";
const LOADED: &str = "orders.load";
const REVOKED: u64 = 7;
/// One that nobody has.
const NOBODY: u64 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn clients_with_allowed_certificates_come_by_name_until_these_are_revoked() {
    let authority = Certificates::new();
    let stage = start(&authority).await;
    let trust = stage.trust().await;
    let payments = authority.client("payments", "payments");
    let second = authority.numbered_client("second", "payments", REVOKED);
    write_and_read(&stage, &trust, &payments, &second).await;

    // Of an authority that has the same name, and another key.
    let others = Certificates::new();
    let (orders, stranger) = (authority.client("orders", "orders"), others.client("stranger", "payments"));
    for (identity, alert) in
        [(None, "certificate required"), (Some(&orders), "access denied"), (Some(&stranger), "decrypt error")]
    {
        is_refused(&trust, identity).await;
        let told = alert_of(&stage, &trust, identity).await.unwrap();
        assert!(told.contains(alert), "{alert}: {told}");
    }

    let fleet = stage.fleet().await;
    let load = Load::start(BOOTSTRAP, LOADED, &Client::Librdkafka.tls(&trust, Some(&payments))).await;
    put_list(&stage, &authority.revocation_list(&[NOBODY, REVOKED])).await;
    let refused = async || match alert_of(&stage, &trust, Some(&second)).await {
        Some(told) if told.contains("certificate revoked") => Ok(()),
        told => Err(format!("{told:?}")),
    };
    eventually_ok("the revoked certificate is refused", PATIENCE, refused).await;
    is_refused(&trust, Some(&second)).await;
    let (_, reconnects) = load.finish().await;
    assert!(reconnects.is_empty(), "who was not revoked is not cut off: {reconnects:?}");
    assert_eq!(stage.fleet().await, fleet, "the same pods, without a restart");
}

/// A fleet as the sample has it, at one port of its Service, to which DNS leads the names of bootstrap and brokers.
async fn start(authority: &Certificates) -> Stage {
    // Secrets are not watched; the operator looks at them this often.
    let builder = Stage::named("listeners").brokers(2).listeners("scram");
    let stage = builder.set("fullReconciliationIntervalMs=5000").start().await;
    stage.strimzi("user", &["encryption-proxy", "scram-sha-512"]).await;
    let file = format!("--from-file=ca.crt={}", authority.authority().display());
    stage.kubectl(&["create", "secret", "generic", "partners-ca", &file]).await;
    put_list(&stage, &authority.revocation_list(&[NOBODY])).await;
    let sample = std::fs::read_to_string(SAMPLE).unwrap().replace("namespace: kafka", "namespace: listeners");
    let mut proxy: Value = serde_yaml::from_str(&sample).unwrap();
    let listener = &mut proxy["spec"]["listeners"][0];
    listener["advertisedHost"] = json!("kafka.listeners.svc");
    listener["brokerNames"] = json!({"pattern": "broker-{id}.listeners.svc"});
    stage.apply(&proxy.to_string()).await;
    let rule = json!({"topics": [{"prefix": "orders."}], "key": {"name": "orders"}});
    stage.apply_policy("orders", json!([rule])).await;
    stage.lead(&["kafka", "broker-0", "broker-1"], "my-cluster-encryption-bootstrap").await;
    stage.await_ready("tep/orders").await;
    stage.await_ready("encproxy/my-cluster").await;
    stage.await_fleet(2).await;
    let status = stage.get("encproxy", "my-cluster").await["status"].take();
    assert_eq!(status["listeners"], json!([{"name": "partners", "bootstrapServers": BOOTSTRAP}]));
    stage
}

/// The list of what was revoked, as people renew it.
async fn put_list(stage: &Stage, list: &str) {
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "partners-crl"},
        "stringData": {"ca.crl": list},
    });
    stage.apply(&secret.to_string()).await;
}

/// By one identity to the partitions of both brokers, and back by the other one.
async fn write_and_read(stage: &Stage, trust: &Path, writer: &Identity, reader: &Identity) {
    let properties = Client::Java.tls(trust, Some(writer));
    for (topic, partitions) in [(TOPIC, "2"), (LOADED, "1")] {
        let words = ["--topic", topic, "--partitions", partitions].map(str::to_owned);
        stage.admin(BOOTSTRAP, &properties, "create-topic", &words).await;
    }
    let mut orders = Payload::new(7).orders(20);
    let needle = canary("listeners");
    orders[0].value = Some(needle.clone().into_bytes());
    let to = ProduceOptions::to(BOOTSTRAP.to_owned(), TOPIC).properties(&properties);
    let properties = Client::Go.tls(trust, Some(reader));
    for partition in [0, 1] {
        let sent: Vec<_> = orders.iter().map(|order| order.clone().partition(partition)).collect();
        Client::Java.produce_all(&to, &sent).await;
        let from = ConsumeOptions::from(BOOTSTRAP.to_owned(), TOPIC).partition(partition);
        let read = Client::Go.consume_all(&from.properties(&properties)).await;
        assert_same(&format!("partition {partition}"), &sent, &read);
    }
    let found = stage.segments(TOPIC, &[0, 1]).await.search(&[&needle]).await;
    assert!(!found.found(0) && found.records > 0 && found.invalid == 0, "{found:?}");
}

async fn is_refused(trust: &Path, identity: Option<&Identity>) {
    let to = ProduceOptions::to(BOOTSTRAP.to_owned(), TOPIC).timeout(REFUSAL);
    let to = to.properties(&Client::Librdkafka.tls(trust, identity));
    let answers = Client::Librdkafka.produce(&to, &[SentRecord::of("of a stranger").partition(0)]).await;
    assert!(answers.iter().all(Result::is_err), "{identity:?}: {answers:?}");
}

/// How the proxies end the handshake, where they do.
async fn alert_of(stage: &Stage, trust: &Path, identity: Option<&Identity>) -> Option<String> {
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let own =
        identity.map(|own| ["-cert".to_owned(), path(&own.certificate), "-key".to_owned(), path(&own.key)]);
    let trust = path(trust);
    let name = BOOTSTRAP.trim_end_matches(":9092");
    let mut words = vec![
        "openssl",
        "s_client",
        "-connect",
        BOOTSTRAP,
        "-servername",
        name,
        "-CAfile",
        &trust,
        "-ign_eof",
    ];
    words.extend(own.iter().flatten().map(String::as_str));
    // Who is let in would be served until the proxies' patience ends.
    let words = [&["timeout", "5"][..], &words].concat();
    let done = stage.kubernetes().exec(&words, None).await;
    let said = done.err()?.said;
    said.lines().find(|line| line.contains("alert")).map(str::to_owned)
}
