//! One Produce request with encrypted, clear and refused partitions: each gets what is its own.

use kafka_protocol::messages::ProduceResponse;
use tests::raw_connection::Location;
use tests::{
    Batch, Client, Cluster, ConsumeOptions, KafkaErrorName, Payload, RawConnection, assert_same, topic,
};

use super::{end, refusing, request, small};

/// Error and base offset that the answer has for a partition.
fn told(answer: &ProduceResponse, at: &Location, version: i16) -> (Option<KafkaErrorName>, i64) {
    let mut found =
        answer
            .responses
            .iter()
            .filter(|topic| {
                if version >= 13 { topic.topic_id == at.topic_id } else { topic.name.as_str() == at.topic }
            })
            .flat_map(|topic| &topic.partition_responses)
            .filter(|partition| partition.index == at.partition);
    let only = found.next().unwrap_or_else(|| panic!("{at:?} is missing"));
    assert!(found.next().is_none(), "{at:?} is answered twice");
    (KafkaErrorName::from_code(only.error_code), only.base_offset)
}

/// Refused topics stand first, in the middle and last; topics of two partitions have one that is damaged.
async fn each_partition_gets_its_own_answer(version: i16) {
    let (cluster, proxy) = (Cluster::shared().await, refusing().await);
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let mut parts = Vec::new();
    for (prefix, error) in [
        ("retired.", Some("POLICY_VIOLATION")),
        ("batch.", None),
        ("keyless.", Some("TOPIC_AUTHORIZATION_FAILED")),
        ("clear.", None),
        ("record.", None),
        ("retired.", Some("POLICY_VIOLATION")),
    ] {
        let topic = topic(&format!("{prefix}mixed-v{version}"));
        cluster.create_topic(&topic, 2, &[]).await;
        for partition in 0..2 {
            let mut at = connection.locate(&topic, partition).await.unwrap();
            at.partition = partition;
            let sent = small(5 + parts.len());
            let mut batch = Batch::of(&sent);
            let damaged = partition == 0 && error.is_none();
            if damaged {
                *batch.records_mut().last_mut().unwrap() ^= 1;
            }
            let error = if damaged { Some("CORRUPT_MESSAGE") } else { error };
            parts.push((at, sent, batch, error));
        }
    }
    let whole: Vec<_> = parts.iter().map(|(at, _, batch, _)| (at, batch)).collect();
    let answer = connection.call(&request(version, -1, &whole), version).await.unwrap();
    for (at, sent, _, error) in &parts {
        let name = format!("{}-{}", at.topic, at.partition);
        let (told, offset) = told(&answer, at, version);
        assert_eq!(told.as_ref().map(KafkaErrorName::as_str), *error, "{name}");
        if error.is_some() {
            assert_eq!(end(at).await, 0, "{name} was refused and stored");
            continue;
        }
        assert_eq!(offset, 0, "{name}");
        let options = ConsumeOptions::from(proxy.bootstrap(), &at.topic).partition(at.partition);
        assert_same(&name, sent, &Client::Python.consume_all(&options).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mixed_partitions_get_their_own_answers_in_version_3() {
    each_partition_gets_its_own_answer(3).await;
}

/// Conformance: TE-17.
#[tokio::test(flavor = "multi_thread")]
async fn mixed_partitions_get_their_own_answers_in_version_9() {
    each_partition_gets_its_own_answer(9).await;
}

/// Conformance: TE-25, TE-B05.
#[tokio::test(flavor = "multi_thread")]
async fn mixed_partitions_get_their_own_answers_in_version_13() {
    each_partition_gets_its_own_answer(13).await;
}

/// Conformance: TE-18, TE-19.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_made_by_the_proxy_keeps_its_turn() {
    let (cluster, proxy) = (Cluster::shared().await, refusing().await);
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let mut places = Vec::new();
    for prefix in ["batch.", "retired."] {
        let topic = topic(&format!("{prefix}turns"));
        cluster.create_topic(&topic, 1, &[]).await;
        places.push(connection.locate(&topic, 0).await.unwrap());
    }
    let batch = Batch::of(&Payload::new(5).orders(20));
    let mut sent = Vec::new();
    for turn in 0..20 {
        let at = &places[turn % 2];
        sent.push(connection.send(&request(12, -1, &[(at, &batch)]), 12).await.unwrap());
    }
    for (turn, sent) in sent.into_iter().enumerate() {
        let (correlation, answer) =
            connection.receive::<kafka_protocol::messages::ProduceRequest>(12).await.unwrap();
        assert_eq!(correlation, sent, "turn {turn}");
        let (error, _) = told(&answer, &places[turn % 2], 12);
        assert_eq!(error.is_some(), turn % 2 == 1, "turn {turn}: {error:?}");
    }
    assert_eq!(end(&places[0]).await, 200);
}
