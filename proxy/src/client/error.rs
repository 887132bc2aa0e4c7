//! Why a broker was not asked, or its answer is of no use.

use super::Place;
use crate::connection::Close;
use crate::frame::FrameError;
use crate::upstream::ConnectError;
use crate::wire::WireError;
use kafka_protocol::error::ResponseError;
use std::fmt;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum ClientError {
    #[error("no broker is known")]
    NoBroker,
    #[error("the address of broker {0} is not known")]
    UnknownBroker(i32),
    #[error("failed to connect")]
    Connect(#[source] ConnectError),
    #[error("failed to authenticate")]
    Login(#[source] Box<Close>),
    #[error("failed to write a request")]
    Write(#[source] std::io::Error),
    #[error("failed to read an answer")]
    Read(#[source] FrameError),
    #[error("the broker closed the connection")]
    Ended,
    #[error("no answer to API {0} in time")]
    Timeout(i16),
    #[error("the broker answered another request than API {0}")]
    Order(i16),
    #[error("the broker's answer to API {0} cannot be read")]
    Answer(i16, #[source] WireError),
    #[error("the message codec failed on API {0}")]
    Codec(i16),
    #[error("the broker speaks no version of API {0} that this program speaks")]
    Version(i16),
    #[error("{0:?} is no name of a topic")]
    TopicName(String),
    #[error("there is no topic {0}")]
    NoTopic(String),
    #[error("{0} has no leader")]
    NoLeader(Place),
    #[error("the broker left {0} out of its answer")]
    Missing(Place),
    #[error("{0}: the broker says {1}")]
    Partition(Place, ErrorCode),
    #[error("topic {0}: the broker says {1}")]
    Topic(String, ErrorCode),
    #[error("the broker gives no producer id: {0}")]
    ProducerId(ErrorCode),
    #[error("{0}: the broker says that an end of the log is at offset {1}")]
    Offset(Place, i64),
    #[error("{0}: the broker says that the log goes from offset {1} to {2}")]
    Bounds(Place, i64, i64),
    #[error("the log of {0} does not go on at offset {1}")]
    Stalled(Place, i64),
}

/// Kafka's error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErrorCode(pub(crate) i16);

impl ErrorCode {
    pub(crate) const OFFSET_OUT_OF_RANGE: Self = Self(1);
    pub(crate) const UNKNOWN_TOPIC: Self = Self(3);
    pub(crate) const DUPLICATE_SEQUENCE: Self = Self(46);

    /// No error is no code.
    pub(super) fn check(code: i16) -> Result<(), Self> {
        if code == 0 { Ok(()) } else { Err(Self(code)) }
    }

    fn known(self) -> Option<ResponseError> {
        ResponseError::try_from_code(self.0)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some(error) => write!(f, "{error:?} ({})", self.0),
            None => write!(f, "error {}", self.0),
        }
    }
}

impl ClientError {
    /// There is no such topic, or partition of it, any more.
    pub(crate) fn is_unknown_topic(&self) -> bool {
        match self {
            Self::NoTopic(_) => true,
            Self::Partition(_, code) | Self::Topic(_, code) => *code == ErrorCode::UNKNOWN_TOPIC,
            _ => false,
        }
    }

    /// Whether the same request may do on another connection, or a little later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::Write(_)
            | Self::Read(_)
            | Self::Ended
            | Self::Timeout(_)
            | Self::UnknownBroker(_)
            | Self::NoBroker
            | Self::NoLeader(_)
            | Self::Missing(_) => true,
            Self::Partition(_, code) | Self::Topic(_, code) | Self::ProducerId(code) => {
                *code != ErrorCode::OFFSET_OUT_OF_RANGE
                    && code.known().is_some_and(|error| error.is_retriable())
            }
            _ => false,
        }
    }
}
