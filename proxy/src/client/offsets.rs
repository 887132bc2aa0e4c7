//! Where logs begin and end.

use super::error::ErrorCode;
use super::{ClientError, Cluster, Isolation, Place};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

/// An end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The first offset that is still there.
    Start,
    /// The offset behind the last record that may be read.
    End,
}

impl Cluster {
    /// An end of a partition's log.
    pub(crate) async fn offset(
        &mut self,
        place: &Place,
        bound: Bound,
        isolation: Isolation,
    ) -> Result<i64, ClientError> {
        let partition = ListOffsetsPartition::default()
            .with_partition_index(place.partition)
            .with_current_leader_epoch(-1)
            .with_timestamp(match bound {
                Bound::Start => -2,
                Bound::End => -1,
            });
        let topic = ListOffsetsTopic::default()
            .with_name(TopicName(StrBytes::from_string(place.topic.to_string())))
            .with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_isolation_level(isolation.level())
            .with_topics(vec![topic]);
        self.at_leader(place, &request, 2..=5, |answer| {
            let mut partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
            let partition = partitions
                .find(|partition| partition.partition_index == place.partition)
                .ok_or_else(|| ClientError::Missing(place.clone()))?;
            ErrorCode::check(partition.error_code)
                .map_err(|code| ClientError::Partition(place.clone(), code))?;
            checked(place, partition.offset)
        })
        .await
    }
}

/// Brokers answer −1 for times without a record. An end of a log is never that, and an empty log would be believed.
fn checked(place: &Place, offset: i64) -> Result<i64, ClientError> {
    if offset < 0 { Err(ClientError::Offset(place.clone(), offset)) } else { Ok(offset) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_log_ends_before_offset_0() {
        let place = Place { topic: "t".into(), partition: 0 };
        assert_eq!(checked(&place, 0).unwrap(), 0);
        assert!(matches!(checked(&place, -1), Err(ClientError::Offset(_, -1))));
    }
}
