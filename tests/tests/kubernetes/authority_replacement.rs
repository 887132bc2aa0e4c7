//! Strimzi replaces the authority of the brokers in its four steps, below working clients.

use std::time::Duration;

use serde_json::json;
use tests::kubernetes::Stage;
use tests::{Client, ProduceOptions, SentRecord};

const BROKERS: [i64; 3] = [0, 1, 2];
/// What a client gives up after.
const REFUSAL: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn clients_notice_nothing_and_only_the_new_authority_is_trusted_in_the_end() {
    let stage = Stage::named("authority-replacement").brokers(BROKERS.len()).start().await;
    let rule = json!({"topics": [{"prefix": "orders."}], "key": {"name": "orders"}});
    stage.apply_policy("orders", json!([rule])).await;
    stage.await_ready("tep/orders").await;
    let fleet = stage.await_fleet(2).await;
    stage.create_topic("orders.replicated", 1, &[]).await;
    let single = single_replicas(&stage).await;
    let old = Old {
        trust: stage.secret("my-cluster-cluster-ca-cert", "ca.crt").await,
        identity: stage.secret("my-cluster-brokers-2", "my-cluster-brokers-2.key").await
            + &stage.secret("my-cluster-brokers-2", "my-cluster-brokers-2.crt").await,
    };

    let load = stage.load("orders.replicated").await;
    for step in ["1", "2", "3", "4"] {
        stage.strimzi("ca-step", &[step]).await;
        load.goes_on(&format!("after step {step}")).await;
    }
    load.finish().await;
    assert_eq!(stage.fleet().await, fleet, "the pods stay as they were");

    for broker in BROKERS {
        assert!(takes(&stage, &single, broker).await, "broker {broker} has the new certificate");
    }
    old.is_presented_by_broker_2(&stage, &single).await;
    assert!(!takes(&stage, &single, 2).await, "broker 2 has a certificate of the old authority");
    assert!(takes(&stage, &single, 0).await, "the others are as they were");
}

/// What was before the replacement.
struct Old {
    trust: String,
    /// Of broker 2, as Kafka's key stores have it.
    identity: String,
}

impl Old {
    /// Lets broker 2 present its old certificate to clients, and makes sure that whoever still trusts it is served.
    async fn is_presented_by_broker_2(&self, stage: &Stage, single: &[i32]) {
        let store = json!({"stringData": {"old.pem": self.identity}});
        stage.patch("secret", "my-cluster-brokers-2", store).await;
        let location = "listener.name.tls-9093.ssl.keystore.location";
        let config = json!({location: "/opt/kafka/broker-certs/old.pem"});
        stage.patch("kafka", "my-cluster", json!({"spec": {"kafka": {"config": config}}})).await;
        stage.strimzi("roll", &["2"]).await;

        let new = stage.secret("my-cluster-cluster-ca-cert", "ca.crt").await;
        let partition = single[2];
        for (trust, served) in [(new.clone(), false), (new + &self.trust, true)] {
            let trust = stage.file("trust-of-brokers.crt", &trust);
            let to = ProduceOptions::to(stage.broker(9093), "orders.single");
            let to = to.properties(&Client::Librdkafka.tls(&trust, None));
            assert_eq!(is_stored(to, partition).await, served, "directly, by who trusts {}", trust.display());
        }
    }
}

/// A topic of which each broker has one partition, and nobody else does. By broker, which.
async fn single_replicas(stage: &Stage) -> Vec<i32> {
    let admin = stage.tls(Client::Java).await;
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let create = words(&[
        "--topic",
        "orders.single",
        "--partitions",
        "3",
        "--replication",
        "1",
        "--config",
        "min.insync.replicas=1",
    ]);
    stage.admin(&stage.bootstrap(), &admin, "create-topic", &create).await;
    let topic = words(&["--topic", "orders.single"]);
    let described = stage.admin(&stage.bootstrap(), &admin, "describe-topic", &topic).await;
    let partitions = described["partitions"].as_array().unwrap();
    let of = |broker| partitions.iter().position(|each| each["leader"] == broker);
    BROKERS.map(|broker| i32::try_from(of(broker).expect("each leads one")).unwrap()).to_vec()
}

/// Whether a record gets through the proxies to the broker.
async fn takes(stage: &Stage, single: &[i32], broker: i64) -> bool {
    let partition = single[usize::try_from(broker).unwrap()];
    is_stored(stage.to(Client::Librdkafka, "orders.single").await, partition).await
}

async fn is_stored(to: ProduceOptions, partition: i32) -> bool {
    let record = SentRecord::of("to one broker").partition(partition);
    Client::Librdkafka.produce(&to.timeout(REFUSAL), &[record]).await.iter().all(Result::is_ok)
}
