//! What holds for all inputs: sealing and opening are inverse, changes are found, nothing panics.
#![expect(clippy::similar_names, reason = "a sealer seals what is sealed")]

use proptest::prelude::*;

use crate::context::KmsContext;
use crate::dek::{Dek, WrappedKey};
use crate::envelope::{BatchFacts, EnvelopeHeader, Format, MARKER, is_envelope};
use crate::keys::{DataKey, KeyLimits};
use crate::name::{ClusterName, KeyName, ProviderName};
use crate::open::{RecordOpener, StoredRecord, open_batch};
use crate::pseudonyms::Pseudonyms;
use crate::seal::{
    BatchContext, BatchSealer, HeadersSealer, PlainRecord, RecordsSealer, SealError, SealedParts,
};

fn dek() -> Dek {
    Dek::from_bytes(&[7; 32]).unwrap()
}

fn data_key(limits: KeyLimits) -> DataKey {
    let context = KmsContext {
        cluster: ClusterName::new("cluster").unwrap(),
        provider: ProviderName::new("default").unwrap(),
        key: KeyName::new("payments").unwrap(),
    };
    DataKey::new(context, dek(), WrappedKey::new(vec![9; 64]), limits)
}

fn pseudonyms(topic: &str) -> Pseudonyms {
    Pseudonyms::derive(&dek(), &ClusterName::new("cluster").unwrap(), topic).unwrap()
}

fn context(topic: &str, numbers: (i32, i64, i16)) -> BatchContext<'_> {
    BatchContext {
        topic,
        partition: numbers.0,
        producer_id: numbers.1,
        producer_epoch: numbers.2,
        base_sequence: numbers.0 ^ 5,
        last_offset_delta: numbers.0 ^ 9,
    }
}

fn seal_batch(plaintext: &[u8], facts: &BatchFacts, context: &BatchContext<'_>) -> (Vec<u8>, Vec<u8>) {
    let sealer = BatchSealer::new(&data_key(KeyLimits::default()), plaintext.len()).unwrap();
    let (mut header, mut sealed) = (Vec::new(), plaintext.to_vec());
    sealer.header(facts, &mut header);
    assert_eq!(header.len(), sealer.header_len());
    let unique = sealer.unique_key();
    let tag = sealer.seal(&header, context, &mut sealed).unwrap();
    sealed.extend_from_slice(&tag);
    assert_eq!(EnvelopeHeader::parse(&header).unwrap().salt()[..16], unique);
    assert_eq!(is_envelope(&header), Some(Format::Batch));
    (header, sealed)
}

fn open(header: &[u8], context: &BatchContext<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
    let mut sealed = sealed.to_vec();
    let length = open_batch(&dek(), &EnvelopeHeader::parse(header).ok()?, context, &mut sealed).ok()?;
    sealed.truncate(length);
    Some(sealed)
}

fn facts() -> impl Strategy<Value = BatchFacts> {
    any::<(i16, i32, i64, i64)>().prop_map(|(attributes, record_count, base_timestamp, max_timestamp)| {
        BatchFacts { attributes, record_count, base_timestamp, max_timestamp }
    })
}

fn optional_bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..20))
}

/// Names, values, and whether they are sealed.
fn headers() -> impl Strategy<Value = Vec<(Vec<u8>, Option<Vec<u8>>, bool)>> {
    prop::collection::vec((prop::collection::vec(any::<u8>(), 0..5), optional_bytes(), any::<bool>()), 0..5)
}

