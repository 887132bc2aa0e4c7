//! Record format: each value is sealed by itself, with one message key for all values of a batch.

use std::fmt;

use super::{Budget, Message, SealError};
use crate::aad;
use crate::envelope::Format;
use crate::keys::DataKey;

/// Seals the values of one batch.
pub struct RecordsSealer {
    message: Message,
    left: Budget,
    associated: Vec<u8>,
}

impl RecordsSealer {
    /// Makes a message key for up to `messages` values of together up to `bytes` bytes, and charges the data key.
    pub fn new(key: &DataKey, messages: u64, bytes: u64) -> Result<Self, SealError> {
        let message = Message::new(key, Format::Record, messages, bytes)?;
        Ok(Self { message, left: Budget { messages, bytes }, associated: Vec::new() })
    }

    /// Bytes of every envelope header.
    pub fn header_len(&self) -> usize {
        self.message.template.header_len()
    }

    /// Seals a value: appends the envelope header to `header_out` and the ciphertext with its tag to `sealed_out`.
    ///
    /// `timestamp` is the record's own in milliseconds. After an error both hold what they held before.
    pub fn seal(
        &mut self,
        topic: &str,
        record_key: Option<&[u8]>,
        timestamp: i64,
        value: &[u8],
        header_out: &mut Vec<u8>,
        sealed_out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let (header_start, sealed_start) = (header_out.len(), sealed_out.len());
        let sealed = self.append(topic, record_key, timestamp, value, header_out, sealed_out);
        if sealed.is_err() {
            header_out.truncate(header_start);
            sealed_out.truncate(sealed_start);
        }
        sealed
    }

    fn append(
        &mut self,
        topic: &str,
        record_key: Option<&[u8]>,
        timestamp: i64,
        value: &[u8],
        header_out: &mut Vec<u8>,
        sealed_out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        self.left.take(value.len())?;
        let (header_start, sealed_start) = (header_out.len(), sealed_out.len());
        self.message.template.write_record(timestamp, header_out);
        let header = header_out.get_mut(header_start..).ok_or(SealError::Header)?;
        let nonce_at = self.message.template.nonce();
        aad::record(&mut self.associated, header, &nonce_at, topic, record_key)
            .map_err(|_| SealError::TooLong)?;

        sealed_out.extend_from_slice(value);
        let message = sealed_out.get_mut(sealed_start..).ok_or(SealError::Encrypt)?;
        let (nonce, tag) =
            self.message.sealing.seal(&self.associated, message).map_err(|_| SealError::Encrypt)?;
        header.get_mut(nonce_at).ok_or(SealError::Header)?.copy_from_slice(&nonce);
        sealed_out.extend_from_slice(&tag);
        Ok(())
    }
}

impl fmt::Debug for RecordsSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordsSealer").finish_non_exhaustive()
    }
}

#[cfg(test)]
impl RecordsSealer {
    /// A sealer whose output is known beforehand.
    pub(crate) fn with_salt(key: &DataKey, salt: [u8; 32]) -> Self {
        let message = Message::with_salt(key, Format::Record, salt).unwrap();
        Self { message, left: Budget { messages: u64::MAX, bytes: u64::MAX }, associated: Vec::new() }
    }
}
