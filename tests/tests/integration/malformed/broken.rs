//! Batches that a broker would not take, sent to encrypted topics.

use bytes::Bytes;
use kafka_protocol::messages::produce_request::PartitionProduceData;
use tests::{Batch, Field, KafkaErrorName, Payload, RawConnection};

use super::{is_unharmed, partition, rough};

/// The batch with another value in a header field, and a right checksum.
pub(crate) fn set(mut batch: Batch, field: Field, value: i64) -> Vec<u8> {
    batch.set(field, value);
    batch.seal();
    batch.bytes().to_vec()
}

/// The batch with other records, and a right length and checksum.
pub(crate) fn records(mut batch: Batch, alter: fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut records = batch.records().to_vec();
    alter(&mut records);
    batch.replace_records(&records);
    batch.seal();
    batch.bytes().to_vec()
}

/// The batch with another length.
pub(crate) fn length(batch: &Batch, length: i32) -> Vec<u8> {
    let mut bytes = batch.bytes().to_vec();
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// In both formats, by name and by id: this partition is refused, and the other one in the request is stored.
pub(crate) async fn is_refused(name: &str, make: fn(Batch) -> Vec<u8>, error: &str) {
    let sound = Batch::of(&Payload::new(3).orders(4));
    let broken = Bytes::from(make(sound.clone()));
    // What says that it is compressed with Zstandard is refused for that alone in versions that do not have it.
    let is_zstd = broken.get(16) == Some(&2) && broken.get(22).is_some_and(|attributes| attributes & 7 == 4);
    for format in ["batch", "record"] {
        let (mut connection, at) = partition(rough().await, &format!("{format}.{name}")).await;
        for version in [3, 9, 13] {
            let mut request = RawConnection::produce_request(&at, version, -1, broken.clone());
            let beside =
                PartitionProduceData::default().with_index(1).with_records(Some(sound.clone().into()));
            request.topic_data[0].partition_data.push(beside);
            let answer = connection.call(&request, version).await.unwrap();
            let mut codes: Vec<(i32, i16)> = answer
                .responses
                .iter()
                .flat_map(|topic| &topic.partition_responses)
                .map(|partition| (partition.index, partition.error_code))
                .collect();
            codes.sort_unstable();
            let [(0, code), (1, 0)] = codes[..] else { panic!("{format}, Produce {version}: {codes:?}") };
            let got = KafkaErrorName::from_code(code);
            let error = if is_zstd && version < 7 { "UNSUPPORTED_COMPRESSION_TYPE" } else { error };
            assert_eq!(got, Some(KafkaErrorName::new(error)), "{format}, Produce {version}");
        }
        assert_eq!(connection.list_offset(&at, -1).await.unwrap(), 0, "{format}: something was stored");
    }
    is_unharmed(rough().await).await;
}
