//! Entry points for arbitrary bytes: called by the fuzzer in `proxy/fuzz` and by tests of this crate.
#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_imports
)]

mod connection;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use connection::session;

use crate::{scram, server, tls, tools, wire};
use proxy_records::{Attributes, BatchHeader, Codec, Codecs, Headers, Record, write_record};

/// A name, what is run, and inputs to begin with.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

pub const TARGETS: &[Target] = &[
    ("proxy_connection", connection::fuzz, connection::seeds),
    ("proxy_messages", wire::fuzzing::fuzz_messages, wire::fuzzing::seeds),
    ("proxy_origin", server::fuzzing::fuzz_origin, server::fuzzing::seeds),
    ("proxy_scram", scram::fuzzing::fuzz_scram, scram::fuzzing::seeds),
    ("proxy_segments", tools::segments::fuzzing::fuzz_segments, tools::segments::fuzzing::seeds),
    ("proxy_state", tools::fuzzing::fuzz_state, tools::fuzzing::seeds),
    ("proxy_tls", tls::fuzzing::fuzz_tls, tls::fuzzing::seeds),
];

/// What tells one batch of a producer from another.
#[derive(Clone, Copy)]
pub(crate) struct Sequence {
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
    pub(crate) first: i32,
}

impl Sequence {
    pub(crate) const NONE: Self = Self { producer: -1, epoch: -1, first: -1 };
}

/// A batch as a producer sends it, of one record with each of these values.
pub(crate) fn batch(values: &[Option<&[u8]>], codec: Codec, sequence: Sequence) -> Vec<u8> {
    let mut section = Vec::new();
    for (delta, value) in (0..).zip(values) {
        let record = Record {
            attributes: 0,
            timestamp_delta: delta.into(),
            offset_delta: delta,
            key: Some(b"key"),
            value: *value,
            headers: Headers::NONE,
        };
        write_record(&record, None, &mut section).unwrap();
    }
    let mut packed = Vec::new();
    Codecs::new(1 << 24).compress(codec, &section, &mut packed).unwrap();
    let count = i32::try_from(values.len()).unwrap();
    let mut header = BatchHeader {
        base_offset: 0,
        length: 0,
        leader_epoch: -1,
        crc: 0,
        attributes: Attributes(0).with_codec(codec),
        last_offset_delta: count - 1,
        base_timestamp: 1_700_000_000_000,
        max_timestamp: 1_700_000_000_000 + i64::from(count - 1),
        producer_id: sequence.producer,
        producer_epoch: sequence.epoch,
        base_sequence: sequence.first,
        record_count: count,
    };
    [&header.complete(&[&packed])[..], &packed].concat()
}
