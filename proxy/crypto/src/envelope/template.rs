//! Writes envelope headers.

use std::ops::Range;

use super::{ALGORITHM, BatchFacts, Format, MAX_WRAPPED_LEN, NonceMode, Place, VERSION};
use crate::message_key::{COMMITMENT_LEN, NONCE_LEN, SALT_LEN};
use crate::name::{KeyName, ProviderName};

/// Bytes after the nonce, in batch format: attributes, count, base timestamp, maximum timestamp.
const BATCH_TAIL: usize = 2 + 4 + 8 + 8;
/// Bytes after the nonce, in record format: the timestamp.
const RECORD_TAIL: usize = 8;
/// The same with sealed headers: the timestamp, the place of the ciphertext.
const HEADERS_TAIL: usize = RECORD_TAIL + 1;
const FIXED: usize = 4 + 1 + 1 + 2 + SALT_LEN + COMMITMENT_LEN + NONCE_LEN;

/// The part of a header that is equal in all messages of a message key, up to the nonce.
pub(crate) struct Template {
    bytes: Vec<u8>,
    tail: usize,
}

/// The data key does not fit into a header.
#[derive(Debug)]
pub(crate) struct BadKey;

impl Template {
    pub(crate) fn new(
        format: Format,
        (provider, key, wrapped): (&ProviderName, &KeyName, &[u8]),
        salt: &[u8; SALT_LEN],
        commitment: &[u8; COMMITMENT_LEN],
    ) -> Result<Self, BadKey> {
        if wrapped.is_empty() || wrapped.len() > MAX_WRAPPED_LEN {
            return Err(BadKey);
        }
        let tail = match format {
            Format::Batch => BATCH_TAIL,
            Format::Record | Format::Marker => RECORD_TAIL,
            Format::Headers | Format::Pseudonyms => HEADERS_TAIL,
        };
        let length = FIXED + provider.as_str().len() + key.as_str().len() + wrapped.len() + tail;
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&[VERSION, format.byte(), ALGORITHM, NonceMode::Counter.byte()]);
        for name in [provider.as_str(), key.as_str()] {
            bytes.push(u8::try_from(name.len()).map_err(|_| BadKey)?);
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes.extend_from_slice(&u16::try_from(wrapped.len()).map_err(|_| BadKey)?.to_be_bytes());
        bytes.extend_from_slice(wrapped);
        bytes.extend_from_slice(salt);
        bytes.extend_from_slice(commitment);
        Ok(Self { bytes, tail })
    }

    /// Bytes of a complete header.
    pub(crate) fn header_len(&self) -> usize {
        self.bytes.len() + NONCE_LEN + self.tail
    }

    /// Whether the bytes begin as a header of this template does.
    pub(crate) fn is_of(&self, header: &[u8]) -> bool {
        header.len() == self.header_len() && header.starts_with(&self.bytes)
    }

    /// Where the nonce stands in a complete header.
    pub(crate) fn nonce(&self) -> Range<usize> {
        self.bytes.len()..self.bytes.len() + NONCE_LEN
    }

    /// Appends a batch's header, the nonce still zero.
    pub(crate) fn write_batch(&self, facts: &BatchFacts, out: &mut Vec<u8>) {
        self.write_front(out);
        out.extend_from_slice(&facts.attributes.to_be_bytes());
        out.extend_from_slice(&facts.record_count.to_be_bytes());
        out.extend_from_slice(&facts.base_timestamp.to_be_bytes());
        out.extend_from_slice(&facts.max_timestamp.to_be_bytes());
    }

    /// Appends a record's header, the nonce still zero.
    pub(crate) fn write_record(&self, timestamp: i64, out: &mut Vec<u8>) {
        self.write_front(out);
        out.extend_from_slice(&timestamp.to_be_bytes());
    }

    /// Appends the header of a record with sealed headers, the nonce still zero.
    pub(crate) fn write_headers(&self, timestamp: i64, place: Place, out: &mut Vec<u8>) {
        self.write_record(timestamp, out);
        out.push(place.byte());
    }

    fn write_front(&self, out: &mut Vec<u8>) {
        out.reserve(self.header_len());
        out.extend_from_slice(&self.bytes);
        out.extend_from_slice(&[0; NONCE_LEN]);
    }
}
