//! Why a copy does not begin or go on.

use super::super::opening::Unopened;
use crate::client::{ClientError, Place};
use proxy_crypto::ProviderError;
use proxy_records::{CodecError, RecordError};
use std::path::PathBuf;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum CopyError {
    #[error("source and target are the same topic")]
    SameTopic,
    #[error("failed to find the topics")]
    Topics(#[source] ClientError),
    #[error("the broker does not tell of both topics")]
    MissingTopic,
    #[error(
        "{source_topic} has {source_count} partitions and {target} has {target_count}: records are to keep theirs"
    )]
    Partitions { source_topic: String, source_count: usize, target: String, target_count: usize },
    #[error("failed to read the configuration of {0}")]
    Configuration(String, #[source] ClientError),
    #[error("{0} has message.timestamp.type LogAppendTime, which would replace the records' timestamps")]
    Timestamps(String),
    #[error("{0} is compacted, and its rule has format Batch, which is not for such topics")]
    Compacted(String),
    #[error("{0} is {1}: records would be stored in clear (--allow-clear does that)")]
    Clear(String, String),
    #[error("{0} is {1}: nothing is written to it")]
    Refused(String, String),
    #[error("{0} is not empty, and there is no state file of an earlier run")]
    NotEmpty(Place),
    #[error("failed to read {0}")]
    Read(Place, #[source] ClientError),
    #[error("failed to write to {0}")]
    Write(Place, #[source] ClientError),
    #[error("failed to get a producer id")]
    ProducerId(#[source] ClientError),
    #[error("{0}: {1}")]
    Unopened(Place, #[source] Unopened),
    #[error(
        "{0}: these records may open later, or with another configuration, so they are not skipped (--skip-key skips those of a \
         key that is destroyed)"
    )]
    NotLost(Place, #[source] Unopened),
    #[error(
        "{0} has a record in clear at offset {1}, which the source's rule (onPlaintext: Reject, or PassUntil where encryption had begun) refuses, as \
         anybody could have written it"
    )]
    ClearRefused(Place, i64),
    #[error(
        "{0} has a record in clear at offset {1}: sealed in the target, nobody could tell it from others (--seal-clear does that)"
    )]
    ClearRecord(Place, i64),
    #[error(
        "retention removed {1} offsets of {0} before they were read (--skip-removed goes on without them)"
    )]
    Removed(Place, i64),
    #[error("{place} is at {found} and not at {expected}: somebody else has written to it")]
    Foreign { place: Place, found: i64, expected: i64 },
    #[error("a record is too large")]
    Record(#[source] RecordError),
    #[error("failed to compress a batch")]
    Compress(#[source] CodecError),
    #[error("there is no key to seal with")]
    Key(#[source] ProviderError),
    #[error(
        "a batch of {records} records is larger than max.message.bytes of {topic} ({max}) once it is encrypted"
    )]
    TooLarge { records: i32, topic: String, max: usize },
    #[error(
        "{0} has a record at offset {1} with an envelope for a header of its own: sealed once more, readers would get what is still encrypted"
    )]
    Envelope(Place, i64),
    #[error("failed to seal a batch for {0}, with the source's records up to offset {1}")]
    Seal(Place, i64),
    #[error("failed to read the state file {}", .0.display())]
    ReadState(PathBuf, #[source] std::io::Error),
    #[error("{} is no state file of a copy by this version", .0.display())]
    ParseState(PathBuf, #[source] serde_json::Error),
    #[error("{} is of a copy of other topics, or of topics that were deleted or changed since", .0.display())]
    OtherState(PathBuf),
    #[error("failed to write the state file {}", .0.display())]
    WriteState(PathBuf, #[source] std::io::Error),
}
