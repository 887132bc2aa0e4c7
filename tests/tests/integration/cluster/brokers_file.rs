//! Brokers come and go in a file while the proxy runs. Nobody asks for metadata before the end, so that no address is
//! learned from an answer.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tests::{
    Client, ConsumeOptions, ProduceOptions, Proxy, SentRecord, assert_same, eventually, eventually_ok, topic,
};

use super::addresses::{PATIENCE, connect};
use super::{ALL_RUN, Three, policy};

/// The file with these brokers.
fn file(three: &Three, brokers: &[usize]) -> String {
    let mut text = "brokers:\n".to_owned();
    for broker in brokers {
        writeln!(text, "  {broker}: {}", three.cluster.address(*broker)).unwrap();
    }
    text
}

/// What the proxy says of these brokers.
fn addresses(three: &Three, brokers: &[usize]) -> Value {
    brokers.iter().map(|broker| (broker.to_string(), json!(three.cluster.address(*broker)))).collect()
}

async fn start(text: &str) -> Proxy {
    let three = Three::shared().await;
    let servers = (0..3).map(|node| three.cluster.address(node)).collect();
    let builder = Proxy::builder(servers, 3).policy(policy()).upstream("brokersFile", "brokers.yaml");
    let proxy = builder.launch().await;
    let told = async || match proxy.get("/readyz").await {
        Ok(answer) if answer.body.contains("no broker addresses are loaded: ") => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok("the proxy says what it waits for", PATIENCE, told).await;
    proxy.write_file("brokers.yaml", text);
    proxy.wait_ready().await;
    proxy
}

async fn loaded(proxy: &Proxy, generation: u64) -> Value {
    let reached = async || {
        let told = proxy.brokers().await;
        if told["generation"] == generation { Ok(told) } else { Err(told) }
    };
    eventually_ok(&format!("file {generation} is in use"), PATIENCE, reached).await
}

async fn is_closed(proxy: &Proxy, broker: usize) {
    let mut unknown = connect(&proxy.broker_address(broker)).await;
    assert!(unknown.closes_within(Duration::from_secs(5)).await, "broker {broker}");
}

/// Conformance: TE-08.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_appears_in_the_file_is_reached_without_a_restart() {
    let _all_run = ALL_RUN.read().await;
    let three = Three::shared().await;
    let proxy = start(&file(three, &[0, 1])).await;
    assert_eq!(loaded(&proxy, 1).await["brokers"], addresses(three, &[0, 1]));
    connect(&proxy.broker_address(1)).await.api_versions().await.unwrap();
    is_closed(&proxy, 2).await;

    proxy.write_file("brokers.yaml", &file(three, &[0, 1, 2]));
    let told = loaded(&proxy, 2).await;
    assert_eq!(told["brokers"], addresses(three, &[0, 1, 2]));
    assert_eq!((&told["learned"], &told["lastError"]), (&json!({}), &Value::Null));
    connect(&proxy.broker_address(2)).await.api_versions().await.unwrap();
    let name = topic("batch.appears");
    three.place_topic(&name, &[&[2], &[0]]).await;
    let sent = [SentRecord::of("to the broker that appeared").partition(0), SentRecord::of("b").partition(1)];
    Client::Java.produce_all(&ProduceOptions::to(proxy.bootstrap(), &name), &sent).await;
    let mut received = Client::Go.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &name)).await;
    received.sort_by_key(|record| record.partition);
    assert_same("go", &sent, &received);
    assert_eq!(proxy.brokers().await["learned"], json!({}), "what the file says is not learned");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_leaves_the_file_keeps_its_connections_and_gets_no_new_ones() {
    let _all_run = ALL_RUN.read().await;
    let three = Three::shared().await;
    let proxy = start(&file(three, &[0, 1])).await;
    let mut connection = connect(&proxy.broker_address(1)).await;
    connection.api_versions().await.unwrap();
    proxy.write_file("brokers.yaml", &file(three, &[0]));
    loaded(&proxy, 2).await;
    is_closed(&proxy, 1).await;
    connection.api_versions().await.unwrap();
    connect(&proxy.broker_address(0)).await.api_versions().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_of_brokers_changes_nothing_and_says_so_until_it_is_good_again() {
    let _all_run = ALL_RUN.read().await;
    let three = Three::shared().await;
    let good = file(three, &[0, 1]);
    let proxy = start(&good).await;
    let hash = loaded(&proxy, 1).await["hash"].clone();
    proxy.write_file("brokers.yaml", "brokers: {0: nowhere}");
    let complains = async || match proxy.brokers().await["lastError"].as_str() {
        Some(error) if error.contains("brokers.0: must be host:port") => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok("the mistake is told", PATIENCE, complains).await;
    let logged = async || proxy.log().lines().any(|line| line.contains("WARN") && line.contains("brokers.0"));
    eventually("the mistake is logged", PATIENCE, logged).await;
    assert_eq!(proxy.brokers().await["hash"], hash);
    connect(&proxy.broker_address(1)).await.api_versions().await.unwrap();
    assert_eq!(proxy.get("/readyz").await.unwrap().status, 200);

    // A broker that no port is open for.
    proxy.write_file("brokers.yaml", &format!("{good}  3: {}\n", three.cluster.address(2)));
    let told = loaded(&proxy, 2).await;
    assert_eq!((&told["brokers"], &told["skipped"]), (&addresses(three, &[0, 1]), &json!([3])));
    assert_eq!(told["lastError"], Value::Null);
}
