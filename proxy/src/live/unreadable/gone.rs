//! Keys that are gone, by what their providers say, and since when.

use proxy_crypto::EnvelopeHeader;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Versions of keys that are told apart. What is beyond them is never gone for long enough.
const MAX_ENTRIES: usize = 10_000;
/// A refusal that was not met for so long counts as a new one.
const FORGOTTEN: Duration = Duration::from_hours(1);
/// Longer than a refusal is repeated without asking: what is heard so long after the delay, the provider said after it.
const ASKED_ANEW: Duration = Duration::from_secs(2);

/// All of them.
#[derive(Debug)]
pub(super) struct GoneKeys {
    /// How long a key must have been refused.
    delay: Duration,
    refused: Mutex<HashMap<KeyVersion, Refused>>,
}

/// A version of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct KeyVersion {
    provider: String,
    key: String,
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Version {
    Told(String),
    /// Where nobody can tell it, each wrapped data key stands for itself: whatever somebody else's envelope says of the key is no
    /// word on that one.
    DigestOfWrapped(String),
}

#[derive(Debug, Clone, Copy)]
struct Refused {
    since: Instant,
    last: Instant,
}

impl GoneKeys {
    pub(super) fn new(delay: Duration) -> Self {
        Self { delay, refused: Mutex::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.refused().is_empty()
    }

    /// Takes note that a key was gone now. Tells whether that has been so for long enough to go on without.
    pub(super) fn note(&self, version: KeyVersion, now: Instant) -> bool {
        let mut refused = self.refused();
        let is_old = |refused: &Refused| now.saturating_duration_since(refused.last) >= FORGOTTEN;
        if refused.len() >= MAX_ENTRIES && !refused.contains_key(&version) {
            refused.retain(|_, each| !is_old(each));
            if refused.len() >= MAX_ENTRIES {
                return false;
            }
        }
        let entry = refused.entry(version).or_insert(Refused { since: now, last: now });
        if is_old(entry) {
            entry.since = now;
        }
        entry.last = now;
        now.saturating_duration_since(entry.since) >= self.delay.saturating_add(ASKED_ANEW)
    }

    /// The delay begins anew if it is ever gone again.
    pub(super) fn forget(&self, version: &KeyVersion) {
        self.refused().remove(version);
    }

    fn refused(&self) -> MutexGuard<'_, HashMap<KeyVersion, Refused>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyVersion {
    pub(super) fn of(envelope: &EnvelopeHeader<'_>, version: Option<String>) -> Self {
        Self::new(envelope.provider(), envelope.key(), envelope.wrapped(), version)
    }

    fn new(provider: &str, key: &str, wrapped: &[u8], version: Option<String>) -> Self {
        let digest = || Version::DigestOfWrapped(crate::digest::sha256(wrapped));
        let version = version.map_or_else(digest, Version::Told);
        Self { provider: provider.to_owned(), key: key.to_owned(), version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_lost_only_after_it_was_refused_for_a_while() {
        let gone = GoneKeys::new(Duration::from_mins(2));
        let start = Instant::now();
        let settled = |version: &str, seconds| {
            let version = KeyVersion::new("p", "k", b"", Some(version.to_owned()));
            gone.note(version, start + Duration::from_secs(seconds))
        };
        assert!(!settled("1", 0) && !settled("1", 121));
        assert!(settled("1", 122), "and asked anew after the delay");
        assert!(!settled("2", 120), "another version, which this proxy may only lack yet");
        assert!(settled("1", 3700));
        assert!(!settled("1", 7300), "not met for an hour");
        assert!(settled("1", 7422));
    }

    #[test]
    fn a_key_that_was_there_meanwhile_is_not_lost() {
        let gone = GoneKeys::new(Duration::ZERO);
        let version = |wrapped| KeyVersion::new("p", "k", wrapped, Some("1".to_owned()));
        let start = Instant::now();
        assert!(!gone.note(version(b"one"), start));
        assert!(gone.note(version(b"other"), start + ASKED_ANEW), "of the same version");
        gone.forget(&version(b"third"));
        assert!(!gone.note(version(b"one"), start + ASKED_ANEW));
    }

    #[test]
    fn without_a_version_no_envelope_speaks_for_another() {
        let gone = GoneKeys::new(Duration::ZERO);
        let [forged, stored] =
            [&b"forged"[..], b"stored"].map(|wrapped| KeyVersion::new("p", "k", wrapped, None));
        let start = Instant::now();
        assert!(!gone.note(forged.clone(), start));
        assert!(!gone.note(stored.clone(), start + ASKED_ANEW));
        assert!(gone.note(forged.clone(), start + ASKED_ANEW));
        gone.forget(&stored);
        assert!(gone.note(forged, start + ASKED_ANEW));
    }
}
