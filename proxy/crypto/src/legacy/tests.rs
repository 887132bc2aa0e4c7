//! Against `vectors/legacy.json`, whose writer is `vectors/legacy.py`.

use serde_json::Value;

use super::*;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../vectors/legacy.json")).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn key(value: &Value) -> LegacyKey {
    LegacyKey::from_bytes(&bytes(value)).unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().filter(|list| !list.is_empty()).unwrap()
}

const MARKER: Option<&[u8]> = Some(&[2]);

/// Conformance: TE-26.
#[test]
fn known_answers_of_topic_encryption_open() {
    let vectors = &vectors()["topicEncryptionV1"];
    let key = key(&vectors["key"]);
    for record in list(&vectors["records"]) {
        let (value, mut out) = (bytes(&record["value"]), b"before".to_vec());
        assert!(TopicEncryptionV1::begins(&value));
        TopicEncryptionV1::parse(&value).unwrap().open(&key, &mut out).unwrap();
        assert_eq!(out, [b"before".to_vec(), bytes(&record["plaintext"])].concat());
    }
}

/// TE-B12: topic-encryption took keys of 128 bits that its cipher could not use.
#[test]
fn keys_of_other_lengths_than_256_bits_are_refused() {
    for length in [0, 16, 24, 31, 33, 64] {
        assert!(LegacyKey::from_bytes(&vec![1; length]).is_none(), "{length} bytes");
    }
    assert!(LegacyKey::from_bytes(&[1; 32]).is_some());
}

#[test]
fn a_record_of_topic_encryption_that_is_cut_longer_or_altered_does_not_open() {
    let vectors = &vectors()["topicEncryptionV1"];
    let (key, value) = (key(&vectors["key"]), bytes(&vectors["records"][1]["value"]));
    let open = |value: &[u8], key: &LegacyKey| {
        let mut out = b"before".to_vec();
        let opened = TopicEncryptionV1::parse(value).and_then(|record| record.open(key, &mut out));
        assert!(opened.is_ok() || out == b"before", "an error leaves nothing behind");
        opened
    };
    assert_eq!(open(&value, &key), Ok(()));
    for length in 0..value.len() {
        assert_eq!(open(&value[..length], &key), Err(LegacyError::Length), "{length} bytes");
    }
    assert_eq!(open(&[value.as_slice(), &[0]].concat(), &key), Err(LegacyError::Length));
    for at in 0..value.len() {
        let mut altered = value.clone();
        altered[at] ^= 1;
        assert!(open(&altered, &key).is_err(), "byte {at}");
    }
    assert_eq!(open(&value, &LegacyKey::from_bytes(&[7; 32]).unwrap()), Err(LegacyError::Tag));
    // Nothing is allocated by a length that a record states.
    let hostile = [&value[..20], &u32::MAX.to_be_bytes(), &value[24..]].concat();
    assert_eq!(open(&hostile, &key), Err(LegacyError::Length));
}

#[test]
fn records_that_kroxylicious_published_open_with_a_key_in_memory() {
    let vectors = &vectors()["kroxyliciousV2"];
    let kek: [u8; 32] = bytes(&vectors["kek"]).try_into().unwrap();
    for record in list(&vectors["published"]) {
        let (value, mut out) = (bytes(&record["value"]), Vec::new());
        let record_v2 = KroxyliciousV2::parse(MARKER, Some(&value)).unwrap();
        let edek = InMemoryEdek::parse(record_v2.edek()).unwrap();
        assert_eq!(edek.key.as_str(), vectors["kekId"].as_str().unwrap());
        record_v2.open(&edek.open(&kek).unwrap(), &mut out).unwrap();
        assert_eq!(out, bytes(&record["plaintext"]));
        assert!(edek.open(&[7; 32]).is_none(), "another key");
    }
}

#[test]
fn records_of_an_independent_writer_open_and_name_their_keys() {
    let vectors = &vectors()["kroxyliciousV2"];
    let dek = key(&vectors["dek"]);
    for record in list(&vectors["written"]) {
        let (name, value) = (record["name"].as_str().unwrap(), bytes(&record["value"]));
        let record_v2 = KroxyliciousV2::parse(MARKER, Some(&value)).unwrap();
        assert_eq!(record_v2.edek(), bytes(&record["edek"]), "{name}");
        let key = match name {
            "AWS" => {
                assert!(InMemoryEdek::parse(record_v2.edek()).is_err());
                AwsEdek::parse(record_v2.edek()).unwrap().key
            }
            name if name.starts_with("Vault") => {
                assert!(AwsEdek::parse(record_v2.edek()).is_err(), "{name}");
                let edek = VaultEdek::parse(record_v2.edek()).unwrap();
                assert_eq!(edek.text, record["text"].as_str().unwrap());
                edek.key
            }
            _ => InMemoryEdek::parse(record_v2.edek()).unwrap().key,
        };
        assert_eq!(key.as_str(), record["key"].as_str().unwrap(), "{name}");
        let mut out = b"before".to_vec();
        record_v2.open(&dek, &mut out).unwrap();
        assert_eq!(out, [b"before".to_vec(), bytes(&record["plaintext"])].concat(), "{name}");
    }
}

