//! Strategies for produced batches and for what a broker does with them.

use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::broker::Handling;
use crate::sample::{SampleBatch, SampleRecord};
use crate::{Attributes, Codec};

pub(crate) fn codec() -> impl Strategy<Value = Codec> {
    select(vec![Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd])
}

/// A batch as a client may send it, of 1 to 300 records.
pub(crate) fn batch() -> impl Strategy<Value = SampleBatch> {
    let count = prop_oneof![3 => 1..12_usize, 1 => 60..70_usize, 1 => 200..300_usize];
    (
        count.prop_flat_map(|count| vec(record(), count)),
        any::<i64>(),
        any::<i64>(),
        any::<u16>(),
        any::<bool>(),
    )
        .prop_map(|(records, base_timestamp, max_timestamp, unused, transactional)| {
            let mut batch = SampleBatch::new(records);
            let flags = if transactional { 0x10 } else { 0 };
            batch.header.attributes = Attributes((unused & 0xff80).cast_signed() | flags);
            batch.header.base_timestamp = base_timestamp;
            batch.header.max_timestamp = max_timestamp;
            if !transactional {
                batch.header.producer_id = -1;
                batch.header.producer_epoch = -1;
                batch.header.base_sequence = -1;
            }
            batch
        })
}

pub(crate) fn handling() -> impl Strategy<Value = Handling> {
    (
        0..i64::MAX / 2,
        any::<i32>(),
        option::of(any::<i64>()),
        option::of(codec()),
        option::of(vec(any::<bool>(), 1..16)),
        option::of(any::<i64>()),
    )
        .prop_map(|(base_offset, leader_epoch, append_time, recompress, keep, delete_horizon)| {
            Handling { base_offset, leader_epoch, append_time, recompress, keep, delete_horizon }
        })
}

fn record() -> impl Strategy<Value = SampleRecord> {
    (
        any::<i8>(),
        prop_oneof![4 => -100..10_000_i64, 1 => any::<i64>()],
        bytes(),
        bytes(),
        vec((name(), bytes()), 0..4),
    )
        .prop_map(|(attributes, timestamp_delta, key, value, headers)| SampleRecord {
            attributes,
            timestamp_delta,
            offset_delta: 0,
            key,
            value,
            headers,
        })
}

/// Few different names, so that they repeat, and one that is not UTF-8.
fn name() -> impl Strategy<Value = Vec<u8>> {
    select(vec![b"".to_vec(), b"trace".to_vec(), b"\xff\xfe".to_vec(), b"encryption.strimzi.io2".to_vec()])
}

fn bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
    option::of(prop_oneof![4 => vec(any::<u8>(), 0..20), 1 => vec(b'a'..b'd', 100..300)])
}
