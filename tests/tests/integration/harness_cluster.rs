//! Clusters of one's own: several nodes, TLS, SASL, nodes that go away.

use std::time::Duration;

use tests::{
    Certificates, Client, Cluster, ConsumeOptions, ProduceOptions, RawConnection, SentRecord, assert_same,
    eventually, eventually_ok, topic,
};

#[tokio::test(flavor = "multi_thread")]
async fn harness_clients_speak_tls_and_sasl() {
    let certificates = Certificates::new();
    let cluster = Cluster::builder().tls(&certificates).user("alice", "alice-secret").start().await;
    let own = certificates.client("client", "a client");
    let authority = certificates.authority();
    let topic = topic("harness-tls");
    cluster.create_topic(&topic, 1, &[]).await;
    for (index, client) in Client::ALL.into_iter().enumerate() {
        let sent = [SentRecord::of(format!("by {client}")).partition(0)];
        let tls = client.tls(&authority, Some(&own));
        let to = ProduceOptions::to(cluster.tls_address(0), &topic).properties(&tls);
        client.produce_all(&to, &sent).await;
        let sasl = client.sasl("PLAIN", "alice", "alice-secret", Some(&authority));
        let from = ConsumeOptions::from(cluster.sasl_address(0), &topic).properties(&sasl);
        let from = from.offset(i64::try_from(index).unwrap());
        assert_same(client.name(), &sent, &client.consume_all(&from).await);
    }
    let scram = Client::Java.sasl("SCRAM-SHA-512", "alice", "alice-secret", Some(&authority));
    let from = ConsumeOptions::from(cluster.sasl_address(0), &topic).properties(&scram);
    assert_eq!(Client::Java.consume_all(&from).await.len(), Client::ALL.len());
    let ca = std::fs::read_to_string(&authority).unwrap();
    let mut raw =
        RawConnection::connect_tls(&cluster.tls_address(0), "localhost", &ca, Some(&own)).await.unwrap();
    assert_eq!(raw.locate(&topic, 0).await.unwrap().leader, cluster.tls_address(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_three_nodes_survive_the_loss_of_one() {
    let cluster = Cluster::builder().nodes(3).start().await;
    let topic = topic("harness-nodes");
    cluster.create_topic(&topic, 3, &[]).await;
    let replicated = async || cluster.log_dirs(&topic, 0).len() == 3;
    eventually("each node has a replica", Duration::from_secs(20), replicated).await;
    let sent: Vec<SentRecord> =
        (0..3).map(|partition| SentRecord::of("before").partition(partition)).collect();
    Client::Java.produce_all(&ProduceOptions::to(cluster.bootstrap(), &topic), &sent).await;
    cluster.kill_node(2).await;
    let gone = cluster.address(2);
    let moved = async || {
        let mut moved = true;
        for partition in 0..3 {
            moved &= cluster.locate(&topic, partition).await.leader != gone;
        }
        moved
    };
    eventually("no partition is led by the node that is gone", Duration::from_secs(30), moved).await;
    // A new leader may say for a moment that it does not know its end yet.
    let read = async || {
        let consumed = Client::Go.consume(&ConsumeOptions::from(cluster.bootstrap(), &topic).count(3)).await;
        if consumed.complete { Ok(consumed.records) } else { Err(format!("{consumed:?}")) }
    };
    let received = eventually_ok("the records are still there", Duration::from_secs(30), read).await;
    assert_eq!(received.len(), 3);
    cluster.start_node(2).await;
    cluster.stop_node(2).await;
    cluster.start_node(2).await;
    let (mut connection, at) = cluster.leader(&topic, 2).await;
    assert_eq!(connection.list_offset(&at, -1).await.unwrap(), 1);
}
