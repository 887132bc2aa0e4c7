//! Parses envelope headers.

use std::fmt;
use std::ops::Range;

use super::cursor::Cursor;
use super::{ALGORITHM, BatchFacts, Format, MAX_WRAPPED_LEN, NonceMode, Place, VERSION};
use crate::message_key::{COMMITMENT_LEN, NONCE_LEN, SALT_LEN};

/// Why bytes are not an envelope header that this version reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The header ends too early.
    #[error("envelope header is truncated")]
    Truncated,
    /// Bytes are left over.
    #[error("envelope header has {0} bytes too many")]
    TrailingBytes(usize),
    /// A later version, or no envelope.
    #[error("envelope header has unknown version {0}")]
    UnknownVersion(u8),
    /// The format is not one of version 1.
    #[error("envelope header has unknown format {0}")]
    UnknownFormat(u8),
    /// The algorithm is not one of version 1.
    #[error("envelope header has unknown algorithm {0}")]
    UnknownAlgorithm(u8),
    /// The nonce mode is not one of version 1.
    #[error("envelope header has unknown nonce mode {0}")]
    UnknownNonceMode(u8),
    /// The place of the ciphertext is not one of version 1.
    #[error("envelope header has unknown place {0}")]
    UnknownPlace(u8),
    /// A provider or key name that is none.
    #[error("envelope header has an invalid provider or key name")]
    Name,
    /// The wrapped data key is empty or too long.
    #[error("envelope header has a wrapped data key of {0} bytes")]
    WrappedLength(u16),
    /// The header marks a null record; nothing is sealed.
    #[error("envelope header is a marker of a null record")]
    Marker,
}

/// A parsed envelope header; borrows everything.
#[derive(Clone)]
pub struct EnvelopeHeader<'a> {
    bytes: &'a [u8],
    format: Format,
    nonce_mode: NonceMode,
    provider: &'a str,
    key: &'a str,
    wrapped: &'a [u8],
    salt: &'a [u8; SALT_LEN],
    commitment: &'a [u8; COMMITMENT_LEN],
    nonce: &'a [u8; NONCE_LEN],
    nonce_range: Range<usize>,
    tail: Tail,
    carried: Option<&'a [u8]>,
}

#[derive(Clone)]
enum Tail {
    Batch(BatchFacts),
    Record { timestamp: i64 },
    Headers { timestamp: i64, place: Place },
}

impl<'a> EnvelopeHeader<'a> {
    /// Parses the value of a record header. Does not allocate, and holds no promise about authenticity.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        let mut cursor = Cursor::new(bytes);
        let version = cursor.u8()?;
        if version != VERSION {
            return Err(EnvelopeError::UnknownVersion(version));
        }
        let format = cursor.u8()?;
        let format = Format::from_byte(format).ok_or(EnvelopeError::UnknownFormat(format))?;
        if format == Format::Marker {
            return Err(if cursor.left() == 0 {
                EnvelopeError::Marker
            } else {
                EnvelopeError::TrailingBytes(cursor.left())
            });
        }
        let algorithm = cursor.u8()?;
        if algorithm != ALGORITHM {
            return Err(EnvelopeError::UnknownAlgorithm(algorithm));
        }
        let nonce_mode = cursor.u8()?;
        let nonce_mode =
            NonceMode::from_byte(nonce_mode).ok_or(EnvelopeError::UnknownNonceMode(nonce_mode))?;
        let provider = cursor.name()?;
        let key = cursor.name()?;
        let wrapped = wrapped(&mut cursor)?;
        let salt = cursor.array()?;
        let commitment = cursor.array()?;
        let nonce_at = bytes.len() - cursor.left();
        let nonce = cursor.array()?;
        let tail = match format {
            Format::Batch => Tail::Batch(facts(&mut cursor)?),
            Format::Record | Format::Marker => Tail::Record { timestamp: cursor.i64()? },
            Format::Headers | Format::Pseudonyms => {
                Tail::Headers { timestamp: cursor.i64()?, place: place(&mut cursor)? }
            }
        };
        let (bytes, behind) =
            bytes.split_at_checked(bytes.len() - cursor.left()).ok_or(EnvelopeError::Truncated)?;
        let carried = matches!(tail, Tail::Headers { place: Place::Header, .. }).then_some(behind);
        if carried.is_none() && !behind.is_empty() {
            return Err(EnvelopeError::TrailingBytes(behind.len()));
        }
        let nonce_range = nonce_at..nonce_at + NONCE_LEN;
        Ok(Self {
            bytes,
            format,
            nonce_mode,
            provider,
            key,
            wrapped,
            salt,
            commitment,
            nonce,
            nonce_range,
            tail,
            carried,
        })
    }

    /// What is sealed; never [`Format::Marker`].
    pub fn format(&self) -> Format {
        self.format
    }

    /// Where the nonce comes from.
    pub fn nonce_mode(&self) -> NonceMode {
        self.nonce_mode
    }

    /// The name of the provider that wrapped the data key.
    pub fn provider(&self) -> &'a str {
        self.provider
    }

    /// The name of the key that wrapped the data key.
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// The wrapped data key.
    pub fn wrapped(&self) -> &'a [u8] {
        self.wrapped
    }

    /// The salt of the message key. Its first 16 bytes are the key of a batch's envelope record.
    pub fn salt(&self) -> &'a [u8; SALT_LEN] {
        self.salt
    }

    /// What the producer's batch header said; only in batch format. Authentic once the batch was opened.
    pub fn batch_facts(&self) -> Option<BatchFacts> {
        match self.tail {
            Tail::Batch(facts) => Some(facts),
            Tail::Record { .. } | Tail::Headers { .. } => None,
        }
    }

    /// The producer's timestamp of the record; not in batch format. Authentic once the record was opened.
    pub fn record_timestamp(&self) -> Option<i64> {
        match self.tail {
            Tail::Batch(_) => None,
            Tail::Record { timestamp } | Tail::Headers { timestamp, .. } => Some(timestamp),
        }
    }

    /// The ciphertext where it stands behind the header and the record's value is null; only in [`Format::Headers`] and
    /// [`Format::Pseudonyms`].
    pub(crate) fn carried(&self) -> Option<&'a [u8]> {
        self.carried
    }

    pub(crate) fn commitment(&self) -> &'a [u8; COMMITMENT_LEN] {
        self.commitment
    }

    pub(crate) fn nonce(&self) -> &'a [u8; NONCE_LEN] {
        self.nonce
    }

    /// The header as it is stored, without a ciphertext behind it.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn nonce_range(&self) -> &Range<usize> {
        &self.nonce_range
    }
}

impl fmt::Debug for EnvelopeHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvelopeHeader")
            .field("format", &self.format())
            .field("provider", &self.provider)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

fn wrapped<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], EnvelopeError> {
    let length = cursor.u16()?;
    match usize::from(length) {
        size @ 1..=MAX_WRAPPED_LEN => cursor.bytes(size),
        _ => Err(EnvelopeError::WrappedLength(length)),
    }
}

fn facts(cursor: &mut Cursor<'_>) -> Result<BatchFacts, EnvelopeError> {
    Ok(BatchFacts {
        attributes: cursor.i16()?,
        record_count: cursor.i32()?,
        base_timestamp: cursor.i64()?,
        max_timestamp: cursor.i64()?,
    })
}

fn place(cursor: &mut Cursor<'_>) -> Result<Place, EnvelopeError> {
    let place = cursor.u8()?;
    Place::from_byte(place).ok_or(EnvelopeError::UnknownPlace(place))
}
