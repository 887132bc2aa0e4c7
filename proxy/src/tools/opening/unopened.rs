//! Why records do not open.

use proxy_crypto::{EnvelopeError, KeyName, OpenError, ProviderError};
use std::str::FromStr;
use thiserror::Error;

/// A key that somebody says is destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostKey {
    pub(crate) provider: String,
    pub(crate) key: String,
}

impl FromStr for LostKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once('/') {
            Some((provider, key)) if !provider.is_empty() && !key.is_empty() => {
                Ok(Self { provider: provider.to_owned(), key: key.to_owned() })
            }
            _ => Err("must be PROVIDER/KEY"),
        }
    }
}

/// Records that could not be opened.
#[derive(Debug, Error)]
#[error("{records} records at offsets {first} to {last} do not open")]
pub(crate) struct Unopened {
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) records: u64,
    #[source]
    pub(crate) cause: Cause,
}

#[derive(Debug, Clone, Error)]
pub(crate) enum Cause {
    #[error("there is no data key")]
    Key(#[source] ProviderError),
    #[error("the file of --config has no such key provider")]
    Provider(#[source] ProviderError),
    #[error("under envelopeKeys: Known the policy does not know key '{key}' of provider '{provider}'")]
    UnknownKey { provider: String, key: String },
    #[error("the envelope cannot be read")]
    Envelope(#[source] EnvelopeError),
    #[error("what is stored is not what was sealed")]
    Open(#[source] OpenError),
    #[error("what another program encrypted does not open")]
    Legacy(#[source] crate::legacy::Unopened),
    #[error("the rule's legacy keys lack '{0}', which the record names")]
    LegacyKey(KeyName),
    #[error("an envelope where none belongs")]
    Misplaced,
    #[error("an envelope of an unknown format, perhaps of a later version of this program")]
    Unknown,
    #[error("a stub without the envelope that it belongs to")]
    Stub,
    #[error("the batch has a wrong checksum")]
    Checksum,
    #[error("the batch is malformed")]
    Malformed,
    #[error("the log cannot be read any further")]
    Unreadable,
}

impl Cause {
    /// It says nothing about the records: the same command may open them later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Key(ProviderError::Unavailable { .. }) | Self::Provider(_))
    }

    /// The records are lost: nobody can open them, now or later, with any configuration. Of keys that holds only for those
    /// that are given as lost: a provider refuses in the same words for want of rights, for a wrong address and for good.
    pub(crate) fn is_lost(&self, lost_keys: &[LostKey]) -> bool {
        match self {
            Self::Key(
                ProviderError::Refused { provider, key, .. } | ProviderError::Corrupt { provider, key, .. },
            ) => lost_keys.iter().any(|lost| lost.provider == provider.as_str() && lost.key == key.as_str()),
            Self::Key(ProviderError::Unavailable { .. })
            | Self::Provider(_)
            | Self::UnknownKey { .. }
            // The rule may name another key.
            | Self::Legacy(_)
            | Self::LegacyKey(_)
            | Self::Unknown
            | Self::Unreadable
            | Self::Envelope(
                EnvelopeError::UnknownVersion(_)
                | EnvelopeError::UnknownFormat(_)
                | EnvelopeError::UnknownAlgorithm(_)
                | EnvelopeError::UnknownNonceMode(_)
                | EnvelopeError::UnknownPlace(_),
            ) => false,
            Self::Envelope(_)
            | Self::Open(_)
            | Self::Misplaced
            | Self::Stub
            | Self::Checksum
            | Self::Malformed => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_crypto::{ClusterName, KeyName, KmsContext, ProviderName};

    #[test]
    fn only_what_nobody_can_ever_open_is_lost() {
        let context = KmsContext {
            cluster: ClusterName::new("c").unwrap(),
            provider: ProviderName::new("p").unwrap(),
            key: KeyName::new("a/k").unwrap(),
        };
        let refused = || ProviderError::refused(&context, "403");
        let destroyed: [LostKey; 1] = ["p/a/k".parse().unwrap()];
        let other: [LostKey; 1] = ["p/other".parse().unwrap()];
        assert!(Cause::Key(refused()).is_lost(&destroyed));
        assert!(!Cause::Key(refused()).is_lost(&other));
        assert!(!Cause::Key(refused()).is_lost(&[]));
        assert!(!Cause::Key(ProviderError::unavailable(&context, "down")).is_lost(&destroyed));
        assert!(!Cause::Provider(refused()).is_lost(&destroyed), "it is not configured");
        assert!(!Cause::Unknown.is_lost(&[]) && !Cause::Unreadable.is_lost(&[]));
        for newer in [EnvelopeError::UnknownVersion(9), EnvelopeError::UnknownPlace(9)] {
            assert!(!Cause::Envelope(newer).is_lost(&[]), "a later version may open it");
        }
        assert!(Cause::Checksum.is_lost(&[]) && Cause::Stub.is_lost(&[]));
        for wrong in ["p", "/k", "p/"] {
            wrong.parse::<LostKey>().unwrap_err();
        }
    }
}
