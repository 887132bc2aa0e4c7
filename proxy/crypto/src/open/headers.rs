//! Opens records whose headers are sealed with their value, and perhaps their key.

use super::{OpenError, RecordOpener};
use crate::aad;
use crate::dek::Dek;
use crate::envelope::{EnvelopeHeader, Format};
use crate::message_key::TAG_LEN;
use crate::pseudonyms::GROWTH;
use crate::seal::RecordHeader;

/// A record as it is stored.
#[derive(Clone)]
pub struct StoredRecord<'a, H> {
    /// The name of its topic.
    pub topic: &'a str,
    /// Its key, or what stands in its place.
    pub key: Option<&'a [u8]>,
    /// Its own timestamp in milliseconds, `None` where the broker's time has replaced it.
    pub timestamp: Option<i64>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// Its headers in order, without that of the envelope.
    pub headers: H,
}

/// What was sealed.
#[derive(Clone)]
pub struct OpenedRecord<'a> {
    /// The record's key where a pseudonym is stored in its place. It begins at [`Self::KEY_AT`] of the plaintext.
    pub key: Option<&'a [u8]>,
    /// The record's value.
    pub value: Option<&'a [u8]>,
    /// The values of its sealed headers.
    pub headers: OpenedHeaders<'a>,
}

impl OpenedRecord<'_> {
    /// Where a key begins: behind its length.
    pub const KEY_AT: usize = 4;
}

/// Values of headers with their indices, which ascend. Each is in place of what is stored.
#[derive(Clone)]
pub struct OpenedHeaders<'a> {
    rest: &'a [u8],
    left: u32,
}

impl RecordOpener {
    /// Opens a record. The plaintext is put into `out`, in place of what it held.
    pub fn open_with_headers<'a, 'o, H: Iterator<Item = RecordHeader<'a>> + Clone>(
        &mut self,
        dek: &Dek,
        envelope: &EnvelopeHeader<'_>,
        record: &StoredRecord<'a, H>,
        out: &'o mut Vec<u8>,
    ) -> Result<OpenedRecord<'o>, OpenError> {
        out.clear();
        let has_key = match envelope.format() {
            Format::Headers => false,
            Format::Pseudonyms => true,
            Format::Batch | Format::Record | Format::Marker => return Err(OpenError::Format),
        };
        let sealed = match (envelope.carried(), record.value) {
            (Some(carried), None) => carried,
            (None, Some(value)) => value,
            (Some(_), Some(_)) | (None, None) => return Err(OpenError::Place),
        };
        if sealed.len() < TAG_LEN {
            return Err(OpenError::Truncated);
        }
        aad::record_with_headers(
            &mut self.associated,
            envelope.bytes(),
            envelope.nonce_range(),
            (record.topic, record.key),
            record.headers.clone(),
        )?;
        self.open_associated(dek, envelope, record.timestamp, sealed, out)?;
        let count = record.headers.clone().count();
        let (key, rest) = if has_key { nullable(out).ok_or(OpenError::Key)? } else { (None, &**out) };
        if has_key && record.key.map(<[u8]>::len) != key.map(|key| key.len().saturating_add(GROWTH)) {
            return Err(OpenError::Key);
        }
        let opened = parse(rest, count, record.value.is_some()).ok_or(OpenError::Headers)?;
        Ok(OpenedRecord { key, ..opened })
    }
}

/// Splits off a field that may be null: a length, −1 for null, then the bytes.
pub(crate) fn nullable(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    match i32::from_be_bytes(*length) {
        -1 => Some((None, rest)),
        length => {
            let (field, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((Some(field), rest))
        }
    }
}

/// Parses what was sealed with a record of `count` headers, without its key.
pub(crate) fn parse(plaintext: &[u8], count: usize, has_value: bool) -> Option<OpenedRecord<'_>> {
    let (left, rest) = plaintext.split_first_chunk()?;
    let headers = OpenedHeaders { rest, left: u32::from_be_bytes(*left) };
    let mut walk = headers.clone();
    let mut next = 0;
    while walk.left > 0 {
        let (index, _) = walk.next()?;
        let index = usize::try_from(index).ok()?;
        if index < next || index >= count {
            return None;
        }
        next = index.checked_add(1)?;
    }
    let value = has_value.then_some(walk.rest);
    (has_value || walk.rest.is_empty()).then_some(OpenedRecord { key: None, value, headers })
}

impl<'a> Iterator for OpenedHeaders<'a> {
    type Item = (u32, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (index, rest) = self.rest.split_first_chunk()?;
        let (value, rest) = nullable(rest)?;
        self.rest = rest;
        Some((u32::from_be_bytes(*index), value))
    }
}
