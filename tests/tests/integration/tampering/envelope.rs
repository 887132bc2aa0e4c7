//! Where the fields of an envelope header stand, by `proxy/crypto/FORMAT.md`, section 2.

use std::ops::Range;

/// The header's name.
pub(crate) const NAME: &str = "encryption.strimzi.io";

/// A field of the envelope header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Version,
    Format,
    Algorithm,
    NonceMode,
    Provider,
    Key,
    WrappedLength,
    /// Of the provider `local`: which version of the key wrapped the data key.
    WrappedVersion,
    /// Of the provider `local`: nonce, data key and tag.
    Wrapped,
    Salt,
    Commitment,
    Nonce,
    /// Batch format only.
    Attributes,
    /// Batch format only.
    Count,
    /// Batch format only.
    BaseTimestamp,
    /// Batch format only.
    MaxTimestamp,
    /// Record format only.
    Timestamp,
}

impl Part {
    /// Its place in this header.
    pub(crate) fn range(self, header: &[u8]) -> Range<usize> {
        let provider = 5..5 + usize::from(header[4]);
        let key = provider.end + 1..provider.end + 1 + usize::from(header[provider.end]);
        let length = key.end..key.end + 2;
        let wrapped = length.end
            ..length.end + usize::from(u16::from_be_bytes([header[length.start], header[length.start + 1]]));
        let salt = wrapped.end..wrapped.end + 32;
        let commitment = salt.end..salt.end + 16;
        let nonce = commitment.end..commitment.end + 12;
        let tail = nonce.end;
        match self {
            Self::Version => 0..1,
            Self::Format => 1..2,
            Self::Algorithm => 2..3,
            Self::NonceMode => 3..4,
            Self::Provider => provider,
            Self::Key => key,
            Self::WrappedLength => length,
            Self::WrappedVersion => wrapped.start..wrapped.start + 4,
            Self::Wrapped => wrapped.start + 4..wrapped.end,
            Self::Salt => salt,
            Self::Commitment => commitment,
            Self::Nonce => nonce,
            Self::Attributes => tail..tail + 2,
            Self::Count => tail + 2..tail + 6,
            Self::BaseTimestamp => tail + 6..tail + 14,
            Self::MaxTimestamp => tail + 14..tail + 22,
            Self::Timestamp => tail..tail + 8,
        }
    }
}
