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
    turn::work(|| {
        WORKBENCH.with_borrow_mut(|workbench| {
            let result = work(workbench);
            workbench.scratch.trim();
            workbench.surround.trim();
            result
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_records::validate_produced;

    #[test]
    fn a_thread_keeps_little_of_what_large_batches_needed() {
        let batch = crate::fuzzing::batch(
            &vec![None; 300_000],
            proxy_records::Codec::Zstd,
            crate::fuzzing::Sequence::NONE,
        );
        with_workbench(|bench| {
            let produced = validate_produced(&batch, &mut bench.scratch).unwrap();
            bench.surround.prepare(&produced, bench.scratch.stubs(), &[7; 16], &[1, 1]).unwrap();
            assert!(bench.surround.suffix().len() > 1024 * 1024);
        });
        with_workbench(|bench| {
            assert!(bench.scratch.decompressed().is_empty() && bench.surround.suffix().is_empty());
        });
    }
}
