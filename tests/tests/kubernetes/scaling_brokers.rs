//! Brokers come and go; the proxies and their Services follow while they run.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tests::kubernetes::Stage;
use tests::{Client, Payload, assert_same, canary, eventually_ok};

const PATIENCE: Duration = Duration::from_mins(1);
/// Where broker 0 is reached.
const FIRST_PORT: i32 = 9093;

#[tokio::test(flavor = "multi_thread")]
async fn proxies_and_services_follow_brokers_as_they_come_and_go() {
    let stage = Stage::named("scaling-brokers").start().await;
    let rule = json!({"topics": [{"prefix": "orders."}], "key": {"name": "orders"}});
    stage.apply_policy("orders", json!([rule])).await;
    stage.await_ready("tep/orders").await;
    let fleet = stage.await_fleet(2).await;
    stage.create_topic("orders.scaling", 1, &[]).await;
    let load = stage.load("orders.scaling").await;
    await_brokers(&stage, &[0]).await;

    for brokers in [vec![0, 1], vec![0, 1, 5]] {
        stage.strimzi("scale", &[&list(&brokers)]).await;
        await_brokers(&stage, &brokers).await;
        every_broker_leads_through_the_proxies(&stage, &brokers).await;
        load.goes_on(&list(&brokers)).await;
    }
    stage.strimzi("scale", &["0"]).await;
    await_brokers(&stage, &[0]).await;
    let open: Vec<_> = ports_that_answer(&stage, &[0, 1, 5]).await;
    assert_eq!(open, [0], "brokers whose ports answer");

    let (_, reconnects) = load.finish().await;
    assert!(reconnects.is_empty(), "{reconnects:?}");
    assert_eq!(stage.fleet().await, fleet, "the pods stay as they were");
}

/// Waits until every proxy knows these brokers and no others, and their Service has these ports and no others.
async fn await_brokers(stage: &Stage, brokers: &[i32]) {
    let wanted: BTreeSet<_> = brokers.iter().map(ToString::to_string).collect();
    let ports: BTreeSet<_> = brokers.iter().map(|id| i64::from(FIRST_PORT + id)).chain([9092]).collect();
    let probe = async || {
        let service = stage.get("service", "my-cluster-encryption-bootstrap").await;
        let listed = service["spec"]["ports"].as_array().into_iter().flatten();
        let found: BTreeSet<_> = listed.filter_map(|port| port["port"].as_i64()).collect();
        if found != ports {
            return Err(format!("the Service has {found:?}"));
        }
        for (pod, answer) in stage.ask_all("/brokers").await {
            let known = answer["brokers"].as_object().into_iter().flatten();
            let known: BTreeSet<_> = known.map(|(id, _)| id.clone()).collect();
            if known != wanted {
                return Err(format!("{pod} knows {known:?}"));
            }
        }
        Ok(())
    };
    eventually_ok(&format!("{brokers:?} are known"), PATIENCE, probe).await;
}

/// A topic of which each broker leads one partition is written and read, and is ciphertext on every one of them.
async fn every_broker_leads_through_the_proxies(stage: &Stage, brokers: &[i32]) {
    let topic = format!("orders.spread-{}", brokers.len());
    let admin = stage.tls(Client::Java).await;
    let words = ["--topic".to_owned(), topic.clone()];
    stage.create_topic(&topic, u32::try_from(brokers.len()).unwrap(), &["min.insync.replicas=1"]).await;
    let described = stage.admin(&stage.bootstrap(), &admin, "describe-topic", &words).await;
    let partitions = described["partitions"].as_array().unwrap();
    let leaders: BTreeSet<_> = partitions.iter().filter_map(|each| each["leader"].as_i64()).collect();
    assert_eq!(leaders, brokers.iter().copied().map(i64::from).collect(), "{described}");

    let mut needles = Vec::new();
    for partition in 0..i32::try_from(brokers.len()).unwrap() {
        let mut orders = Payload::new(7).orders(24);
        needles.push(canary(&format!("{topic}-{partition}")));
        orders[0].value = needles.last().cloned().map(String::into_bytes);
        for order in &mut orders {
            order.partition = Some(partition);
        }
        Client::Python.produce_all(&stage.to(Client::Python, &topic).await, &orders).await;
        let from = stage.from(Client::Go, &topic).await.partition(partition);
        assert_same(&format!("{topic}-{partition}"), &orders, &Client::Go.consume_all(&from).await);
    }
    let found = stage.segments(&topic, brokers).await.search(&needles).await;
    let clear = (0..needles.len()).any(|needle| found.found(needle));
    assert!(!clear && found.records > 0 && found.invalid == 0, "{found:?}");
    // With its only replicas on brokers that are about to go, it would be a topic without leaders.
    stage.admin(&stage.bootstrap(), &admin, "delete-topic", &words).await;
}

/// Which of these brokers' ports take connections at the fleet's Service.
async fn ports_that_answer(stage: &Stage, brokers: &[i32]) -> Vec<i32> {
    let host = stage.bootstrap().trim_end_matches(":9092").to_owned();
    let mut answering = Vec::new();
    for broker in brokers {
        let connect = format!("exec timeout 3 bash -c '</dev/tcp/{host}/{}'", FIRST_PORT + broker);
        if stage.kubernetes().exec(&["bash", "-c", &connect], None).await.is_ok() {
            answering.push(*broker);
        }
    }
    answering
}

fn list(brokers: &[i32]) -> String {
    brokers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
