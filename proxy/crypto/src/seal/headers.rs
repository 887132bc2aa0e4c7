//! Record format with sealed headers: the value of a record and values of its headers are sealed as one message, so that
//! nobody puts parts of two records together. With pseudonyms, the record's key is part of it too.

use std::fmt;

use super::{Budget, Message, RecordHeader, SealError};
use crate::aad::{self, nullable};
use crate::envelope::{Format, Place};
use crate::keys::DataKey;
use crate::pseudonyms::{Pseudonymiser, Pseudonyms};

/// Seals the records of one batch.
pub struct HeadersSealer {
    message: Message,
    left: Budget,
    associated: Vec<u8>,
    plaintext: Vec<u8>,
    pseudonymiser: Option<Pseudonymiser>,
}

/// A record as its producer sent it.
#[derive(Clone)]
pub struct PlainRecord<'a, H> {
    /// The name of its topic.
    pub topic: &'a str,
    /// Its key, which stays as it is where there are no pseudonyms.
    pub key: Option<&'a [u8]>,
    /// Its own timestamp in milliseconds.
    pub timestamp: i64,
    /// Its value. Null stays null.
    pub value: Option<&'a [u8]>,
    /// Its headers in order, each with whether its value is sealed.
    pub headers: H,
}

/// Where the parts of a sealed record go: they are appended.
#[derive(Debug)]
pub struct SealedParts<'a> {
    /// The value of the envelope's record header.
    pub header: &'a mut Vec<u8>,
    /// The record's value, where it has one.
    pub value: &'a mut Vec<u8>,
    /// The pseudonym of the record's key, where it has one and the sealer makes pseudonyms.
    pub pseudonym: &'a mut Vec<u8>,
}

impl HeadersSealer {
    /// Bytes that a sealed record has beside its value and the values of its sealed headers.
    pub const RECORD_BYTES: u64 = 4;
    /// The same for each sealed header.
    pub const HEADER_BYTES: u64 = 8;
    /// With pseudonyms, the same for each record, beside its key.
    pub const KEY_BYTES: u64 = 4;

    /// Makes a message key for up to `messages` records, and charges the data key. `bytes` is for values, values of
    /// sealed headers, [`Self::RECORD_BYTES`] and [`Self::HEADER_BYTES`]; with pseudonyms also for keys and
    /// [`Self::KEY_BYTES`].
    pub fn new(
        key: &DataKey,
        pseudonyms: Option<&Pseudonyms>,
        messages: u64,
        bytes: u64,
    ) -> Result<Self, SealError> {
        let message = Message::new(key, format(pseudonyms), messages, bytes)?;
        Ok(Self::of(message, pseudonyms, Budget { messages, bytes }))
    }

    fn of(message: Message, pseudonyms: Option<&Pseudonyms>, left: Budget) -> Self {
        let pseudonymiser = pseudonyms.map(Pseudonyms::start);
        Self { message, left, associated: Vec::new(), plaintext: Vec::new(), pseudonymiser }
    }

    /// Seals a record. Sealed headers are to be stored with empty values, and its key as its pseudonym where there is one.
    ///
    /// After an error all parts hold what they held before.
    pub fn seal<'a, H: Iterator<Item = (RecordHeader<'a>, bool)> + Clone>(
        &mut self,
        record: &PlainRecord<'a, H>,
        out: &mut SealedParts<'_>,
    ) -> Result<(), SealError> {
        let lengths = [out.header.len(), out.value.len(), out.pseudonym.len()];
        let sealed = self.append(record, out);
        if sealed.is_err() {
            for (part, length) in [&mut *out.header, out.value, out.pseudonym].into_iter().zip(lengths) {
                part.truncate(length);
            }
        }
        sealed
    }

    fn append<'a, H: Iterator<Item = (RecordHeader<'a>, bool)> + Clone>(
        &mut self,
        record: &PlainRecord<'a, H>,
        out: &mut SealedParts<'_>,
    ) -> Result<(), SealError> {
        self.plaintext.clear();
        let pseudonym_start = out.pseudonym.len();
        if let Some(pseudonymiser) = &mut self.pseudonymiser {
            nullable(&mut self.plaintext, record.key).map_err(|_| SealError::TooLong)?;
            if let Some(key) = record.key {
                pseudonymiser.write(key, out.pseudonym).map_err(|_| SealError::Encrypt)?;
            }
        }
        write_plaintext(&mut self.plaintext, record)?;
        self.left.take(self.plaintext.len())?;
        let stored_key = match &self.pseudonymiser {
            None => record.key,
            Some(_) => record.key.and_then(|_| out.pseudonym.get(pseudonym_start..)),
        };

        let place = if record.value.is_some() { Place::Value } else { Place::Header };
        let header_start = out.header.len();
        self.message.template.write_headers(record.timestamp, place, out.header);
        let header = out.header.get_mut(header_start..).ok_or(SealError::Header)?;
        let nonce_at = self.message.template.nonce();
        let stored = record.headers.clone().map(|((name, value), sealed)| {
            let placeholder: Option<&[u8]> = Some(&[]);
            (name, if sealed { placeholder } else { value })
        });
        aad::record_with_headers(&mut self.associated, header, &nonce_at, (record.topic, stored_key), stored)
            .map_err(|_| SealError::TooLong)?;

        let (nonce, tag) = self
            .message
            .sealing
            .seal(&self.associated, &mut self.plaintext)
            .map_err(|_| SealError::Encrypt)?;
        header.get_mut(nonce_at).ok_or(SealError::Header)?.copy_from_slice(&nonce);
        let out = if place == Place::Value { &mut *out.value } else { &mut *out.header };
        out.extend_from_slice(&self.plaintext);
        out.extend_from_slice(&tag);
        Ok(())
    }
}

fn format(pseudonyms: Option<&Pseudonyms>) -> Format {
    if pseudonyms.is_some() { Format::Pseudonyms } else { Format::Headers }
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
    pub(crate) fn with_salt(key: &DataKey, pseudonyms: Option<&Pseudonyms>, salt: [u8; 32]) -> Self {
        let message = Message::with_salt(key, format(pseudonyms), salt).unwrap();
        Self::of(message, pseudonyms, Budget { messages: u64::MAX, bytes: u64::MAX })
    }
}
