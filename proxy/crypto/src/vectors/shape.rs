//! The layout of the file of test vectors. All bytes are hexadecimal.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct Vectors {
    pub(super) description: String,
    pub(super) wraps: Vec<Wrap>,
    pub(super) batches: Vec<Batch>,
    pub(super) records: Vec<Record>,
}

/// A data key that the provider `local` wrapped.
#[derive(Serialize, Deserialize, Clone)]
pub(super) struct Wrap {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    pub(super) cluster: String,
    pub(super) provider: String,
    pub(super) key: String,
    pub(super) kek: String,
    pub(super) wrapped: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<WrapExpected>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(super) struct WrapExpected {
    pub(super) version: u32,
    pub(super) context: String,
    pub(super) dek: String,
}

/// The envelope record of a batch.
#[derive(Serialize, Deserialize, Clone)]
pub(super) struct Batch {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    pub(super) dek: String,
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
    pub(super) base_sequence: i32,
    pub(super) last_offset_delta: i32,
    pub(super) header: String,
    pub(super) sealed: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<BatchExpected>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(super) struct BatchExpected {
    pub(super) header: HeaderExpected,
    pub(super) attributes: i16,
    pub(super) record_count: i32,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) record_key: String,
    pub(super) aad: String,
    pub(super) plaintext: String,
}

/// A record of record format. `timestamp` is absent where the broker's time replaced it.
#[expect(clippy::struct_field_names, reason = "the key of a record, not of encryption")]
#[derive(Serialize, Deserialize, Clone)]
pub(super) struct Record {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    pub(super) dek: String,
    pub(super) topic: String,
    pub(super) record_key: Option<String>,
    pub(super) timestamp: Option<i64>,
    pub(super) header: String,
    pub(super) sealed: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<RecordExpected>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(super) struct RecordExpected {
    pub(super) header: HeaderExpected,
    pub(super) timestamp: i64,
    pub(super) aad: String,
    pub(super) plaintext: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct HeadersVectors {
    pub(super) description: String,
    pub(super) records: Vec<Headed>,
}

/// A record with sealed headers. `header` is the value of the envelope's record header, with what stands behind the
/// envelope header; `headers` are those behind it.
#[derive(Serialize, Deserialize, Clone)]
pub(super) struct Headed<E = HeadedExpected> {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    pub(super) dek: String,
    pub(super) topic: String,
    pub(super) record_key: Option<String>,
    pub(super) timestamp: Option<i64>,
    pub(super) header: String,
    pub(super) headers: Vec<(String, Option<String>)>,
    pub(super) value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<E>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(super) struct HeadedExpected {
    pub(super) header: HeaderExpected,
    pub(super) timestamp: i64,
    pub(super) place: u8,
    pub(super) aad: String,
    pub(super) plaintext: String,
    pub(super) headers: Vec<(String, Option<String>)>,
    pub(super) value: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PseudonymsVectors {
    pub(super) description: String,
    pub(super) pseudonyms: Vec<Pseudonym>,
    pub(super) records: Vec<Headed<KeyedExpected>>,
}

/// What stands in the place of a record key. `siv_key` is derived from `pseudonym_key`.
#[expect(clippy::struct_field_names, reason = "the key of a record, not of encryption")]
#[derive(Serialize, Deserialize, Clone)]
pub(super) struct Pseudonym {
    pub(super) name: String,
    pub(super) pseudonym_key: String,
    pub(super) cluster: String,
    pub(super) topic: String,
    pub(super) siv_key: String,
    pub(super) record_key: String,
    pub(super) pseudonym: String,
}

#[derive(Serialize, Deserialize, Clone)]
pub(super) struct KeyedExpected {
    pub(super) record_key: Option<String>,
    #[serde(flatten)]
    pub(super) rest: HeadedExpected,
}

/// What a header says and what is derived from it.
#[derive(Serialize, Deserialize, Clone)]
pub(super) struct HeaderExpected {
    pub(super) nonce_mode: u8,
    pub(super) provider: String,
    pub(super) key: String,
    pub(super) wrapped: String,
    pub(super) salt: String,
    pub(super) commitment: String,
    pub(super) nonce: String,
    pub(super) message_key: String,
}
