//! Envelopes, data keys and key providers. No Kafka types.
//!
//! `FORMAT.md` beside this crate is the specification of everything that this crate writes. A data key comes from a
//! [`KeyProvider`] through [`Keys`]; a sealer derives a message key from it and writes an envelope header; a reader
//! parses the header, asks [`Keys`] for the data key and opens what was sealed.
#![warn(clippy::indexing_slicing)]

mod aad;
mod context;
mod dek;
mod digest;
mod envelope;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod keys;
mod legacy;
mod local;
mod message_key;
mod name;
mod open;
#[cfg(test)]
mod properties;
mod provider;
mod pseudonyms;
mod seal;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod vectors;

pub use self::context::KmsContext;
pub use self::dek::{Dek, RandomError, WrappedKey};
pub use self::digest::{hex, sha256};
pub use self::envelope::{
    BatchFacts, EnvelopeError, EnvelopeHeader, Format, HEADER_NAME, MARKER, MAX_WRAPPED_LEN, NonceMode,
    is_envelope,
};
pub use self::keys::{DataKey, KeyLimits, KeyStats, Keys, data_key_id};
pub use self::legacy::{
    AwsEdek, EdekError, InMemoryEdek, KROXYLICIOUS_HEADER_NAME, KroxyliciousV2, LegacyError, LegacyKey,
    LegacyProvider, LegacySource, TopicEncryptionV1, VaultEdek,
};
pub use self::local::{FileProblem, LocalKeys, LocalStatus};
pub use self::message_key::TAG_LEN;
pub use self::name::{ClusterName, KeyName, NameError, ProviderName};
pub use self::open::{OpenError, OpenedHeaders, OpenedRecord, RecordOpener, StoredRecord, open_batch};
pub use self::provider::{KeyProvider, ProviderError};
pub use self::pseudonyms::Pseudonyms;
pub use self::seal::{
    BatchContext, BatchSealer, HeadersSealer, PlainRecord, RecordHeader, RecordsSealer, SealError,
    SealedParts,
};