#[test]
fn what_no_release_of_kroxylicious_writes_is_refused_with_its_reason() {
    let vectors = &vectors()["kroxyliciousV2"];
    let dek = key(&vectors["dek"]);
    for record in list(&vectors["refused"]) {
        let (name, value, mut out) =
            (record["name"].as_str().unwrap(), bytes(&record["value"]), b"before".to_vec());
        let opened = KroxyliciousV2::parse(MARKER, Some(&value));
        let error = opened.and_then(|record| record.open(&dek, &mut out)).unwrap_err();
        let said = match error {
            LegacyError::Length => "length",
            LegacyError::Number => "number",
            LegacyError::Algorithm => "algorithm",
            LegacyError::Parts => "parts",
            LegacyError::Tag => "tag",
            LegacyError::Version(_) => "version",
        };
        assert_eq!(said, record["error"].as_str().unwrap(), "{name}");
        assert_eq!(out, b"before", "{name}");
    }
}

#[test]
fn markers_of_other_versions_are_refused() {
    let vectors = &vectors()["kroxyliciousV2"];
    let value = bytes(&vectors["published"][0]["value"]);
    let parse = |marker: Option<&[u8]>, value| KroxyliciousV2::parse(marker, value).map(drop);
    assert_eq!(parse(MARKER, Some(&value)), Ok(()));
    assert_eq!(parse(Some(&[1]), Some(&value)), Err(LegacyError::Version(1)));
    assert_eq!(parse(Some(&[2, 2]), Some(&value)), Err(LegacyError::Length));
    assert_eq!(parse(None, Some(&value)), Err(LegacyError::Length));
    assert_eq!(parse(MARKER, None), Err(LegacyError::Length));
}

#[test]
fn nothing_that_is_cut_or_altered_opens_or_panics() {
    let vectors = &vectors()["kroxyliciousV2"];
    let kek: [u8; 32] = bytes(&vectors["kek"]).try_into().unwrap();
    let value = bytes(&vectors["published"][0]["value"]);
    let open = |value: &[u8]| {
        let record = KroxyliciousV2::parse(MARKER, Some(value)).ok()?;
        let _any_layout = (VaultEdek::parse(record.edek()), AwsEdek::parse(record.edek()));
        let edek = InMemoryEdek::parse(record.edek()).ok()?;
        // Another UUID names another key.
        let key = edek.open(&kek).filter(|_| edek.key.as_str() == vectors["kekId"])?;
        record.open(&key, &mut Vec::new()).ok()
    };
    assert_eq!(open(&value), Some(()));
    for length in 0..value.len() {
        assert_eq!(open(&value[..length]), None, "{length} bytes");
    }
    for at in 0..value.len() {
        for bit in 0..8 {
            let mut altered = value.clone();
            altered[at] ^= 1 << bit;
            assert_eq!(open(&altered), None, "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn debug_shows_no_material() {
    assert_eq!(format!("{:?}", LegacyKey::from_bytes(&[0xab; 32]).unwrap()), "LegacyKey(..)");
    assert!(LegacyKey::from_bytes(&[0; 31]).is_none());
}

proptest::proptest! {
    /// Whatever a broker stores: it is parsed or not, and opens only for who has the key.
    #[test]
    fn arbitrary_bytes_never_panic_and_never_open(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        edek in 0_u8..160,
    ) {
        let key = LegacyKey::from_bytes(&[7; 32]).unwrap();
        // Bytes of the right beginning get further.
        let started = [&[0, 1, 0, 16][..], &bytes].concat();
        let wrapped = [&[0, edek][..], &bytes].concat();
        let mut out = Vec::new();
        for value in [&bytes, &started] {
            proptest::prop_assert!(TopicEncryptionV1::parse(value).and_then(|record| record.open(&key, &mut out)).is_err());
        }
        for value in [&bytes, &wrapped] {
            if let Ok(record) = KroxyliciousV2::parse(MARKER, Some(value)) {
                let _any_layout = VaultEdek::parse(record.edek()).is_ok() || AwsEdek::parse(record.edek()).is_ok();
                proptest::prop_assert!(record.open(&key, &mut out).is_err());
                if let Ok(edek) = InMemoryEdek::parse(record.edek()) {
                    proptest::prop_assert!(edek.open(&[7; 32]).is_none());
                }
            }
        }
        proptest::prop_assert!(out.is_empty());
    }
}
