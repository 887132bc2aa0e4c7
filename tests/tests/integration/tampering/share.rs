//! A member of a share group, by raw requests, and what it gets of altered batches.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::share_acknowledge_request::{
    AcknowledgePartition, AcknowledgeTopic, AcknowledgementBatch,
};
use kafka_protocol::messages::share_fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::share_fetch_response::PartitionData;
use kafka_protocol::messages::{
    FindCoordinatorRequest, GroupId, IncrementalAlterConfigsRequest, ShareAcknowledgeRequest,
    ShareFetchRequest, ShareGroupHeartbeatRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use tests::payload::random_bytes;
use tests::raw_connection::Location;
use tests::{Batch, KafkaErrorName, RawConnection, eventually_ok};

use super::CORRUPT;
use super::stage::{Stage, plant};

/// A share group among the resources that have a configuration.
const GROUP: i8 = 32;
/// The record is done with.
const ACCEPT: i8 = 1;

/// A member of a group of its own.
pub(crate) struct Member {
    group: StrBytes,
    id: StrBytes,
}

/// Joins a group that starts at the earliest records, and waits until so many partitions are the member's.
pub(crate) async fn join(connection: &mut RawConnection, at: &Location, partitions: usize) -> Member {
    let group = StrBytes::from_string(tests::topic("share-group"));
    let member = StrBytes::from_string(URL_SAFE_NO_PAD.encode(random_bytes(16)));
    start_at_the_earliest(connection, &group).await;
    has_coordinator(connection, &group).await;
    let topic = TopicName(StrBytes::from_string(at.topic.clone()));
    let mut epoch = 0;
    let assigned = async || {
        let request = ShareGroupHeartbeatRequest::default()
            .with_group_id(GroupId(group.clone()))
            .with_member_id(member.clone())
            .with_member_epoch(epoch)
            .with_subscribed_topic_names(Some(vec![topic.clone()]));
        let answer = connection.call(&request, 1).await.unwrap();
        epoch = answer.member_epoch;
        let assignment = answer.assignment.map_or(0, |assignment| {
            assignment.topic_partitions.iter().map(|topic| topic.partitions.len()).sum()
        });
        if assignment >= partitions {
            Ok(())
        } else {
            Err(format!("{assignment} partitions, error {}", answer.error_code))
        }
    };
    eventually_ok("the member has its partitions", Duration::from_secs(20), assigned).await;
    Member { group, id: member }
}

/// Fetches these partitions in one request, until all of them are answered with records or an error. In the order of the
/// partitions.
pub(crate) async fn fetch_all(
    connection: &mut RawConnection,
    member: &Member,
    at: &Location,
    partitions: &[i32],
) -> Vec<PartitionData> {
    let mut session = 0;
    let mut answered = BTreeMap::new();
    let fetched = async || {
        let request = member.request(session, at, partitions);
        let answer = connection.call(&request, 1).await.unwrap();
        // A session begins with epoch 0; where it did not begin, it is tried again.
        session = if answer.error_code == 0 { session + 1 } else { 0 };
        for partition in answer.responses.into_iter().flat_map(|topic| topic.partitions) {
            let has_records = partition.records.as_ref().is_some_and(|records| !records.is_empty());
            if has_records || partition.error_code != 0 {
                answered.entry(partition.partition_index).or_insert(partition);
            }
        }
        if answered.len() == partitions.len() {
            Ok(())
        } else {
            Err(format!("error {}, {answered:?}", answer.error_code))
        }
    };
    eventually_ok("all partitions are answered", Duration::from_secs(20), fetched).await;
    answered.into_values().collect()
}

impl Member {
    /// The name of its group.
    pub(crate) fn group(&self) -> GroupId {
        GroupId(self.group.clone())
    }

    /// Leaves the group. What it holds, it keeps for as long as its session and the locks last.
    pub(crate) async fn leave(&self, connection: &mut RawConnection) {
        let request = ShareGroupHeartbeatRequest::default()
            .with_group_id(self.group())
            .with_member_id(self.id.clone())
            .with_member_epoch(-1);
        let answer = connection.call(&request, 1).await.unwrap();
        assert_eq!(answer.error_code, 0, "{answer:?}");
    }

    /// A request of the session that accepts the records of one partition up to this offset.
    pub(crate) fn acknowledgement(&self, session: i32, at: &Location, last: i64) -> ShareAcknowledgeRequest {
        let accepted =
            AcknowledgementBatch::default().with_last_offset(last).with_acknowledge_types(vec![ACCEPT]);
        let partition = AcknowledgePartition::default()
            .with_partition_index(at.partition)
            .with_acknowledgement_batches(vec![accepted]);
        let topic = AcknowledgeTopic::default().with_topic_id(at.topic_id).with_partitions(vec![partition]);
        ShareAcknowledgeRequest::default()
            .with_group_id(Some(self.group()))
            .with_member_id(Some(self.id.clone()))
            .with_share_session_epoch(session)
            .with_topics(vec![topic])
    }

    /// A request of the session; number 0 begins it.
    pub(crate) fn request(&self, session: i32, at: &Location, partitions: &[i32]) -> ShareFetchRequest {
        let partitions =
            partitions.iter().map(|partition| FetchPartition::default().with_partition_index(*partition));
        let topic = FetchTopic::default().with_topic_id(at.topic_id).with_partitions(partitions.collect());
        ShareFetchRequest::default()
            .with_group_id(Some(self.group()))
            .with_member_id(Some(self.id.clone()))
            .with_share_session_epoch(session)
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(8 << 20)
            .with_max_records(500)
            .with_batch_size(500)
            .with_topics(vec![topic])
    }
}

/// Asking for it brings about the topic that groups are kept in.
async fn has_coordinator(connection: &mut RawConnection, group: &StrBytes) {
    let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![group.clone()]);
    let found = async || {
        let answer = connection.call(&request, 4).await.unwrap();
        match answer.coordinators[0].error_code {
            0 => Ok(()),
            error => Err(error),
        }
    };
    eventually_ok("the group has a coordinator", Duration::from_secs(20), found).await;
}

