//! This crate reads the vectors as they say.

use super::shape::{Batch, Headed, Record};
use super::{kept, kept_headers, kept_pseudonyms};
use crate::context::KmsContext;
use crate::dek::Dek;
use crate::envelope::{EnvelopeError, EnvelopeHeader};
use crate::local::testing::open;
use crate::name::{ClusterName, KeyName, ProviderName};
use crate::open::{OpenError, RecordOpener, StoredRecord, open_batch};
use crate::pseudonyms::Pseudonyms;
use crate::seal::BatchContext;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn dek(text: &str) -> Dek {
    Dek::from_bytes(&bytes(text)).unwrap()
}

fn of_header(error: EnvelopeError) -> &'static str {
    match error {
        EnvelopeError::Truncated => "truncated-header",
        EnvelopeError::TrailingBytes(_) => "trailing-bytes",
        EnvelopeError::UnknownVersion(_) => "unknown-version",
        EnvelopeError::UnknownFormat(_) => "unknown-format",
        EnvelopeError::UnknownAlgorithm(_) => "unknown-algorithm",
        EnvelopeError::UnknownNonceMode(_) => "unknown-nonce-mode",
        EnvelopeError::UnknownPlace(_) => "unknown-place",
        EnvelopeError::Name => "name",
        EnvelopeError::WrappedLength(_) => "wrapped-length",
        EnvelopeError::Marker => "marker",
    }
}

fn of_open(error: OpenError) -> &'static str {
    match error {
        OpenError::Format => "format",
        OpenError::Commitment => "commitment",
        OpenError::Truncated => "truncated-ciphertext",
        OpenError::Tag => "tag",
        OpenError::Timestamp => "timestamp",
        OpenError::Place => "place",
        OpenError::Headers => "sealed-headers",
        OpenError::Key => "record-key",
        OpenError::TooLong => "too-long",
    }
}

fn read_batch(batch: &Batch) -> Result<Vec<u8>, &'static str> {
    let header = bytes(&batch.header);
    let envelope = EnvelopeHeader::parse(&header).map_err(of_header)?;
    let context = BatchContext {
        topic: &batch.topic,
        partition: batch.partition,
        producer_id: batch.producer_id,
        producer_epoch: batch.producer_epoch,
        base_sequence: batch.base_sequence,
        last_offset_delta: batch.last_offset_delta,
    };
    let mut sealed = bytes(&batch.sealed);
    let length = open_batch(&dek(&batch.dek), &envelope, &context, &mut sealed).map_err(of_open)?;
    sealed.truncate(length);
    Ok(sealed)
}

fn read_record(opener: &mut RecordOpener, record: &Record) -> Result<Vec<u8>, &'static str> {
    let header = bytes(&record.header);
    let envelope = EnvelopeHeader::parse(&header).map_err(of_header)?;
    let key = record.record_key.as_deref().map(bytes);
    let mut out = b"before".to_vec();
    let result = opener.open(
        &dek(&record.dek),
        &envelope,
        &record.topic,
        key.as_deref(),
        record.timestamp,
        &bytes(&record.sealed),
        &mut out,
    );
    assert!(result.is_ok() || out == b"before");
    result.map_err(of_open)?;
    Ok(out.split_off(6))
}

/// Headers and value as the producer sent them, and the key where that was sealed.
type Sent = (Vec<(String, Option<String>)>, Option<String>, Option<String>);

fn read_headed<E>(opener: &mut RecordOpener, record: &Headed<E>) -> Result<Sent, &'static str> {
    let header = bytes(&record.header);
    let envelope = EnvelopeHeader::parse(&header).map_err(of_header)?;
    let key = record.record_key.as_deref().map(bytes);
    let value = record.value.as_deref().map(bytes);
    let headers: Vec<_> =
        record.headers.iter().map(|(name, value)| (bytes(name), value.as_deref().map(bytes))).collect();
    let stored = StoredRecord {
        topic: &record.topic,
        key: key.as_deref(),
        timestamp: record.timestamp,
        value: value.as_deref(),
        headers: headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref())),
    };
    let mut out = b"before".to_vec();
    let plain = opener.open_with_headers(&dek(&record.dek), &envelope, &stored, &mut out).map_err(of_open)?;
    let mut sent = record.headers.clone();
    for (index, value) in plain.headers {
        sent[usize::try_from(index).unwrap()].1 = value.map(hex::encode);
    }
    Ok((sent, plain.value.map(hex::encode), plain.key.map(hex::encode)))
}

