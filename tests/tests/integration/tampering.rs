//! What somebody who can write to the broker changes is never handed out: that partition gets an error, the others in
//! the same answer are delivered. The unaltered twin of each batch, stored on the same way, is among those others.

mod clear;
pub(crate) mod envelope;
mod mixed;
mod moved;
mod records;
pub(crate) mod share;
pub(crate) mod stage;

use tests::{Batch, Payload};

use envelope::Part;
use stage::{FETCH_VERSIONS, Parts, Stage, lenient, plant};

const CORRUPT: &str = "CORRUPT_MESSAGE";
const REFUSED: &str = "TOPIC_AUTHORIZATION_FAILED";

/// For each name: the stored batch, altered in this way, gets this error and nobody gets its records.
macro_rules! refused {
    ($($name:ident: $format:literal, $alter:expr, $error:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let mut stage = Stage::new($format, stringify!($name)).await;
            let mut parts = stage.parts();
            let alter: fn(&mut Parts) = $alter;
            alter(&mut parts);
            stage.is_refused(parts.batch(), $error).await;
        }
    )*};
}

refused! {
    headers_with_a_clear_value_in_place_of_a_sealed_one: "headers", |parts| parts.first().headers[1].1 = Some(b"2".to_vec()), CORRUPT;
    headers_with_null_in_place_of_a_sealed_one: "headers", |parts| parts.first().headers[1].1 = None, CORRUPT;
    headers_with_another_of_the_sealed_name: "headers", |parts| parts.first().headers.push(("trace".to_owned(), Some(b"2".to_vec()))), CORRUPT;
    headers_with_one_that_nobody_sent: "headers", |parts| parts.first().headers.push(("other".to_owned(), None)), CORRUPT;
    headers_without_the_sealed_one: "headers", |parts| parts.first().headers.truncate(1), CORRUPT;
    headers_with_another_name_for_the_sealed_one: "headers", |parts| parts.first().headers[1].0 = "trance".to_owned(), CORRUPT;
    headers_with_the_envelope_behind: "headers", |parts| parts.first().headers.rotate_left(1), CORRUPT;
    headers_with_a_flipped_bit_in_the_ciphertext: "headers", |parts| parts.sealed()[2] ^= 1, CORRUPT;
    headers_with_another_record_key: "headers", |parts| parts.first().key = Some(b"other".to_vec()), CORRUPT;
    headers_with_a_tombstone_in_place_of_the_value: "headers", |parts| parts.first().value = None, CORRUPT;
    headers_that_say_to_be_behind_the_envelope: "headers", |parts| *parts.envelope().last_mut().unwrap() = 2, CORRUPT;
    headers_in_an_unknown_place: "headers", |parts| *parts.envelope().last_mut().unwrap() = 3, CORRUPT;
    headers_taken_for_mere_record_format: "headers", |parts| parts.field(Part::Format)[0] = 2, CORRUPT;
    batch_with_a_flipped_bit_in_the_ciphertext: "batch", |parts| parts.sealed()[20] ^= 1, CORRUPT;
    batch_with_a_flipped_bit_in_the_tag: "batch", |parts| *parts.sealed().last_mut().unwrap() ^= 0x80, CORRUPT;
    batch_with_a_truncated_ciphertext: "batch", |parts| parts.sealed().truncate(100), CORRUPT;
    batch_with_less_than_a_tag: "batch", |parts| parts.sealed().truncate(15), CORRUPT;
    batch_with_nothing_but_a_tag: "batch", |parts| parts.sealed().truncate(16), CORRUPT;
    batch_with_an_empty_ciphertext: "batch", |parts| parts.sealed().clear(), CORRUPT;
    batch_with_a_null_ciphertext: "batch", |parts| parts.first().value = None, CORRUPT;
    batch_with_a_longer_ciphertext: "batch", |parts| parts.sealed().push(0), CORRUPT;
    // Conformance: P17-08.
    batch_with_another_version: "batch", |parts| parts.field(Part::Version)[0] = 2, CORRUPT;
    batch_with_version_zero: "batch", |parts| parts.field(Part::Version)[0] = 0, CORRUPT;
    batch_with_an_unknown_format: "batch", |parts| parts.field(Part::Format)[0] = 9, CORRUPT;
    batch_with_the_record_format: "batch", |parts| parts.field(Part::Format)[0] = 2, CORRUPT;
    batch_with_the_marker_format: "batch", |parts| parts.field(Part::Format)[0] = 3, CORRUPT;
    // Conformance: P17-17.
    batch_with_an_unknown_algorithm: "batch", |parts| parts.field(Part::Algorithm)[0] = 2, CORRUPT;
    batch_with_an_unknown_nonce_mode: "batch", |parts| parts.field(Part::NonceMode)[0] = 3, CORRUPT;
    batch_with_another_nonce_mode: "batch", |parts| parts.field(Part::NonceMode)[0] = 2, CORRUPT;
    batch_of_an_unknown_provider: "batch", |parts| parts.flip(Part::Provider), REFUSED;
    batch_of_an_unknown_key: "batch", |parts| parts.flip(Part::Key), REFUSED;
    batch_of_an_unknown_key_version: "batch", |parts| parts.field(Part::WrappedVersion)[3] = 99, REFUSED;
    batch_with_an_invalid_provider_name: "batch", |parts| parts.field(Part::Provider)[0] = b' ', CORRUPT;
    batch_with_an_invalid_key_name: "batch", |parts| parts.field(Part::Key)[0] = 0xff, CORRUPT;
    batch_with_an_altered_wrapped_key: "batch", |parts| parts.flip(Part::Wrapped), CORRUPT;
    batch_with_another_wrapped_length: "batch", |parts| parts.flip(Part::WrappedLength), CORRUPT;
    batch_with_a_huge_wrapped_length: "batch", |parts| parts.field(Part::WrappedLength).fill(0xff), CORRUPT;
    batch_with_a_wrapped_length_of_zero: "batch", |parts| parts.field(Part::WrappedLength).fill(0), CORRUPT;
    batch_with_an_altered_salt: "batch", |parts| parts.flip(Part::Salt), CORRUPT;
    batch_with_an_altered_commitment: "batch", |parts| parts.flip(Part::Commitment), CORRUPT;
    batch_with_an_altered_nonce: "batch", |parts| parts.flip(Part::Nonce), CORRUPT;
    batch_with_altered_attributes: "batch", |parts| parts.flip(Part::Attributes), CORRUPT;
    batch_with_an_altered_count: "batch", |parts| parts.flip(Part::Count), CORRUPT;
    batch_with_an_altered_base_timestamp: "batch", |parts| parts.flip(Part::BaseTimestamp), CORRUPT;
    batch_with_an_altered_maximum_timestamp: "batch", |parts| parts.flip(Part::MaxTimestamp), CORRUPT;
    batch_with_a_truncated_header: "batch", |parts| parts.envelope().truncate(60), CORRUPT;
    batch_with_a_header_that_lacks_its_last_byte: "batch", |parts| {
        let length = parts.envelope().len();
        parts.envelope().truncate(length - 1);
    }, CORRUPT;
    batch_with_a_header_of_two_bytes: "batch", |parts| parts.envelope().truncate(2), CORRUPT;
    batch_with_an_empty_header: "batch", |parts| parts.envelope().clear(), CORRUPT;
    batch_with_a_null_header: "batch", |parts| parts.first().headers[0].1 = None, CORRUPT;
    batch_with_a_byte_behind_its_header: "batch", |parts| parts.envelope().push(0), CORRUPT;
    batch_with_a_header_more: "batch", |parts| parts.first().headers.push(("more".to_owned(), None)), CORRUPT;
    batch_with_its_header_twice: "batch", |parts| parts.first().headers.extend_from_within(..), CORRUPT;
    batch_with_another_key_of_record_0: "batch", |parts| parts.first().key.as_mut().unwrap()[0] ^= 1, CORRUPT;
    batch_without_a_key_of_record_0: "batch", |parts| parts.first().key = None, CORRUPT;
    batch_without_its_last_stub: "batch", |parts| drop(parts.records.pop()), CORRUPT;
    batch_with_one_stub_more: "batch", |parts| parts.records.push(parts.records[1].clone()), CORRUPT;
    batch_without_its_envelope: "batch", |parts| drop(parts.records.remove(0)), CORRUPT;
    batch_with_its_envelope_in_record_1: "batch", |parts| parts.records.swap(0, 1), CORRUPT;
    batch_without_its_envelope_header: "batch", |parts| parts.first().headers.clear(), CORRUPT;
    batch_with_a_renamed_envelope_header: "batch", |parts| parts.first().headers[0].0.push('x'), CORRUPT;

    record_with_a_flipped_bit_in_the_ciphertext: "record", |parts| parts.sealed()[3] ^= 1, CORRUPT;
    record_with_a_flipped_bit_in_the_tag: "record", |parts| *parts.sealed().last_mut().unwrap() ^= 1, CORRUPT;
    record_with_a_truncated_ciphertext: "record", |parts| parts.sealed().truncate(20), CORRUPT;
    record_with_less_than_a_tag: "record", |parts| parts.sealed().truncate(15), CORRUPT;
    record_with_an_empty_value: "record", |parts| parts.sealed().clear(), CORRUPT;
    record_with_a_null_value: "record", |parts| parts.first().value = None, CORRUPT;
    record_with_another_version: "record", |parts| parts.field(Part::Version)[0] = 2, CORRUPT;
    record_with_an_unknown_format: "record", |parts| parts.field(Part::Format)[0] = 4, CORRUPT;
    record_with_the_batch_format: "record", |parts| parts.field(Part::Format)[0] = 1, CORRUPT;
    // Conformance: P17-17.
    record_with_an_unknown_algorithm: "record", |parts| parts.field(Part::Algorithm)[0] = 0, CORRUPT;
    record_with_an_unknown_nonce_mode: "record", |parts| parts.field(Part::NonceMode)[0] = 0, CORRUPT;
    record_of_an_unknown_provider: "record", |parts| parts.flip(Part::Provider), REFUSED;
    record_of_an_unknown_key: "record", |parts| parts.flip(Part::Key), REFUSED;
    record_with_an_altered_wrapped_key: "record", |parts| parts.flip(Part::Wrapped), CORRUPT;
    record_with_an_altered_salt: "record", |parts| parts.flip(Part::Salt), CORRUPT;
    record_with_an_altered_commitment: "record", |parts| parts.flip(Part::Commitment), CORRUPT;
    record_with_an_altered_nonce: "record", |parts| parts.flip(Part::Nonce), CORRUPT;
    record_with_an_altered_timestamp_in_its_envelope: "record", |parts| parts.flip(Part::Timestamp), CORRUPT;
    record_with_another_timestamp: "record", |parts| parts.first().timestamp_delta += 1, CORRUPT;
    record_with_another_key: "record", |parts| parts.first().key = Some(b"other".to_vec()), CORRUPT;
    record_without_its_key: "record", |parts| parts.first().key = None, CORRUPT;
    record_with_a_truncated_header: "record", |parts| parts.envelope().truncate(60), CORRUPT;
    record_with_a_byte_behind_its_header: "record", |parts| parts.envelope().push(0), CORRUPT;
    // Conformance: P17-08.
    record_with_its_header_in_second_place: "record", |parts| parts.first().headers.swap(0, 1), CORRUPT;
    record_with_a_marker_for_a_header: "record", |parts| *parts.envelope() = vec![1, 3], CORRUPT;
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_with_another_salt_and_key_of_record_0() {
    let mut stage = Stage::new("batch", "salt-and-key").await;
    let mut parts = stage.parts();
    parts.field(Part::Salt)[0] ^= 1;
    parts.first().key.as_mut().unwrap()[0] ^= 1;
    stage.is_refused(parts.batch(), CORRUPT).await;
}

/// From 64 records on the stored batch is compressed around the envelope.
/// Conformance: P17-14.
#[tokio::test(flavor = "multi_thread")]
async fn large_batch_with_a_flipped_bit() {
    let sent = Batch::of(&Payload::new(9).orders(80));
    let mut stage = Stage::with(lenient().await, "batch", "large", sent).await;
    assert_eq!(stage.stored.codec(), 3);
    let mut altered = stage.stored.clone();
    let middle = altered.records().len() / 2;
    altered.records_mut()[middle] ^= 1;
    altered.seal();
    stage.is_refused(altered, CORRUPT).await;
}

/// Conformance: TE-B08.
#[tokio::test(flavor = "multi_thread")]
async fn what_precedes_an_altered_batch_is_delivered() {
    let mut stage = Stage::new("batch", "precedes").await;
    let mut parts = stage.parts();
    parts.sealed()[0] ^= 1;
    plant(&mut stage.direct, &stage.at.clone(), parts.batch()).await;
    for version in FETCH_VERSIONS {
        let [partition, _] = stage.fetch_beside_neighbour(&stage.at.clone(), version, 0).await;
        assert_eq!(partition.error_code, 0, "Fetch {version}");
        let batches = Batch::split(partition.records.as_deref().unwrap_or_default());
        let delivered: Vec<Batch> = batches.iter().map(Batch::as_sent).collect();
        assert_eq!(delivered, [stage.sent.as_sent()], "Fetch {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unaltered_parts_make_the_same_batch() {
    for format in ["batch", "record"] {
        let stage = Stage::new(format, "parts").await;
        assert_eq!(stage.parts().batch(), stage.stored, "{format}");
    }
}
