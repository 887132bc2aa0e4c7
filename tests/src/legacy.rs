//! Records as earlier programs wrote them, by a writer that has nothing in common with the reader but their layout.

use std::fs;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::Value;

/// The header that marks a record of Kroxylicious.
pub const KROXYLICIOUS_HEADER: &str = "kroxylicious.io/encryption";

/// The vectors of the format's own tests: `topicEncryptionV1` and `kroxyliciousV2`.
pub fn vectors() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proxy/crypto/vectors/legacy.json");
    serde_json::from_str(&fs::read_to_string(file).expect("the vectors are there")).expect("they are JSON")
}

/// Bytes that the vectors have as hexadecimal digits.
pub fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().expect("a text");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// A value as Kroxylicious stores it, under a data key that stands encrypted in it.
pub fn kroxylicious_v2(data_key: &[u8], edek: &[u8], value: &[u8]) -> Vec<u8> {
    let mut parcel = varint(value.len() * 2);
    parcel.extend_from_slice(value);
    parcel.push(3);
    let iv = [9; 12];
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, data_key).expect("a key of 32 bytes"));
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), Aad::empty(), &mut parcel)
        .expect("it is short");
    [&[0], varint(edek.len()).as_slice(), edek, &[0], &iv, &parcel].concat()
}

/// An encrypted data key as Kroxylicious lays it out for Vault.
pub fn vault_edek(key: &str, text: &str) -> Vec<u8> {
    [varint(key.len()).as_slice(), key.as_bytes(), text.as_bytes()].concat()
}

/// The same for AWS KMS.
pub fn aws_edek(key_id: &str, blob: &[u8]) -> Vec<u8> {
    [&[0], varint(key_id.len()).as_slice(), key_id.as_bytes(), blob].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
