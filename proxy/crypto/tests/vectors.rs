//! Every test vector, read by a reader that was written from FORMAT.md and shares no code with this crate.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

#[path = "vectors/reader.rs"]
mod reader;
#[path = "vectors/siv.rs"]
mod siv;

use serde_json::Value;

use self::reader::{Header, Place, RecordHeader};

fn vectors(list: &str) -> Vec<Value> {
    vectors_of(include_str!("../vectors/v1.json"), list)
}

fn vectors_of(file: &str, list: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(file).unwrap();
    let list = all[list].as_array().unwrap().clone();
    assert!(list.len() > 5);
    list
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {vector}"))
}

fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(vector, field)).unwrap()
}

fn number<N: TryFrom<i64, Error: std::fmt::Debug>>(vector: &Value, field: &str) -> N {
    N::try_from(vector[field].as_i64().unwrap()).unwrap()
}

/// Compares a result with what the vector says; gives what is expected of a good one.
fn check<'a, T>(vector: &'a Value, result: Result<T, &'static str>) -> Option<(T, &'a Value)> {
    let name = text(vector, "name");
    match (result, vector.get("error")) {
        (Ok(good), None) => Some((good, &vector["expected"])),
        (Err(error), Some(expected)) => {
            assert_eq!(error, expected.as_str().unwrap(), "{name}");
            None
        }
        (Ok(_), Some(error)) => panic!("{name} must fail with {error}"),
        (Err(error), None) => panic!("{name} fails with {error}"),
    }
}

fn check_header(header: &Header, dek: &[u8], expected: &Value) {
    let (message_key, commitment) = reader::derive(dek, header);
    assert_eq!(header.nonce_mode, number::<u8>(expected, "nonce_mode"));
    assert_eq!(header.provider, text(expected, "provider"));
    assert_eq!(header.key, text(expected, "key"));
    assert_eq!(header.wrapped, bytes(expected, "wrapped"));
    assert_eq!(header.salt, bytes(expected, "salt"));
    assert_eq!(header.nonce, bytes(expected, "nonce"));
    assert_eq!(commitment, bytes(expected, "commitment"));
    assert_eq!(message_key, bytes(expected, "message_key"));
}

/// Conformance: P17-16.
#[test]
fn wrapped_data_keys() {
    for vector in vectors("wraps") {
        let context =
            reader::kms_context(text(&vector, "cluster"), text(&vector, "provider"), text(&vector, "key"));
        let result = reader::unwrap_local(&bytes(&vector, "kek"), &context, &bytes(&vector, "wrapped"));
        if let Some(((version, dek), expected)) = check(&vector, result) {
            assert_eq!(version, number::<u32>(expected, "version"));
            assert_eq!(context, bytes(expected, "context"));
            assert_eq!(dek, bytes(expected, "dek"));
        }
    }
}

/// Conformance: P17-07, P17-11, P17-14.
#[test]
fn batches() {
    for vector in vectors("batches") {
        let dek = bytes(&vector, "dek");
        let place = Place {
            topic: text(&vector, "topic"),
            partition: number(&vector, "partition"),
            producer_id: number(&vector, "producer_id"),
            producer_epoch: number(&vector, "producer_epoch"),
            base_sequence: number(&vector, "base_sequence"),
            last_offset_delta: number(&vector, "last_offset_delta"),
        };
        let result = reader::parse(&bytes(&vector, "header")).and_then(|header| {
            let aad = reader::batch_aad(&header, &place);
            reader::open(&dek, &header, &aad, &bytes(&vector, "sealed")).map(|plain| (header, aad, plain))
        });
        let Some(((header, aad, plaintext), expected)) = check(&vector, result) else {
            continue;
        };
        check_header(&header, &dek, &expected["header"]);
        assert_eq!(header.format, 1);
        assert_eq!(aad, bytes(expected, "aad"));
        assert_eq!(plaintext, bytes(expected, "plaintext"));
        assert_eq!(header.salt[..16], bytes(expected, "record_key"));
        let mut facts = number::<i16>(expected, "attributes").to_be_bytes().to_vec();
        facts.extend(number::<i32>(expected, "record_count").to_be_bytes());
        facts.extend(number::<i64>(expected, "base_timestamp").to_be_bytes());
        facts.extend(number::<i64>(expected, "max_timestamp").to_be_bytes());
        assert_eq!(header.tail, facts);
    }
}

