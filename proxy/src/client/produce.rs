//! Appends batches, each once.

use super::error::ErrorCode;
use super::leaders::wait;
use super::{ClientError, Cluster, Place};
use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use std::time::Duration;

/// From the first with magic 2 to the last that names topics.
const PRODUCE: std::ops::RangeInclusive<i16> = 3..=12;
const INIT_PRODUCER_ID: std::ops::RangeInclusive<i16> = 0..=4;
const TIMEOUT_MS: i32 = 30_000;
const TRIES: u32 = 10;

/// Under which a broker knows what it was sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProducerId {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

/// What a broker says of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It begins here, whether just now or by an earlier request.
    At(i64),
    /// It was there already, but too long ago for the broker to know where.
    Before,
}

impl Cluster {
    /// A producer id of one's own.
    pub(crate) async fn producer_id(&mut self) -> Result<ProducerId, ClientError> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(i32::MAX);
        let mut pause = Duration::from_millis(100);
        let mut left = TRIES;
        loop {
            let answer = match self.any().await {
                Ok(connection) => connection.call(&request, INIT_PRODUCER_ID).await,
                Err(error) => Err(error),
            };
            if answer.is_err() {
                self.any = None;
            }
            let id = answer.and_then(|answer| {
                ErrorCode::check(answer.error_code).map_err(ClientError::ProducerId)?;
                Ok(ProducerId { id: answer.producer_id.0, epoch: answer.producer_epoch })
            });
            left = left.saturating_sub(1);
            match id {
                Err(error) if error.is_transient() && left > 0 => wait(&mut pause).await,
                decided => return decided,
            }
        }
    }

    /// Appends one batch and waits until all replicas have it. It has a producer id and a sequence, so that it is stored
    /// once however often it is sent.
    pub(crate) async fn produce(&mut self, place: &Place, batch: Bytes) -> Result<Appended, ClientError> {
        let partition = PartitionProduceData::default().with_index(place.partition).with_records(Some(batch));
        let topic = TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_string(place.topic.to_string())))
            .with_partition_data(vec![partition]);
        let request =
            ProduceRequest::default().with_acks(-1).with_timeout_ms(TIMEOUT_MS).with_topic_data(vec![topic]);
        self.at_leader(place, &request, PRODUCE, |answer| {
            let mut partitions = answer.responses.into_iter().flat_map(|topic| topic.partition_responses);
            let partition = partitions
                .find(|partition| partition.index == place.partition)
                .ok_or_else(|| ClientError::Missing(place.clone()))?;
            match ErrorCode::check(partition.error_code) {
                Ok(()) => Ok(Appended::At(partition.base_offset)),
                Err(ErrorCode::DUPLICATE_SEQUENCE) => Ok(Appended::Before),
                Err(code) => Err(ClientError::Partition(place.clone(), code)),
            }
        })
        .await
    }
}