proptest! {
    /// Conformance: TE-26.
    #[test]
    fn batch_opens_to_what_was_sealed(
        plaintext in prop::collection::vec(any::<u8>(), 0..300),
        facts in facts(),
        topic in "[a-zA-Z0-9._-]{1,40}",
        numbers in any::<(i32, i64, i16)>(),
    ) {
        let context = context(&topic, numbers);
        let (header, sealed) = seal_batch(&plaintext, &facts, &context);
        prop_assert_eq!(EnvelopeHeader::parse(&header).unwrap().batch_facts(), Some(facts));
        prop_assert_eq!(open(&header, &context, &sealed), Some(plaintext));
    }

    /// Conformance: P17-14.
    #[test]
    fn changed_bit_of_a_batch_is_found(
        plaintext in prop::collection::vec(any::<u8>(), 0..100),
        facts in facts(),
        bit in any::<prop::sample::Index>(),
    ) {
        let context = context("topic", (1, 2, 3));
        let (mut header, mut sealed) = seal_batch(&plaintext, &facts, &context);
        let bit = bit.index((header.len() + sealed.len()) * 8);
        let in_header = header.len();
        let byte = if bit / 8 < in_header { &mut header[bit / 8] } else { &mut sealed[bit / 8 - in_header] };
        *byte ^= 1 << (bit % 8);
        prop_assert_eq!(open(&header, &context, &sealed), None);
    }

    /// Conformance: P17-14.
    #[test]
    fn records_open_to_what_was_sealed_and_only_in_their_place(
        records in prop::collection::vec(
            (prop::option::of(prop::collection::vec(any::<u8>(), 0..20)), prop::collection::vec(any::<u8>(), 0..60), any::<i64>()),
            1..8,
        ),
        bit in any::<prop::sample::Index>(),
    ) {
        let mut sealer = RecordsSealer::new(&data_key(KeyLimits::default()), 8, 1000).unwrap();
        let mut opener = RecordOpener::new();
        for (key, value, timestamp) in records {
            let key = key.as_deref();
            let (mut header, mut sealed) = (b"h".to_vec(), b"s".to_vec());
            sealer.seal("topic", key, timestamp, &value, &mut header, &mut sealed).unwrap();
            let (mut header, mut sealed) = (header.split_off(1), sealed.split_off(1));
            prop_assert_eq!(header.len(), sealer.header_len());
            let mut open = |header: &[u8], sealed: &[u8], topic: &str, timestamp| {
                let mut out = b"o".to_vec();
                let envelope = EnvelopeHeader::parse(header).ok()?;
                opener.open(&dek(), &envelope, topic, key, timestamp, sealed, &mut out).ok()?;
                Some(out.split_off(1))
            };
            prop_assert_eq!(open(&header, &sealed, "topic", Some(timestamp)), Some(value.clone()));
            prop_assert_eq!(open(&header, &sealed, "topic", None), Some(value));
            prop_assert_eq!(open(&header, &sealed, "topic", Some(timestamp ^ 1)), None);
            prop_assert_eq!(open(&header, &sealed, "topic2", None), None);
            let bit = bit.index((header.len() + sealed.len()) * 8);
            let in_header = header.len();
            let byte = if bit / 8 < in_header { &mut header[bit / 8] } else { &mut sealed[bit / 8 - in_header] };
            *byte ^= 1 << (bit % 8);
            prop_assert_eq!(open(&header, &sealed, "topic", None), None);
        }
    }

    #[test]
    fn records_with_sealed_headers_open_to_what_was_sealed_and_to_nothing_else(
        records in prop::collection::vec((optional_bytes(), optional_bytes(), headers(), any::<i64>()), 1..6),
        bit in any::<prop::sample::Index>(),
    ) {
        let mut sealer = HeadersSealer::new(&data_key(KeyLimits::default()), None, 8, 10_000).unwrap();
        let mut opener = RecordOpener::new();
        for (key, value, headers, timestamp) in records {
            let (key, value) = (key.as_deref(), value.as_deref());
            let sent = headers.iter().map(|(name, value, sealed)| ((&**name, value.as_deref()), *sealed));
            let plain = PlainRecord { topic: "topic", key, timestamp, value, headers: sent };
            let (mut header, mut sealed, mut none) = (b"h".to_vec(), b"s".to_vec(), Vec::new());
            let mut parts = SealedParts { header: &mut header, value: &mut sealed, pseudonym: &mut none };
            sealer.seal(&plain, &mut parts).unwrap();
            prop_assert!(none.is_empty());
            let (mut header, mut sealed) = (header.split_off(1), sealed.split_off(1));
            prop_assert_eq!(value.is_none(), sealed.is_empty(), "a sealed value has a tag at least");
            let mut open = |header: &[u8], sealed: &[u8], topic, timestamp, count| {
                let stored = headers.iter().take(count).map(|(name, value, sealed)| {
                    (&**name, if *sealed { Some(&b""[..]) } else { value.as_deref() })
                });
                let value = value.map(|_| sealed);
                let record = StoredRecord { topic, key, timestamp, value, headers: stored };
                let mut out = b"o".to_vec();
                let envelope = EnvelopeHeader::parse(header).ok()?;
                let opened = opener.open_with_headers(&dek(), &envelope, &record, &mut out).ok()?;
                let hidden = opened.headers.map(|(index, value)| (index, value.map(<[u8]>::to_vec)));
                Some((opened.value.map(<[u8]>::to_vec), hidden.collect::<Vec<_>>()))
            };
            let hidden = (0_u32..).zip(&headers).filter(|(_, (.., sealed))| *sealed);
            let hidden: Vec<_> = hidden.map(|(index, (_, value, _))| (index, value.clone())).collect();
            let expected = Some((value.map(<[u8]>::to_vec), hidden));
            let count = headers.len();
            prop_assert_eq!(open(&header, &sealed, "topic", Some(timestamp), count), expected.clone());
            prop_assert_eq!(open(&header, &sealed, "topic", None, count), expected);
            prop_assert_eq!(open(&header, &sealed, "topic", Some(timestamp ^ 1), count), None);
            prop_assert_eq!(open(&header, &sealed, "topic2", None, count), None);
            if count > 0 {
                prop_assert_eq!(open(&header, &sealed, "topic", None, count - 1), None);
            }
            let bit = bit.index((header.len() + sealed.len()) * 8);
            let in_header = header.len();
            let byte = if bit / 8 < in_header { &mut header[bit / 8] } else { &mut sealed[bit / 8 - in_header] };
            *byte ^= 1 << (bit % 8);
            prop_assert_eq!(open(&header, &sealed, "topic", None, count), None);
        }
    }

    #[test]
    fn records_with_pseudonyms_open_to_what_was_sealed_and_to_nothing_else(
        records in prop::collection::vec((optional_bytes(), optional_bytes(), headers(), any::<i64>()), 1..6),
        bit in any::<prop::sample::Index>(),
    ) {
        let made = pseudonyms("topic");
        let mut sealer = HeadersSealer::new(&data_key(KeyLimits::default()), Some(&made), 8, 10_000).unwrap();
        let mut opener = RecordOpener::new();
        for (key, value, headers, timestamp) in records {
            let (key, value) = (key.as_deref(), value.as_deref());
            let sent = headers.iter().map(|(name, value, sealed)| ((&**name, value.as_deref()), *sealed));
            let plain = PlainRecord { topic: "topic", key, timestamp, value, headers: sent };
            let (mut header, mut sealed, mut pseudonym) = (b"h".to_vec(), b"s".to_vec(), b"p".to_vec());
            let mut parts =
                SealedParts { header: &mut header, value: &mut sealed, pseudonym: &mut pseudonym };
            sealer.seal(&plain, &mut parts).unwrap();
            let (mut header, mut sealed) = (header.split_off(1), sealed.split_off(1));
            let mut expected = Vec::new();
            if let Some(key) = key {
                made.start().write(key, &mut expected).unwrap();
            }
            prop_assert_eq!(&pseudonym[1..], expected, "equal keys have equal pseudonyms");
            let mut stored_key = key.map(|_| pseudonym.split_off(1));
            let mut open = |header: &[u8], sealed: &[u8], topic, key: Option<&[u8]>| {
                let stored = headers.iter().map(|(name, value, sealed)| {
                    (&**name, if *sealed { Some(&b""[..]) } else { value.as_deref() })
                });
                let value = value.map(|_| sealed);
                let record = StoredRecord { topic, key, timestamp: Some(timestamp), value, headers: stored };
                let mut out = b"o".to_vec();
                let envelope = EnvelopeHeader::parse(header).ok()?;
                let opened = opener.open_with_headers(&dek(), &envelope, &record, &mut out).ok()?;
                let hidden = opened.headers.map(|(index, value)| (index, value.map(<[u8]>::to_vec)));
                let hidden = hidden.collect::<Vec<_>>();
                Some((opened.key.map(<[u8]>::to_vec), opened.value.map(<[u8]>::to_vec), hidden))
            };
            let hidden = (0_u32..).zip(&headers).filter(|(_, (.., sealed))| *sealed);
            let hidden: Vec<_> = hidden.map(|(index, (_, value, _))| (index, value.clone())).collect();
            let expected = Some((key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec), hidden));
            prop_assert_eq!(open(&header, &sealed, "topic", stored_key.as_deref()), expected);
            prop_assert_eq!(open(&header, &sealed, "topic2", stored_key.as_deref()), None);
            let other_key = key.is_none().then_some(&b""[..]);
            prop_assert_eq!(open(&header, &sealed, "topic", other_key), None);
            let pseudonym = stored_key.as_deref_mut().unwrap_or_default();
            let bit = bit.index((header.len() + sealed.len() + pseudonym.len()) * 8);
            let mut all = header.iter_mut().chain(&mut sealed).chain(pseudonym);
            *all.nth(bit / 8).unwrap() ^= 1 << (bit % 8);
            prop_assert_eq!(open(&header, &sealed, "topic", stored_key.as_deref()), None);
        }
    }

    #[test]
    fn nothing_panics_on_arbitrary_bytes(
        start in prop::sample::select(vec![vec![], vec![1], vec![1, 1, 1, 1, 1, b'p', 1, b'k', 0, 1, 0], vec![1, 2, 1, 1, 1, b'p', 1, b'k', 0, 1, 0], vec![1, 5, 1, 1, 1, b'p', 1, b'k', 0, 1, 0], vec![1, 6, 1, 1, 1, b'p', 1, b'k', 0, 1, 0]]),
        rest in prop::collection::vec(any::<u8>(), 0..120),
        sealed in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let header = [start, rest].concat();
        is_envelope(&header);
        let Ok(envelope) = EnvelopeHeader::parse(&header) else { return Ok(()) };
        let mut buffer = sealed.clone();
        prop_assert!(open_batch(&dek(), &envelope, &context("t", (0, 0, 0)), &mut buffer).is_err());
        prop_assert!(RecordOpener::new().open(&dek(), &envelope, "t", None, None, &sealed, &mut Vec::new()).is_err());
        for value in [None, Some(&*sealed)] {
            let headers = std::iter::empty();
            let record = StoredRecord { topic: "t", key: None, timestamp: None, value, headers };
            let mut out = Vec::new();
            prop_assert!(RecordOpener::new().open_with_headers(&dek(), &envelope, &record, &mut out).is_err());
        }
    }
}