/// Conformance: P17-07.
#[test]
fn records() {
    for vector in vectors("records") {
        let dek = bytes(&vector, "dek");
        let key = vector["record_key"].as_str().map(|key| hex::decode(key).unwrap());
        let result = reader::parse(&bytes(&vector, "header")).and_then(|header| {
            let aad = reader::record_aad(&header, text(&vector, "topic"), key.as_deref());
            let plaintext = reader::open(&dek, &header, &aad, &bytes(&vector, "sealed"))?;
            let sealed_timestamp = i64::from_be_bytes(header.tail.clone().try_into().unwrap());
            match vector["timestamp"].as_i64() {
                Some(timestamp) if timestamp != sealed_timestamp => Err("timestamp"),
                _ => Ok((header, aad, plaintext, sealed_timestamp)),
            }
        });
        let Some(((header, aad, plaintext, timestamp), expected)) = check(&vector, result) else {
            continue;
        };
        check_header(&header, &dek, &expected["header"]);
        assert_eq!(header.format, 2);
        assert_eq!(aad, bytes(expected, "aad"));
        assert_eq!(plaintext, bytes(expected, "plaintext"));
        assert_eq!(timestamp, number::<i64>(expected, "timestamp"));
    }
}

fn optional_bytes(value: &Value) -> Option<Vec<u8>> {
    value.as_str().map(|text| hex::decode(text).unwrap())
}

fn headers_of(value: &Value) -> Vec<RecordHeader> {
    let pairs = value.as_array().unwrap().iter();
    pairs.map(|pair| (optional_bytes(&pair[0]).unwrap(), optional_bytes(&pair[1]))).collect()
}

/// A record of format 5 or 6 as its producer sent it, the key only where it was sealed.
struct Sent {
    header: Header,
    aad: Vec<u8>,
    plaintext: Vec<u8>,
    key: Option<Vec<u8>>,
    headers: Vec<RecordHeader>,
    value: Option<Vec<u8>>,
}

fn read_headed(vector: &Value) -> Result<Sent, &'static str> {
    let key = optional_bytes(&vector["record_key"]);
    let stored = headers_of(&vector["headers"]);
    let value = optional_bytes(&vector["value"]);
    let header = reader::parse(&bytes(vector, "header"))?;
    let sealed = match (&header.carried, &value) {
        (Some(carried), None) => carried,
        (None, Some(value)) => value,
        _ => return Err("place"),
    };
    let aad = reader::headed_aad(&header, text(vector, "topic"), key.as_deref(), &stored);
    let plaintext = reader::open(&bytes(vector, "dek"), &header, &aad, sealed)?;
    let sealed_timestamp = i64::from_be_bytes(header.tail[..8].try_into().unwrap());
    if vector["timestamp"].as_i64().is_some_and(|timestamp| timestamp != sealed_timestamp) {
        return Err("timestamp");
    }
    let (key, rest) = match header.format {
        6 => reader::unseal_key(&plaintext, key.as_deref())?,
        _ => (None, &*plaintext),
    };
    let (headers, value) = reader::unseal(rest, &stored, value.is_some())?;
    Ok(Sent { header, aad, plaintext, key, headers, value })
}

fn check_headed(vector: &Value, sent: &Sent, expected: &Value) {
    check_header(&sent.header, &bytes(vector, "dek"), &expected["header"]);
    assert_eq!(sent.header.tail[8], number::<u8>(expected, "place"));
    assert_eq!(sent.aad, bytes(expected, "aad"));
    assert_eq!(sent.plaintext, bytes(expected, "plaintext"));
    assert_eq!(sent.headers, headers_of(&expected["headers"]));
    assert_eq!(sent.value, optional_bytes(&expected["value"]));
}

#[test]
fn records_with_sealed_headers() {
    for vector in vectors_of(include_str!("../vectors/headers.json"), "records") {
        if let Some((sent, expected)) = check(&vector, read_headed(&vector)) {
            assert_eq!(sent.header.format, 5);
            check_headed(&vector, &sent, expected);
        }
    }
}

#[test]
fn records_with_pseudonyms() {
    for vector in vectors_of(include_str!("../vectors/pseudonyms.json"), "records") {
        if let Some((sent, expected)) = check(&vector, read_headed(&vector)) {
            assert_eq!(sent.header.format, 6);
            assert_eq!(sent.key, optional_bytes(&expected["record_key"]));
            check_headed(&vector, &sent, expected);
        }
    }
}

#[test]
fn pseudonyms() {
    for vector in vectors_of(include_str!("../vectors/pseudonyms.json"), "pseudonyms") {
        let (cluster, topic) = (text(&vector, "cluster"), text(&vector, "topic"));
        let siv_key = reader::pseudonym_key(&bytes(&vector, "pseudonym_key"), cluster, topic);
        assert_eq!(siv_key, bytes(&vector, "siv_key"), "{}", text(&vector, "name"));
        let pseudonym = siv::encrypt::<aes_gcm::aes::Aes256>(&siv_key, &[], &bytes(&vector, "record_key"));
        assert_eq!(pseudonym, bytes(&vector, "pseudonym"), "{}", text(&vector, "name"));
    }
}
