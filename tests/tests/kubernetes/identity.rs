//! Clients show their certificates to the proxies, which log in to the brokers as a user of their own.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tests::kubernetes::Stage;
use tests::{
    Certificates, Client, ConsumeOptions, Identity, Payload, ProduceOptions, SentRecord, assert_same, canary,
    eventually_ok,
};

const PATIENCE: Duration = Duration::from_mins(1);
/// What a client that is refused gives up after.
const REFUSAL: Duration = Duration::from_secs(5);
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples/23-proxy-own-identity.yaml");
const TOPIC: &str = "orders.identity";

#[tokio::test(flavor = "multi_thread")]
async fn proxies_log_in_by_password_and_follow_its_renewal() {
    let reloads = "topic_encryption_credential_reloads_total";
    own_identity("identity-scram", "scram", "scram-sha-512", reloads).await;
}

/// Conformance: P17-35.
#[tokio::test(flavor = "multi_thread")]
async fn proxies_log_in_by_certificate_and_follow_its_renewal() {
    let reloads = "topic_encryption_certificate_reloads_total";
    own_identity("identity-mtls", "mtls", "tls", reloads).await;
}

async fn own_identity(namespace: &str, listener: &str, authentication: &str, reloads: &str) {
    // Secrets are not watched; the operator looks at them this often.
    let builder = Stage::named(namespace).listeners(listener).set("fullReconciliationIntervalMs=5000");
    let stage = builder.start().await;
    stage.strimzi("user", &["encryption-proxy", authentication]).await;
    stage.strimzi("user", &["alice", "tls"]).await;
    let sample = std::fs::read_to_string(SAMPLE).unwrap();
    let proxy = sample.rsplit("---\n").next().unwrap();
    stage.apply(&proxy.replace("namespace: kafka", &format!("namespace: {namespace}"))).await;
    let rule = json!({"topics": [{"prefix": "orders."}], "key": {"name": "orders"}});
    stage.apply_policy("orders", json!([rule])).await;
    stage.await_ready("tep/orders").await;
    let fleet = stage.await_fleet(2).await;

    let trust = stage.trust().await;
    let alice = stage.identity("alice").await;
    stage.create_topic_as(&Client::Java.tls(&trust, Some(&alice)), TOPIC, 1, &[]).await;
    let mut orders = Payload::new(3).orders(36);
    let needle = canary(namespace);
    orders[0].value = Some(needle.clone().into_bytes());
    write(&stage, &trust, &alice, &orders).await;
    assert_same("of alice", &orders, &read(&stage, &trust, &alice).await);
    let found = stage.segments(TOPIC, &[0]).await.search(&[&needle]).await;
    assert!(!found.found(0) && found.records > 0 && found.invalid == 0, "{found:?}");

    // They are gone with their authority's folder.
    let others = Certificates::new();
    let stranger = others.client("stranger", "alice");
    tokio::join!(is_refused(&stage, &trust, None), is_refused(&stage, &trust, Some(&stranger)));

    let before = stage.metric(reloads).await;
    stage.strimzi("user", &["encryption-proxy", authentication]).await;
    let wanted = before + 2.0;
    let follows = async || {
        let now = stage.metric(reloads).await;
        if now >= wanted { Ok(()) } else { Err(format!("{reloads} is {now}, not {wanted}")) }
    };
    eventually_ok("both proxies have the new credentials", PATIENCE, follows).await;
    let more = Payload::new(4).orders(12);
    write(&stage, &trust, &alice, &more).await;
    assert_same("after the renewal", &[orders, more].concat(), &read(&stage, &trust, &alice).await);
    assert_eq!(stage.fleet().await, fleet, "the pods stay as they were");
}

async fn write(stage: &Stage, trust: &Path, identity: &Identity, records: &[SentRecord]) {
    let to = ProduceOptions::to(stage.bootstrap(), TOPIC);
    Client::Java.produce_all(&to.properties(&Client::Java.tls(trust, Some(identity))), records).await;
}

async fn read(stage: &Stage, trust: &Path, identity: &Identity) -> Vec<tests::ReceivedRecord> {
    let from = ConsumeOptions::from(stage.bootstrap(), TOPIC);
    Client::Go.consume_all(&from.properties(&Client::Go.tls(trust, Some(identity)))).await
}

async fn is_refused(stage: &Stage, trust: &Path, identity: Option<&Identity>) {
    let to = ProduceOptions::to(stage.bootstrap(), TOPIC).timeout(REFUSAL);
    let to = to.properties(&Client::Librdkafka.tls(trust, identity));
    let answers = Client::Librdkafka.produce(&to, &[SentRecord::of("of a stranger").partition(0)]).await;
    assert!(answers.iter().all(Result::is_err), "{identity:?}: {answers:?}");
}
