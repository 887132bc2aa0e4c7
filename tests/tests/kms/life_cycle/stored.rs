//! What is at the brokers: under which data keys, and since when.

use std::time::{Duration, SystemTime};

use proxy_crypto::EnvelopeHeader;
use tests::{By, Cluster, Field};

/// The name of the header that carries the envelope.
const HEADER: &[u8] = b"encryption.strimzi.io";

/// A batch at a broker, in batch format, not compressed.
pub(super) struct Stored {
    /// When the broker took it. The topic must have `message.timestamp.type=LogAppendTime`.
    pub(super) at: SystemTime,
    /// The data key that it is sealed with, wrapped.
    pub(super) data_key: Vec<u8>,
}

/// All batches of a partition.
pub(super) async fn stored(topic: &str, partition: i32) -> Vec<Stored> {
    let (mut broker, at) = Cluster::shared().await.leader(topic, partition).await;
    let batches = broker.fetch_all(&at, By::Id).await.expect("the broker serves what it has");
    let seen = batches.iter().map(|batch| {
        let milliseconds = u64::try_from(batch.field(Field::MaxTimestamp)).expect("the broker has a clock");
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
        Stored { at, data_key: data_key(batch.records()) }
    });
    seen.collect()
}

fn data_key(records: &[u8]) -> Vec<u8> {
    let name = records.windows(HEADER.len()).position(|bytes| bytes == HEADER).expect("it is an envelope");
    let mut rest = records[name + HEADER.len()..].iter();
    // The length of the header's value: a zigzag number, seven bits a byte, the lowest first.
    let (mut length, mut shift) = (0_usize, 0);
    for byte in rest.by_ref() {
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let header = rest.as_slice().get(..length / 2).expect("the batch is whole");
    EnvelopeHeader::parse(header).expect("it is an envelope").wrapped().to_vec()
}
