//! How an envelope is told from a client's record: the name and the first two bytes of its header.

use crate::record::{Record, RecordError};

/// The name of the header that carries an envelope's parameters, always in first place.
pub const ENVELOPE_HEADER_NAME: &str = "encryption.strimzi.io";

/// The value of the header of a record with neither key nor value: version 1, format 3.
///
/// Without it such a record could not be told from a stub that lost its envelope.
pub(crate) const MARKER: &[u8] = &[1, 3];

/// What the first header of a record says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// Nothing about encryption.
    Clear,
    /// A whole batch is in this record's value.
    Batch(&'a [u8]),
    /// This record's value is encrypted.
    Value(&'a [u8]),
    /// This record's value is encrypted together with values of its headers, and perhaps with its key.
    Headers(&'a [u8]),
    /// Nothing to encrypt here, but written by a proxy.
    Marker,
    /// Our name with a value that this version does not know.
    Unknown,
}

/// Shorter values in a later place are a client's own header of that name.
const MIN_DISPLACED: usize = 64;

/// What the first header says decides: a client's own header of our name may stand behind it. But a record without our
/// header in first place and with what looks like it further on had its headers moved: its value may be ciphertext.
#[inline]
pub fn kind<'a>(record: &Record<'a>) -> Result<Kind<'a>, RecordError> {
    let Some((name, value)) = record.headers.first()? else {
        return Ok(Kind::Clear);
    };
    if name != ENVELOPE_HEADER_NAME.as_bytes() {
        return Ok(if is_displaced(record)? { Kind::Unknown } else { Kind::Clear });
    }
    Ok(match value {
        Some(header @ [_, 1, ..]) => Kind::Batch(header),
        Some(header @ [_, 2, ..]) => Kind::Value(header),
        Some(header @ [_, 5 | 6, ..]) => Kind::Headers(header),
        Some(MARKER) => Kind::Marker,
        _ => Kind::Unknown,
    })
}

fn is_displaced(record: &Record<'_>) -> Result<bool, RecordError> {
    for header in &record.headers {
        let (name, value) = header?;
        let looks_like_ours = value
            .is_some_and(|value| value.len() >= MIN_DISPLACED && matches!(value, [1, 1 | 2 | 5 | 6, ..]));
        if name == ENVELOPE_HEADER_NAME.as_bytes() && looks_like_ours {
            return Ok(true);
        }
    }
    Ok(false)
}