#[test]
fn every_truncation_and_extension_of_a_header_is_an_error() {
    let facts = BatchFacts { attributes: 0, record_count: 1, base_timestamp: 0, max_timestamp: 0 };
    let (mut header, _) = seal_batch(b"x", &facts, &context("t", (0, 0, 0)));
    for length in 0..header.len() {
        assert!(EnvelopeHeader::parse(&header[..length]).is_err());
    }
    header.push(0);
    assert!(EnvelopeHeader::parse(&header).is_err());
}

#[test]
fn peek_knows_formats_and_nothing_else() {
    assert_eq!(is_envelope(&MARKER), Some(Format::Marker));
    assert_eq!(is_envelope(&[1, 2, 1]), Some(Format::Record));
    assert_eq!(is_envelope(&[1, 5, 1]), Some(Format::Headers));
    assert_eq!(is_envelope(&[1, 6, 1]), Some(Format::Pseudonyms));
    for other in [&[][..], &[1], &[1, 1], &[1, 3, 0], &[1, 4, 0], &[1, 7, 0], &[2, 1, 0]] {
        assert_eq!(is_envelope(other), None);
    }
}

#[test]
fn sealers_keep_to_what_they_charged() {
    let key = data_key(KeyLimits { messages: 4, bytes: 100, ..KeyLimits::default() });
    let mut sealer = RecordsSealer::new(&key, 1, 10).unwrap();
    let mut seal = |value: &[u8]| sealer.seal("t", None, 0, value, &mut Vec::new(), &mut Vec::new());
    assert_eq!(seal(&[0; 10]), Ok(()));
    assert_eq!(seal(&[]), Err(SealError::Spent));
    assert_eq!(RecordsSealer::new(&key, 4, 1).unwrap_err(), SealError::Spent);
    assert_eq!(BatchSealer::new(&key, 91).unwrap_err(), SealError::Spent);
    let sealer = BatchSealer::new(&key, 5).unwrap();
    let mut header = Vec::new();
    sealer.header(
        &BatchFacts { attributes: 0, record_count: 1, base_timestamp: 0, max_timestamp: 0 },
        &mut header,
    );
    assert_eq!(sealer.seal(&header, &context("t", (0, 0, 0)), &mut [0; 6]), Err(SealError::Spent));
}

