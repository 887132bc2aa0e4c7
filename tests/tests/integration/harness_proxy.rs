//! Proxies of one's own: restarts, policies and keys that change, TLS on both sides.

use tests::{
    Certificates, Client, Cluster, ConsumeOptions, Pattern, PolicyFile, ProduceOptions, Proxy, RawConnection,
    Rule, SentRecord, assert_same, topic,
};

fn policy(prefix: &str, key: &str) -> PolicyFile {
    PolicyFile::new([Rule::encrypt([Pattern::prefix(prefix)], key).format("Batch")])
}

/// Conformance: P17-28.
#[tokio::test(flavor = "multi_thread")]
async fn harness_proxy_restarts_and_follows_its_files() {
    let cluster = Cluster::shared().await;
    let proxy = Proxy::before(cluster).policy(policy("a.", "one")).start().await;
    proxy.wait_for_key_state("one", "Ready").await;
    let first = proxy.policy().await;
    assert_eq!(first["generation"], 1);

    proxy.write_key("two", 1);
    proxy.apply_policy(&policy("a.", "two")).await;
    proxy.wait_for_key_state("two", "Ready").await;
    assert_ne!(proxy.policy().await["hash"], first["hash"]);
    let second = proxy.policy().await["hash"].as_str().unwrap().to_owned();

    let topic = topic("a.harness");
    cluster.create_topic(&topic, 1, &[]).await;
    let sent = [SentRecord::of("before the restart").partition(0)];
    Client::Go.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic), &sent).await;
    proxy.restart().await;
    proxy.wait_for_policy_hash(&second).await;
    let received = Client::Go.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
    assert_same("after the restart", &sent, &received);
    assert!(proxy.rss() > 0 && proxy.open_files() > 0);
    assert!(proxy.metrics().await.names().len() > 5);
    let location = RawConnection::connect(&proxy.bootstrap()).await.unwrap().locate(&topic, 0).await.unwrap();
    assert_eq!(location.leader, proxy.broker_address(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_proxy_says_why_it_is_not_ready() {
    let proxy = Proxy::before(Cluster::shared().await).policy(policy("a.", "one")).launch().await;
    proxy.wait_ready().await;
    proxy.write_file("policy.yaml", "rules: nonsense");
    let refused = async || proxy.policy().await["lastError"].as_str().is_some();
    tests::eventually("the invalid policy is reported", std::time::Duration::from_secs(20), refused).await;
    assert_eq!(proxy.policy().await["generation"], 1);

    let empty = Proxy::before(Cluster::shared().await).launch().await;
    empty.wait_unready().await;
    empty.write_policy(&PolicyFile::default());
    empty.wait_ready().await;
    assert!(empty.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_proxy_speaks_tls_on_both_sides() {
    let certificates = Certificates::new();
    // Clients authenticate with SASL at the broker, since the proxy shows no certificate of its own.
    let cluster = Cluster::builder().tls(&certificates).user("alice", "alice-secret").start().await;
    let authority = certificates.authority();
    let proxy = Proxy::builder(vec![cluster.sasl_address(0)], 1)
        .upstream_tls(&authority)
        .tls(&certificates.server("proxy", &[]), None)
        .policy(policy("tls.", "one"))
        .start()
        .await;
    let topic = topic("tls.harness");
    cluster.create_topic(&topic, 1, &[]).await;
    for (index, client) in Client::ALL.into_iter().enumerate() {
        let sasl = client.sasl("PLAIN", "alice", "alice-secret", Some(&authority));
        let sent = [SentRecord::of(format!("by {client}")).partition(0)];
        client.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic).properties(&sasl), &sent).await;
        let from = ConsumeOptions::from(proxy.bootstrap(), &topic).properties(&sasl);
        let received = client.consume_all(&from.offset(i64::try_from(index).unwrap())).await;
        assert_same(client.name(), &sent, &received);
    }
}
