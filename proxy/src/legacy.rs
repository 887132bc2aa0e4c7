//! Records that other programs encrypted, where the rule of the topic says that it holds some: for proxies and for tools.

use proxy_config::{KeyRef, KroxyliciousKeys, Legacy};
use proxy_crypto::{
    KROXYLICIOUS_HEADER_NAME, KeyName, Keys, KroxyliciousV2, LegacyError, LegacyKey, LegacySource,
    ProviderError, TopicEncryptionV1,
};
use proxy_records::{ForeignValue, Record};
use std::sync::Arc;
use thiserror::Error;

/// A key that is needed or at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The key of the rule.
    Stored(KeyRef),
    /// The one that stands encrypted beside the ciphertext.
    Edek(KroxyliciousKeys, Box<[u8]>),
}

/// A key that this partition needed already. Not kept for the next one, whose rule may allow other keys.
pub(crate) struct KnownKey {
    pub(crate) wanted: Wanted,
    pub(crate) key: Arc<LegacyKey>,
}

/// Why there is no key.
#[derive(Debug, Clone, Error)]
pub(crate) enum NoKey {
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error("the rule's legacy keys lack '{0}', which the record names")]
    NotAllowed(KeyName),
}

/// Why a record that another program encrypted is not handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Unopened {
    #[error(transparent)]
    Record(#[from] LegacyError),
    #[error("the header {KROXYLICIOUS_HEADER_NAME} is not the first of its record")]
    Displaced,
}

/// What is left to do about a record.
pub(crate) enum Refusal {
    NeedKey(Wanted),
    Unopened(Unopened),
}

/// A record as far as its format tells without a key.
enum Found<'a> {
    Clear,
    TopicEncryption(&'a KeyRef, TopicEncryptionV1<'a>),
    Kroxylicious(&'a KroxyliciousKeys, KroxyliciousV2<'a>),
}

/// Whether a record is, or was, of one of these formats.
pub(crate) fn is_theirs(legacy: &Legacy, record: &Record<'_>) -> bool {
    // A tombstone holds nothing that could be ciphertext, whatever headers its writer gave it.
    if record.value.is_none() {
        return false;
    }
    let is_marked = || record.headers.iter().any(|header| header.is_ok_and(|(name, _)| is_marker(name)));
    legacy.topic_encryption_v1.is_some() && record.value.is_some_and(TopicEncryptionV1::begins)
        || legacy.kroxylicious_v2.is_some() && is_marked()
}

fn is_marker(name: &[u8]) -> bool {
    name == KROXYLICIOUS_HEADER_NAME.as_bytes()
}

fn find<'a>(legacy: &'a Legacy, record: &Record<'a>) -> Result<Found<'a>, Unopened> {
    if !is_theirs(legacy, record) {
        return Ok(Found::Clear);
    }
    if let Some(keys) = &legacy.kroxylicious_v2 {
        if let Ok(Some((name, marker))) = record.headers.first()
            && is_marker(name)
        {
            return Ok(Found::Kroxylicious(keys, KroxyliciousV2::parse(marker, record.value)?));
        }
        // Its value may be ciphertext, which nobody is to take for data.
        if record.headers.iter().any(|header| header.is_ok_and(|(name, _)| is_marker(name))) {
            return Err(Unopened::Displaced);
        }
    }
    match (&legacy.topic_encryption_v1, record.value) {
        (Some(key), Some(value)) => Ok(Found::TopicEncryption(key, TopicEncryptionV1::parse(value)?)),
        _ => Ok(Found::Clear),
    }
}

/// Opens the value of a record with the keys at hand and appends it to `out`.
pub(crate) fn open(
    legacy: &Legacy,
    keys: &[KnownKey],
    record: &Record<'_>,
    out: &mut Vec<u8>,
) -> Result<ForeignValue, Refusal> {
    match find(legacy, record).map_err(Refusal::Unopened)? {
        Found::Clear => Ok(ForeignValue::Clear),
        Found::TopicEncryption(name, value) => {
            let known = |wanted: &Wanted| matches!(wanted, Wanted::Stored(known) if known == name);
            let key = at_hand(keys, known).ok_or_else(|| Refusal::NeedKey(Wanted::Stored(name.clone())))?;
            value.open(key, out).map_err(|error| Refusal::Unopened(error.into()))?;
            Ok(ForeignValue::Opened)
        }
        Found::Kroxylicious(allowed, value) => {
            let known = |wanted: &Wanted| matches!(wanted, Wanted::Edek(_, edek) if **edek == *value.edek());
            let wanted = || Wanted::Edek(allowed.clone(), value.edek().into());
            let key = at_hand(keys, known).ok_or_else(|| Refusal::NeedKey(wanted()))?;
            value.open(key, out).map_err(|error| Refusal::Unopened(error.into()))?;
            Ok(ForeignValue::OpenedWithMarker)
        }
    }
}

fn at_hand(keys: &[KnownKey], is_sought: impl Fn(&Wanted) -> bool) -> Option<&LegacyKey> {
    // Most records have the key of the one before.
    keys.iter().rev().find(|known| is_sought(&known.wanted)).map(|known| &*known.key)
}

/// Asks for a key of a topic's records, if the rule allows it.
pub(crate) async fn key(keys: &Keys, wanted: &Wanted, topic: &str) -> Result<Arc<LegacyKey>, NoKey> {
    let (provider, source) = match wanted {
        Wanted::Stored(key) => (key.provider.as_str(), LegacySource::Stored(key.name.as_str())),
        Wanted::Edek(allowed, edek) => {
            let provider = allowed.provider.as_str();
            let named = keys.legacy_key_name(provider, edek)?;
            let is_allowed = || allowed.keys.iter().any(|other| other.as_str() == named.as_str());
            // By an ARN whoever writes to brokers could name a key of an account of their own.
            let is_open = allowed.keys.is_empty() && !named.as_str().starts_with("arn:");
            if !is_open && !is_allowed() {
                return Err(NoKey::NotAllowed(named));
            }
            (provider, LegacySource::Edek(edek))
        }
    };
    Ok(keys.legacy_key(provider, source, topic).await?)
}