async fn start_at_the_earliest(connection: &mut RawConnection, group: &StrBytes) {
    let config = AlterableConfig::default()
        .with_name(StrBytes::from_static_str("share.auto.offset.reset"))
        .with_value(Some(StrBytes::from_static_str("earliest")));
    let resource = AlterConfigsResource::default()
        .with_resource_type(GROUP)
        .with_resource_name(group.clone())
        .with_configs(vec![config]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = connection.call(&request, 1).await.unwrap();
    assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
}

/// What a consumer of a share group gets.
#[tokio::test(flavor = "multi_thread")]
async fn altered_batches_are_errors_in_share_fetch() {
    let mut stage = Stage::new("batch", "share").await;
    let altered = {
        let mut parts = stage.parts();
        parts.sealed()[0] ^= 1;
        parts.batch()
    };
    let target = stage.partition(2);
    plant(&mut stage.direct, &target, altered).await;
    let member = join(&mut stage.proxied, &stage.at, 2).await;
    let partitions = fetch_all(&mut stage.proxied, &member, &stage.at, &[0, 2]).await;
    let [sound, altered] = &partitions[..] else { panic!("{partitions:?}") };
    assert_eq!(sound.error_code, 0, "{sound:?}");
    let batches = Batch::split(sound.records.as_deref().unwrap_or_default());
    assert_eq!(batches.iter().map(Batch::as_sent).collect::<Vec<_>>(), [stage.sent.as_sent()]);
    assert_eq!(KafkaErrorName::from_code(altered.error_code).unwrap(), CORRUPT, "{altered:?}");
    assert!(altered.records.as_ref().is_none_or(Bytes::is_empty));
}
