//! Opens records whose headers are sealed with their value.

use super::{OpenError, RecordOpener};
use crate::aad;
use crate::dek::Dek;
use crate::envelope::{EnvelopeHeader, Format};
use crate::message_key::TAG_LEN;
use crate::seal::RecordHeader;

/// A record as it is stored.
#[derive(Clone)]
pub struct StoredRecord<'a, H> {
    /// The name of its topic.
    pub topic: &'a str,
    /// Its key.
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
    /// The record's value.
    pub value: Option<&'a [u8]>,
    /// The values of its sealed headers.
    pub headers: OpenedHeaders<'a>,
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
        if envelope.format() != Format::Headers {
            return Err(OpenError::Format);
        }
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
        parse(out, count, record.value.is_some()).ok_or(OpenError::Headers)
    }
}

/// Parses what was sealed with a record of `count` headers.
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
    (has_value || walk.rest.is_empty()).then_some(OpenedRecord { value, headers })
}

impl<'a> Iterator for OpenedHeaders<'a> {
    type Item = (u32, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (index, rest) = self.rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (value, rest) = match i32::from_be_bytes(*length) {
            -1 => (None, rest),
            length => {
                let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                (Some(value), rest)
            }
        };
        self.rest = rest;
        Some((u32::from_be_bytes(*index), value))
    }
}
