//! The README's commands, as they are typed.

use std::time::Instant;

use tests::kubernetes::{Stage, condition, readme};
use tests::{Client, ConsumeOptions, Payload, ProduceOptions, assert_same, canary};

const BROKERS: [i32; 3] = [0, 1, 2];

/// Conformance: TE-28.
#[tokio::test(flavor = "multi_thread")]
async fn the_readme_leads_from_a_policy_to_encrypted_records() {
    let stage = Stage::of_readme().await;
    stage.strimzi("create", &["--listeners", "tls,scram"]).await;
    stage.strimzi("user", &["alice", "scram-sha-512"]).await;
    let commands = readme::commands();
    let [_install, apply, wait, get] = commands.as_slice() else { panic!("{commands:?}") };

    let start = Instant::now();
    stage.kubernetes().typed(apply, "").await.unwrap();
    stage.kubernetes().typed(wait, "").await.unwrap();
    let ready = start.elapsed();
    let table = stage.kubernetes().typed(get, "").await.unwrap();
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(lines.next().unwrap(), ["NAME", "READY", "PROGRAMMED", "KAFKA", "BOOTSTRAP", "RULES", "AGE"]);
    let row = lines.next().unwrap();
    assert_eq!(row[..6], ["payments", "True", "2/2", "my-cluster", &stage.bootstrap(), "2"], "{table}");

    let topic = "payments.orders";
    let mut orders = Payload::new(1).orders(60);
    let needle = canary("readme");
    orders[0].value = Some(needle.clone().into_bytes());
    let alice = async |client| stage.scram(client, "alice").await;
    stage.create_topic_as(&alice(Client::Java).await, topic, 3, &[]).await;
    let to = ProduceOptions::to(stage.bootstrap(), topic).properties(&alice(Client::Java).await);
    let offsets = Client::Java.produce_all(&to, &orders).await;
    println!(
        "from the policy to Ready {:.1} s, to the first encrypted records {:.1} s",
        ready.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
    assert_eq!(offsets.len(), orders.len());
    let from = ConsumeOptions::from(stage.bootstrap(), topic).properties(&alice(Client::Python).await);
    let read = Client::Python.consume_all(&from.partition(0)).await;
    assert_same("through the proxies", &orders, &read);
    let found = stage.segments(topic, &BROKERS).await.search(&[&needle]).await;
    assert!(!found.found(0) && found.records > 0 && found.invalid == 0, "{found:?}");
    assert!(condition(&stage.get("tep", "payments").await, "LocalKeys").is_some());
}
