//! An upgrade of the operator, over what the previous version made. The resource definitions go with it, which belong to the
//! whole cluster: hence a cluster without any other test.
#![allow(
    missing_docs,
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests say what they do by their names, and stop where something fails"
)]

mod held_back;
mod previous;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tests::kubernetes::{Stage, readme};
use tests::{Client, Feed, Payload, assert_same, eventually, eventually_ok};

use crate::previous::{MARK, Previous};

const PATIENCE: Duration = Duration::from_mins(2);
/// Kinds that a fleet consists of.
const KINDS: [&str; 7] = [
    "ServiceAccount",
    "ConfigMap",
    "Service",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Deployment",
    "Secret",
];
/// What no upgrade may touch.
const LASTING: [(&str, &str); 5] = [
    ("secret", "my-cluster-encryption-keys"),
    ("secret", "my-cluster-encryption-ca"),
    ("secret", "my-cluster-encryption-tls"),
    ("configmap", "my-cluster-encryption-ca-cert"),
    ("configmap", "my-cluster-encryption-ledger"),
];
const DEFINITIONS: [&str; 2] = ["encryptionproxies", "topicencryptionpolicies"];
const FLEET: &str = "deployment/my-cluster-encryption";

/// Conformance: P17-11.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_takes_over_the_fleet_and_the_records_of_the_previous_version() {
    let stage = Stage::of_readme().await;
    let previous = Previous::install(&stage).await;
    stage.strimzi("create", &["--brokers", "1", "--listeners", "tls"]).await;
    let commands = readme::commands();
    let [install, apply, ..] = commands.as_slice() else { panic!("{commands:?}") };
    stage.kubernetes().typed(apply, "").await.unwrap();
    stage.await_ready("tep/payments").await;
    previous.leave(&stage).await;
    stage.create_topic("payments.old", 1, &[]).await;
    stage.create_topic("payments.load", 1, &[]).await;
    let orders = Payload::new(11).orders(40);
    Client::Java.produce_all(&stage.to(Client::Java, "payments.old").await, &orders).await;

    let lasting = lasting(&stage).await;
    let definitions = definitions(&stage).await;
    for definition in &definitions {
        assert_eq!(definition["metadata"]["annotations"][MARK], "marked");
    }
    let properties = stage.tls(Client::Librdkafka).await;
    let mut feed = Feed::start(&stage.bootstrap(), "payments.load", &properties).await;
    feed.send(50).await;
    upgrade(&stage, install, &mut feed).await;
    held_back::every_edit_is(&stage).await;
    feed.send(50).await;
    follow(&stage, &previous, &mut feed).await;
    held_back::no_edit_is(&stage).await;
    feed.send(50).await;
    let count = feed.sent();
    feed.finish().await;

    let from = stage.from(Client::Java, "payments.old").await;
    assert_same("written before the upgrade", &orders, &Client::Java.consume_all(&from).await);
    let from = stage.from(Client::Java, "payments.load").await;
    assert_same("written meanwhile", &Feed::records(count), &Client::Java.consume_all(&from).await);
    assert_eq!(self::lasting(&stage).await, lasting);
    assert_definitions(&stage, &definitions).await;
}

/// Upgrades the operator, while the load goes on. The proxies stay for now, so that there is time to look at old and new together.
async fn upgrade(stage: &Stage, install: &str, feed: &mut Feed) {
    stage.kubectl(&["rollout", "pause", FLEET]).await;
    let fleet = uids(stage).await;
    let kubernetes = stage.kubernetes();
    let command = install.replace("helm install", "helm upgrade");
    let more = format!("--wait --values {}", kubernetes.values().display());
    let upgrading = tokio::spawn(async move { kubernetes.typed(&command, &more).await.unwrap() });
    let upgraded = async || {
        feed.send(20).await;
        assert_eq!(uids(stage).await, fleet, "proxies were replaced");
        upgrading.is_finished()
    };
    eventually("the operator is upgraded", 2 * PATIENCE, upgraded).await;
    upgrading.await.unwrap();
}

/// Replaces the proxies, while the load goes on.
async fn follow(stage: &Stage, previous: &Previous, feed: &mut Feed) {
    let mut seen: BTreeSet<String> = uids(stage).await;
    assert_eq!(seen.len(), 2);
    stage.kubectl(&["rollout", "resume", FLEET]).await;
    let followed = async || {
        feed.send(20).await;
        seen.extend(uids(stage).await);
        new_proxies(stage, &previous.proxy).await
    };
    eventually_ok("all proxies are of the new version", PATIENCE, followed).await;
    seen.extend(uids(stage).await);
    assert_eq!(seen.len(), 4, "each of two proxies was replaced once");
}

async fn uids(stage: &Stage) -> BTreeSet<String> {
    stage.fleet().await.pods.into_iter().map(|pod| pod.uid).collect()
}

/// Whether all proxies are new ones; there must be two that take clients at any time.
async fn new_proxies(stage: &Stage, old: &str) -> Result<(), String> {
    let deployment = stage.get("deployment", "my-cluster-encryption").await;
    let number = |field: &str| deployment["status"][field].as_u64().unwrap_or(0);
    assert!(number("availableReplicas") >= 2, "{}", deployment["status"]);
    let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
    let seen = deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"];
    if *image != old && seen && number("updatedReplicas") == 2 && number("replicas") == 2 {
        return Ok(());
    }
    Err(format!("{image}: {}", deployment["status"]))
}

async fn lasting(stage: &Stage) -> Vec<Value> {
    let mut found = Vec::new();
    for (kind, name) in LASTING {
        let object = stage.get(kind, name).await;
        assert!(object["data"].as_object().is_some_and(|data| !data.is_empty()), "{object}");
        let mut data = object["data"].clone();
        if let Some(ledger) = data["ledger.yaml"].as_str() {
            data["ledger.yaml"] = encrypted(ledger).into();
        }
        found.push(data);
    }
    found
}

/// What a ledger says was ever encrypted, which is all that the previous version wrote; later ones count and note more.
fn encrypted(ledger: &str) -> String {
    let (_, entries) = ledger.split_once("\nencrypted:\n").unwrap();
    let before = |text: &str, added: &str| text.split(added).next().unwrap().to_owned();
    before(&before(entries, "localKeys:\n"), "providers:\n")
}

async fn definitions(stage: &Stage) -> Vec<Value> {
    let mut found = Vec::new();
    for name in DEFINITIONS {
        found.push(stage.get("crd", &format!("{name}.encryption.strimzi.io")).await);
    }
    found
}

/// They are the present ones, and never went, which would have taken every policy along.
async fn assert_definitions(stage: &Stage, before: &[Value]) {
    for ((name, before), now) in DEFINITIONS.iter().zip(before).zip(definitions(stage).await) {
        assert_eq!(now["metadata"]["uid"], before["metadata"]["uid"], "{name}");
        assert_eq!(now["metadata"]["annotations"][MARK], Value::Null, "{name}");
        let file = format!("{}/../crds/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        // As the API server would have it.
        let file = stage.json(&["replace", "--dry-run=server", "-f", &file]).await;
        let schema = |definition: &Value| definition["spec"]["versions"][0]["schema"].clone();
        assert_eq!(schema(&now), schema(&file), "{name}");
    }
}
