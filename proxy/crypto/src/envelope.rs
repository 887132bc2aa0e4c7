//! The envelope header: the value of the record header `encryption.strimzi.io`.

mod cursor;
mod header;
mod template;

pub use self::header::{EnvelopeError, EnvelopeHeader};
pub(crate) use self::template::Template;

/// The name of the record header that holds an envelope header.
pub const HEADER_NAME: &str = "encryption.strimzi.io";
/// The header value that marks a record with neither key nor value in record format, so that it is no orphan stub.
pub const MARKER: [u8; 2] = [VERSION, 3];
/// The longest wrapped data key.
pub const MAX_WRAPPED_LEN: usize = 4096;

pub(crate) const VERSION: u8 = 1;
/// AES-256-GCM with HKDF-SHA-256 and a commitment of 16 bytes.
pub(crate) const ALGORITHM: u8 = 1;

/// What an envelope header stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A whole batch is sealed once.
    Batch,
    /// The value of one record is sealed.
    Record,
    /// Nothing is sealed: a record with neither key nor value, in record format. See [`MARKER`].
    Marker,
    /// The value of one record and values of its headers are sealed together.
    Headers,
    /// The same with the record's key, in whose place a pseudonym is stored.
    Pseudonyms,
}

/// Where the ciphertext of [`Format::Headers`] and [`Format::Pseudonyms`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the record's value.
    Value,
    /// Behind the envelope header: the record's value is null, and must stay so for compaction.
    Header,
}

/// Where the nonces of a message key come from. A reader treats both alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NonceMode {
    /// A counter that starts at zero in each message key.
    #[default]
    Counter,
    /// Random, made inside the cryptographic module, as FIPS 140-3 asks. Read here, not written.
    Module,
}

/// Fields of the producer's batch header that brokers may rewrite, as the producer sent them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchFacts {
    /// Attributes of the batch, the codec among them.
    pub attributes: i16,
    /// Records in the batch.
    pub record_count: i32,
    /// The timestamp of the first record.
    pub base_timestamp: i64,
    /// The highest timestamp.
    pub max_timestamp: i64,
}

impl Format {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Batch => 1,
            Self::Record => 2,
            Self::Marker => 3,
            Self::Headers => 5,
            Self::Pseudonyms => 6,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Batch),
            2 => Some(Self::Record),
            3 => Some(Self::Marker),
            5 => Some(Self::Headers),
            6 => Some(Self::Pseudonyms),
            _ => None,
        }
    }
}

impl Place {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Value => 1,
            Self::Header => 2,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Value),
            2 => Some(Self::Header),
            _ => None,
        }
    }
}

impl NonceMode {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Counter => 1,
            Self::Module => 2,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Counter),
            2 => Some(Self::Module),
            _ => None,
        }
    }
}

/// Peeks at a value of the header [`HEADER_NAME`].
///
/// `None` means that this version cannot tell, not that the record is clear: whatever carries a header of that name is
/// an envelope or an error, which [`EnvelopeHeader::parse`] describes.
pub fn is_envelope(header_value: &[u8]) -> Option<Format> {
    match header_value {
        [VERSION, format, rest @ ..] => {
            // A marker is complete, everything else goes on.
            Format::from_byte(*format).filter(|format| (*format == Format::Marker) == rest.is_empty())
        }
        _ => None,
    }
}