#[test]
fn sealers_of_headers_keep_to_what_they_charged() {
    let key = data_key(KeyLimits { messages: 4, bytes: 100, ..KeyLimits::default() });
    let bytes = HeadersSealer::RECORD_BYTES + HeadersSealer::HEADER_BYTES + 10;
    let mut sealer = HeadersSealer::new(&key, None, 2, bytes).unwrap();
    let mut seal = |value: &[u8]| {
        let headers = [((&b"name"[..], Some(&b"hidden"[..])), true), ((b"clear", Some(&[0; 99])), false)];
        let headers = headers.into_iter();
        let record = PlainRecord { topic: "t", key: None, timestamp: 0, value: Some(value), headers };
        let (mut header, mut sealed, mut pseudonym) = (vec![1], vec![2], vec![3]);
        let mut parts = SealedParts { header: &mut header, value: &mut sealed, pseudonym: &mut pseudonym };
        let result = sealer.seal(&record, &mut parts);
        assert!(result.is_ok() || (header, sealed) == (vec![1], vec![2]));
        assert_eq!(pseudonym, [3]);
        result
    };
    assert_eq!(seal(&[0; 5]), Err(SealError::Spent));
    assert_eq!(seal(&[0; 4]), Ok(()));
    assert_eq!(seal(&[]), Err(SealError::Spent));
}

