//! What is done with the few APIs that are looked into. Everything else is relayed as bytes.

pub(crate) mod addresses;
pub(crate) mod altered;
pub(crate) mod fetch;
pub(crate) mod fetching;
pub(crate) mod history;
pub(crate) mod lookup;
pub(crate) mod open;
pub(crate) mod produce;
pub(crate) mod sasl;
pub(crate) mod seal;
pub(crate) mod share_fetch;
mod turn;
pub(crate) mod unnamed;

use crate::connection::Close;
use crate::wire;
use proxy_records::{Scratch, Surround};
use std::cell::RefCell;

/// A decompressed batch may not be larger than this, whatever its producer claims.
const MAX_DECOMPRESSED_BYTES: usize = 128 * 1024 * 1024;

thread_local! {
    /// Codec contexts and buffers, one set for each worker thread. Never borrowed across an await.
    static WORKBENCH: RefCell<Workbench> = RefCell::new(Workbench {
        scratch: Scratch::new(MAX_DECOMPRESSED_BYTES),
        surround: Surround::default(),
        header: Vec::new(),
    });
}

/// What sealing and opening work with.
pub(crate) struct Workbench {
    scratch: Scratch,
    surround: Surround,
    header: Vec<u8>,
}

/// Runs `work` with this thread's codec contexts and buffers, and gives back what one batch made them grow to.
pub(crate) fn with_workbench<T>(work: impl FnOnce(&mut Workbench) -> T) -> T {
    WORKBENCH.with_borrow_mut(|workbench| {
        let result = work(workbench);
        workbench.scratch.trim();
        result
    })
}

/// Kafka's error codes that the proxy gives by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub(crate) enum Code {
    CorruptMessage = 2,
    MessageTooLarge = 10,
    InvalidTopic = 17,
    NotEnoughReplicas = 19,
    TopicAuthorizationFailed = 29,
    UnsupportedSaslMechanism = 33,
    IllegalSaslState = 34,
    UnsupportedVersion = 35,
    PolicyViolation = 44,
    OutOfOrderSequenceNumber = 45,
    KafkaStorageError = 56,
    UnsupportedCompressionType = 76,
    InvalidRecord = 87,
    UnknownTopicId = 100,
}

impl Code {
    pub(crate) const fn value(self) -> i16 {
        self as i16
    }

    /// Whether producers send a batch again that was answered with it.
    pub(crate) const fn is_retriable(self) -> bool {
        matches!(self, Self::CorruptMessage | Self::NotEnoughReplicas | Self::OutOfOrderSequenceNumber)
    }
}

/// Where a request's body begins in its frame.
pub(crate) fn body_offset(head: &wire::RequestHead) -> Result<usize, Close> {
    head.body.ok_or(Close::Unsupported(head.api_key, head.version))
}