#[test]
fn records_with_sealed_headers_open_as_they_say() {
    let mut opener = RecordOpener::new();
    for record in kept_headers().records {
        let expected = match (&record.error, &record.expected) {
            (Some(error), None) => Err(error.as_str()),
            (None, Some(expected)) => Ok((expected.headers.clone(), expected.value.clone(), None)),
            _ => panic!("{} must have either an error or an expectation", record.name),
        };
        assert_eq!(read_headed(&mut opener, &record), expected, "{}", record.name);
    }
}

#[test]
fn records_with_pseudonyms_open_as_they_say() {
    let mut opener = RecordOpener::new();
    for record in kept_pseudonyms().records {
        let expected = match (&record.error, &record.expected) {
            (Some(error), None) => Err(error.as_str()),
            (None, Some(expected)) => {
                let key = expected.record_key.clone();
                Ok((expected.rest.headers.clone(), expected.rest.value.clone(), key))
            }
            _ => panic!("{} must have either an error or an expectation", record.name),
        };
        assert_eq!(read_headed(&mut opener, &record), expected, "{}", record.name);
    }
}

#[test]
fn keys_have_the_pseudonyms_that_they_say() {
    for vector in kept_pseudonyms().pseudonyms {
        let cluster = ClusterName::new(vector.cluster).unwrap();
        let pseudonyms = Pseudonyms::derive(&dek(&vector.pseudonym_key), &cluster, &vector.topic).unwrap();
        let mut pseudonym = Vec::new();
        pseudonyms.start().write(&bytes(&vector.record_key), &mut pseudonym).unwrap();
        assert_eq!(hex::encode(pseudonym), vector.pseudonym, "{}", vector.name);
    }
}

#[test]
fn wraps_unwrap_as_they_say() {
    for wrap in kept().wraps {
        let context = KmsContext {
            cluster: ClusterName::new(wrap.cluster).unwrap(),
            provider: ProviderName::new(wrap.provider).unwrap(),
            key: KeyName::new(wrap.key).unwrap(),
        };
        let opened = open(bytes(&wrap.kek).try_into().unwrap(), &context, &bytes(&wrap.wrapped));
        let opened = opened.map(|(version, dek)| (version, hex::encode(dek.expose())));
        assert_eq!(opened, wrap.expected.map(|expected| (expected.version, expected.dek)), "{}", wrap.name);
    }
}

/// Conformance: P17-11, P17-17.
#[test]
fn batches_open_as_they_say() {
    for batch in kept().batches {
        let expected = match (&batch.error, &batch.expected) {
            (Some(error), None) => Err(error.as_str()),
            (None, Some(expected)) => Ok(bytes(&expected.plaintext)),
            _ => panic!("{} is neither good nor bad", batch.name),
        };
        assert_eq!(read_batch(&batch), expected, "{}", batch.name);
    }
}

#[test]
fn records_open_as_they_say() {
    let mut opener = RecordOpener::new();
    for record in kept().records {
        let expected = match (&record.error, &record.expected) {
            (Some(error), None) => Err(error.as_str()),
            (None, Some(expected)) => Ok(bytes(&expected.plaintext)),
            _ => panic!("{} is neither good nor bad", record.name),
        };
        // With an opener that knows a message key already, and with one that does not.
        assert_eq!(read_record(&mut opener, &record), expected, "{}", record.name);
        assert_eq!(read_record(&mut RecordOpener::new(), &record), expected, "{}", record.name);
    }
}