#[test]
fn sealers_of_keys_keep_to_what_they_charged() {
    let key = data_key(KeyLimits { messages: 2, bytes: 100, ..KeyLimits::default() });
    let bytes = HeadersSealer::RECORD_BYTES + HeadersSealer::KEY_BYTES + 10;
    let pseudonyms = pseudonyms("t");
    let mut sealer = HeadersSealer::new(&key, Some(&pseudonyms), 2, bytes).unwrap();
    let mut seal = |value: &[u8]| {
        let headers = std::iter::empty();
        let record =
            PlainRecord { topic: "t", key: Some(b"12345"), timestamp: 0, value: Some(value), headers };
        let (mut header, mut sealed, mut pseudonym) = (vec![1], vec![2], vec![3]);
        let mut parts = SealedParts { header: &mut header, value: &mut sealed, pseudonym: &mut pseudonym };
        let result = sealer.seal(&record, &mut parts);
        assert!(result.is_ok() || (header, sealed, pseudonym) == (vec![1], vec![2], vec![3]));
        result
    };
    assert_eq!(seal(&[0; 6]), Err(SealError::Spent));
    assert_eq!(seal(&[0; 5]), Ok(()));
}

#[test]
fn header_of_another_sealer_is_refused() {
    let key = data_key(KeyLimits::default());
    let (one, other) = (BatchSealer::new(&key, 5).unwrap(), BatchSealer::new(&key, 5).unwrap());
    let mut header = Vec::new();
    other.header(
        &BatchFacts { attributes: 0, record_count: 1, base_timestamp: 0, max_timestamp: 0 },
        &mut header,
    );
    assert_eq!(one.seal(&header, &context("t", (0, 0, 0)), &mut [0; 5]), Err(SealError::Header));
}
