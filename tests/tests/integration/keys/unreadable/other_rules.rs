//! Rules and clients that do not let consumers go on.

use std::time::Duration;

use tests::{Client, ConsumeOptions, KafkaErrorName, PolicyFile, RawConnection, eventually};

use super::{KEPT, LOST, Stage, records, rule};
use crate::keys::{PATIENCE, create};
use crate::tampering::share::{fetch_all, join};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_word_of_the_rule_consumers_stop() {
    for (format, said) in [("Batch", None), ("Record", Some("Error"))] {
        let stage = Stage::new(format, "stop", said).await;
        let topic = stage.lose().await;
        for client in [Client::Java, Client::Librdkafka] {
            let options = ConsumeOptions::from(stage.reader.bootstrap(), &topic);
            let consumed = client.consume(&options.timeout(Duration::from_secs(6))).await;
            assert_eq!(consumed.records, [], "{client}");
            assert_eq!(consumed.errors, ["TOPIC_AUTHORIZATION_FAILED"], "{client}");
        }
        assert!(stage.unreadable("skipped").await < 0.5);
    }
}

/// A share group was handed the records, so each must be delivered or refused.
#[tokio::test(flavor = "multi_thread")]
async fn share_groups_are_told_though_the_rule_skips() {
    let stage = Stage::new("Batch", "share-skip", Some("Skip")).await;
    let topic = stage.topic().await;
    stage.write(&topic, LOST, &records(0, LOST), None).await;
    stage.destroy().await;
    let (mut connection, at) = RawConnection::to_leader(&stage.reader.bootstrap(), &topic, 0).await.unwrap();
    let member = join(&mut connection, &at, 1).await;
    let answered = fetch_all(&mut connection, &member, &at, &[0]).await;
    assert_eq!(answered[0].error_code, 29, "{:?}", answered[0]);
    assert!(answered[0].acquired_records.is_empty());
    assert!(stage.unreadable("skipped").await < 0.5);
    drop(connection);

    // The rule does without them, so nothing is held back for their sake: in the end the broker archives them.
    let (mut connection, _) = RawConnection::to_leader(&stage.reader.bootstrap(), &topic, 0).await.unwrap();
    let answered = fetch_all(&mut connection, &member, &at, &[0]).await;
    assert_eq!(answered[0].error_code, 29, "{:?}", answered[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_whose_rule_stops_stops_beside_one_whose_rule_goes_on() {
    for format in ["Batch", "Record"] {
        let stage = Stage::new(format, "unreadable.beside", None).await;
        let goes_on = format!("{}on.", stage.prefix);
        let rules = [
            rule(&goes_on, KEPT, format).on_plaintext("Reject").on_unreadable("Skip"),
            rule(&stage.prefix, KEPT, format).on_plaintext("Reject"),
        ];
        stage.reader.apply_policy(&PolicyFile::new(rules).read_key(LOST)).await;
        let topics = [create(&goes_on).await, stage.topic().await];
        for topic in &topics {
            // One data key for both.
            stage.write(topic, LOST, &records(0, LOST), None).await;
        }
        stage.destroy().await;
        let (mut connection, first) =
            RawConnection::to_leader(&stage.reader.bootstrap(), &topics[0], 0).await.unwrap();
        let second = connection.locate(&topics[1], 0).await.unwrap();
        let mut request = RawConnection::fetch_request(&first, 17, 0, 500);
        request.topics.extend(RawConnection::fetch_request(&second, 17, 0, 500).topics);
        // An answer that may have one batch only, to see whether keys are to be had again, does not reach the second.
        let mut said = Vec::new();
        let both = async || {
            let answer = connection.call(&request, 17).await.unwrap();
            let partitions = answer.responses.iter().flat_map(|topic| {
                let said = topic.partitions.iter().map(|partition| {
                    let bytes = partition.records.as_ref().map_or(0, bytes::Bytes::len);
                    (bytes, KafkaErrorName::from_code(partition.error_code))
                });
                said.map(|said| (topic.topic_id, said))
            });
            said = partitions.collect();
            let of = |id| said.iter().find(|(topic, _)| *topic == id).map(|(_, said)| said);
            of(first.topic_id).is_some_and(|(bytes, error)| *bytes > 0 && error.is_none())
                && of(second.topic_id).is_some_and(|(bytes, error)| *bytes > 0 || error.is_some())
        };
        eventually("the first topic goes on", PATIENCE, both).await;
        let (_, (_, error)) = said.into_iter().find(|(topic, _)| *topic == second.topic_id).unwrap();
        assert_eq!(error.expect("the second stops"), "TOPIC_AUTHORIZATION_FAILED", "{format}");
    }
}
