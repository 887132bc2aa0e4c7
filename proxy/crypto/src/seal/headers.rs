//! Record format with sealed headers: the value of a record and values of its headers are sealed as one message, so that
//! nobody puts parts of two records together.

use std::fmt;

use super::{Budget, Message, RecordHeader, SealError};
use crate::aad::{self, nullable};
use crate::envelope::{Format, Place};
use crate::keys::DataKey;

/// Seals the records of one batch.
pub struct HeadersSealer {
    message: Message,
    left: Budget,
    associated: Vec<u8>,
    plaintext: Vec<u8>,
}

/// A record as its producer sent it.
#[derive(Clone)]
pub struct PlainRecord<'a, H> {
    /// The name of its topic.
    pub topic: &'a str,
    /// Its key, which stays as it is.
    pub key: Option<&'a [u8]>,
    /// Its own timestamp in milliseconds.
    pub timestamp: i64,
    /// Its value. Null stays null.
    pub value: Option<&'a [u8]>,
    /// Its headers in order, each with whether its value is sealed.
    pub headers: H,
}

impl HeadersSealer {
    /// Bytes that a sealed record has beside its value and the values of its sealed headers.
    pub const RECORD_BYTES: u64 = 4;
    /// The same for each sealed header.
    pub const HEADER_BYTES: u64 = 8;

    /// Makes a message key for up to `messages` records, and charges the data key. `bytes` is for values, values of
    /// sealed headers, [`Self::RECORD_BYTES`] and [`Self::HEADER_BYTES`].
    pub fn new(key: &DataKey, messages: u64, bytes: u64) -> Result<Self, SealError> {
        let message = Message::new(key, Format::Headers, messages, bytes)?;
        Ok(Self::of(message, Budget { messages, bytes }))
    }

    fn of(message: Message, left: Budget) -> Self {
        Self { message, left, associated: Vec::new(), plaintext: Vec::new() }
    }

    /// Seals a record: appends the value of its envelope's record header to `header_out`, and its value to `sealed_out`
    /// where it has one. Sealed headers are to be stored with empty values.
    ///
    /// After an error both hold what they held before.
    pub fn seal<'a, H: Iterator<Item = (RecordHeader<'a>, bool)> + Clone>(
        &mut self,
        record: &PlainRecord<'a, H>,
        header_out: &mut Vec<u8>,
        sealed_out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let (header_start, sealed_start) = (header_out.len(), sealed_out.len());
        let sealed = self.append(record, header_out, sealed_out);
        if sealed.is_err() {
            header_out.truncate(header_start);
            sealed_out.truncate(sealed_start);
        }
        sealed
    }

    fn append<'a, H: Iterator<Item = (RecordHeader<'a>, bool)> + Clone>(
        &mut self,
        record: &PlainRecord<'a, H>,
        header_out: &mut Vec<u8>,
        sealed_out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        self.plaintext.clear();
        write_plaintext(&mut self.plaintext, record)?;
        self.left.take(self.plaintext.len())?;

        let place = if record.value.is_some() { Place::Value } else { Place::Header };
        let header_start = header_out.len();
        self.message.template.write_headers(record.timestamp, place, header_out);
        let header = header_out.get_mut(header_start..).ok_or(SealError::Header)?;
        let nonce_at = self.message.template.nonce();
        let stored = record.headers.clone().map(|((name, value), sealed)| {
            let placeholder: Option<&[u8]> = Some(&[]);
            (name, if sealed { placeholder } else { value })
        });
        aad::record_with_headers(&mut self.associated, header, &nonce_at, (record.topic, record.key), stored)
            .map_err(|_| SealError::TooLong)?;

        let (nonce, tag) = self
            .message
            .sealing
            .seal(&self.associated, &mut self.plaintext)
            .map_err(|_| SealError::Encrypt)?;
        header.get_mut(nonce_at).ok_or(SealError::Header)?.copy_from_slice(&nonce);
        let out = if place == Place::Value { sealed_out } else { header_out };
        out.extend_from_slice(&self.plaintext);
        out.extend_from_slice(&tag);
        Ok(())
    }
}

/// The sealed headers, each with its index, then the record's value to the end.
fn write_plaintext<'a, H: Iterator<Item = (RecordHeader<'a>, bool)> + Clone>(
    out: &mut Vec<u8>,
    record: &PlainRecord<'a, H>,
) -> Result<(), SealError> {
    let sealed = record.headers.clone().filter(|(_, sealed)| *sealed).count();
    out.extend_from_slice(&u32::try_from(sealed).map_err(|_| SealError::TooLong)?.to_be_bytes());
    for (index, ((_, value), sealed)) in record.headers.clone().enumerate() {
        if sealed {
            out.extend_from_slice(&u32::try_from(index).map_err(|_| SealError::TooLong)?.to_be_bytes());
            nullable(out, value).map_err(|_| SealError::TooLong)?;
        }
    }
    out.extend_from_slice(record.value.unwrap_or_default());
    Ok(())
}

impl fmt::Debug for HeadersSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadersSealer").finish_non_exhaustive()
    }
}

#[cfg(test)]
impl HeadersSealer {
    /// A sealer whose output is known beforehand.
    pub(crate) fn with_salt(key: &DataKey, salt: [u8; 32]) -> Self {
        let message = Message::with_salt(key, Format::Headers, salt).unwrap();
        Self::of(message, Budget { messages: u64::MAX, bytes: u64::MAX })
    }
}
