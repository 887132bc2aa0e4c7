//! Produce requests that expect no answer.

use std::time::Duration;

use kafka_protocol::messages::CreateAclsRequest;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::protocol::StrBytes;
use tests::{
    Batch, By, Client, Cluster, Codec, ConsumeOptions, Pattern, Payload, PolicyFile, ProduceOptions, Proxy,
    RawConnection, Rule, Segments, assert_same, eventually, topic,
};

use super::{end, request, small, start_refusing};

const PATIENCE: Duration = Duration::from_secs(20);

async fn unacknowledged_records_arrive(format: &str) {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    for client in Client::ALL {
        let topic = topic(&format!("{format}.acks-0-{client}"));
        cluster.create_topic(&topic, 1, &[]).await;
        let sent = Payload::new(3).orders(120);
        let options = ProduceOptions::to(proxy.bootstrap(), &topic).acks("0").codec(Codec::Lz4);
        client.produce_all(&options, &sent).await;
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic).count(sent.len());
        let received = client.other().consume_all(&options).await;
        assert_same(&topic, &sent, &received);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unacknowledged_records_arrive_in_batch_format() {
    unacknowledged_records_arrive("batch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unacknowledged_records_arrive_in_record_format() {
    unacknowledged_records_arrive("record").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unacknowledged_request_gets_no_answer() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic("batch.acks-0-silent");
    cluster.create_topic(&topic, 1, &[]).await;
    let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), &topic, 0).await.unwrap();
    let batch = Batch::of(&small(70));
    connection.send(&request(12, 0, &[(&at, &batch)]), 12).await.unwrap();
    // The next answer belongs to the next request.
    let appended = connection.produce(&at, By::Name, batch).await.unwrap();
    assert_eq!((appended.error, appended.base_offset), (None, 70));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unacknowledged_refusal_closes_the_connection_and_is_counted() {
    let (cluster, proxy) = (Cluster::shared().await, start_refusing().await);
    let topic = topic("retired.acks-0");
    cluster.create_topic(&topic, 1, &[]).await;
    let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), &topic, 0).await.unwrap();
    connection.send(&request(12, 0, &[(&at, &Batch::of(&small(3)))]), 12).await.unwrap();
    assert!(connection.closes_within(PATIENCE).await, "it stays open");
    let counted = async || {
        let metrics = proxy.metrics().await;
        let closed =
            metrics.sum("topic_encryption_connections_closed_total", &[("reason", "unacknowledged")]);
        let refused = metrics.sum("topic_encryption_refused_partitions_total", &[("reason", "retired")]);
        (closed - 1.0).abs() < 0.5 && (refused - 1.0).abs() < 0.5
    };
    eventually("both are counted once", PATIENCE, counted).await;
    assert_eq!(end(&at).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unacknowledged_refusal_does_not_take_other_partitions_along() {
    let (cluster, proxy) = (Cluster::shared().await, super::refusing().await);
    let (allowed, retired) = (topic("batch.acks-0-beside"), topic("retired.acks-0-beside"));
    for topic in [&allowed, &retired] {
        cluster.create_topic(topic, 1, &[]).await;
    }
    let (mut connection, allowed) = RawConnection::to_leader(&proxy.bootstrap(), &allowed, 0).await.unwrap();
    let retired = connection.locate(&retired, 0).await.unwrap();
    let batch = Batch::of(&small(9));
    let whole = request(12, 0, &[(&retired, &batch), (&allowed, &batch)]);
    connection.send(&whole, 12).await.unwrap();
    assert!(connection.closes_within(PATIENCE).await, "it stays open");
    eventually("the allowed partition is stored", PATIENCE, async || end(&allowed).await == 9).await;
    assert_eq!(end(&retired).await, 0);
}

/// Brokers that tell clients nothing of one topic's configuration.
async fn hide_configuration(cluster: &Cluster, topic: &str) {
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let (topic_resource, literal, allow) = (2, 3, 3);
    let (read, write, describe) = (3, 4, 8);
    let allowed = [read, write, describe].map(|operation| {
        AclCreation::default()
            .with_resource_type(topic_resource)
            .with_resource_name(text(topic))
            .with_resource_pattern_type(literal)
            .with_principal(text("User:*"))
            .with_host(text("*"))
            .with_operation(operation)
            .with_permission_type(allow)
    });
    let request = CreateAclsRequest::default().with_creations(allowed.to_vec());
    let answer = cluster.admin().await.call(&request, 3).await.unwrap();
    assert!(answer.results.iter().all(|result| result.error_code == 0), "{answer:?}");
    // The answer comes before the broker acts upon it.
    eventually("the configuration is hidden", PATIENCE, async || {
        cluster.topic_config(topic, "cleanup.policy").await.is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unacknowledged_records_of_a_topic_with_unknown_policy_take_record_format() {
    let cluster = Cluster::builder()
        .property("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer")
        .property("allow.everyone.if.no.acl.found=true")
        .start()
        .await;
    let policy = PolicyFile::new([Rule::encrypt([Pattern::prefix("auto.")], "shared")]);
    let proxy = Proxy::before(&cluster).policy(policy).start().await;
    let (hidden, known) = (topic("auto.hidden"), topic("auto.known"));
    for topic in [&hidden, &known] {
        cluster.create_topic(topic, 1, &[]).await;
    }
    hide_configuration(&cluster, &hidden).await;
    let sent = small(20);
    for (topic, compacted, keyed) in [(&hidden, serde_json::Value::Null, true), (&known, false.into(), false)]
    {
        let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), topic, 0).await.unwrap();
        connection.send(&request(12, 0, &[(&at, &Batch::of(&sent))]), 12).await.unwrap();
        let options = ConsumeOptions::from(proxy.bootstrap(), topic).count(sent.len());
        assert_same(topic, &sent, &Client::Python.consume_all(&options).await);
        let facts = proxy.topics().await["facts"][topic.as_str()]["compacted"].clone();
        assert_eq!(facts, compacted, "{topic}");
        let stored = Segments::of(cluster.topic_dirs(topic)).dump().await;
        let keys = stored.iter().flat_map(|batch| &batch.records);
        let clear_keys = keys.filter(|record| record.key.as_deref() == Some(b"key 7")).count();
        assert_eq!(clear_keys == 1, keyed, "{topic}: {stored:?}");
    }
}
