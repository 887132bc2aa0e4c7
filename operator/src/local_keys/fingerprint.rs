//! What the ledger remembers of the entries of the Secret, so that one that is lost or overwritten is noticed before anything
//! is written under another key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use aws_lc_rs::hmac;
use k8s_openapi::ByteString;
use serde::{Deserialize, Serialize};

use super::entry::{EntryName, decode};

const LABEL: &[u8] = b"encryption.strimzi.io local key fingerprint v1";
/// Enough to tell keys apart, and no way back to a key of 256 random bits.
const BYTES: usize = 8;

/// The beginning of a keyed hash of a fixed text, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

/// Fingerprints by entry.
pub type Fingerprints = BTreeMap<String, Fingerprint>;

/// What became of an entry that was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It is not there.
    #[error("is gone")]
    Gone,
    /// It holds something else.
    #[error("holds another key than the one that was in use")]
    Changed,
}

/// A text that is no fingerprint.
#[derive(Debug, thiserror::Error)]
#[error("a fingerprint of a local key has 16 hexadecimal digits")]
pub struct NoFingerprint;

impl Fingerprint {
    fn of(key: &[u8]) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), LABEL);
        let mut text = String::with_capacity(2 * BYTES);
        for byte in tag.as_ref().iter().take(BYTES) {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = NoFingerprint;

    fn try_from(text: String) -> Result<Self, NoFingerprint> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 2 * BYTES && text.bytes().all(is_digit) {
            Ok(Self(text))
        } else {
            Err(NoFingerprint)
        }
    }
}

impl From<Fingerprint> for String {
    fn from(Fingerprint(text): Fingerprint) -> Self {
        text
    }
}

/// Of every entry that proxies can use, of the keys with these names.
pub fn fingerprints(
    current: Option<&BTreeMap<String, ByteString>>,
    is_used: impl Fn(&str) -> bool,
) -> Fingerprints {
    let used = current.into_iter().flatten().filter(|(entry, _)| key_of(entry).is_some_and(&is_used));
    let known = used.filter_map(|(entry, content)| {
        Some((entry.clone(), Fingerprint::of(decode(&content.0).ok()?.as_slice())))
    });
    known.collect()
}

/// Entries that are not what they were. One that is gone is no damage where it was destroyed on purpose; its fingerprint stays, so
/// that another key in its place is one.
pub fn damages(
    before: &Fingerprints,
    current: Option<&BTreeMap<String, ByteString>>,
    destroyed: &BTreeSet<&str>,
) -> BTreeMap<String, Damage> {
    let now = fingerprints(current, |_| true);
    let damaged = before.iter().filter(|(entry, fingerprint)| now.get(*entry) != Some(fingerprint));
    let is_there = |entry: &String| current.is_some_and(|current| current.contains_key(entry));
    let damaged = damaged
        .map(|(entry, _)| (entry.clone(), if is_there(entry) { Damage::Changed } else { Damage::Gone }));
    damaged.filter(|(entry, damage)| *damage != Damage::Gone || !destroyed.contains(entry.as_str())).collect()
}

/// Entries that an annotation names, with commas or spaces between them.
pub fn destroyed(annotation: &str) -> BTreeSet<&str> {
    annotation.split([',', ' ', '\n']).filter(|entry| !entry.is_empty()).collect()
}

/// The key that an entry holds a version of.
pub fn key_of(entry: &str) -> Option<&str> {
    EntryName::parse(entry).ok().map(|entry| entry.key)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn secret(entries: &[(&str, u8)]) -> BTreeMap<String, ByteString> {
        let content = |byte: u8| ByteString(STANDARD.encode([byte; 32]).into_bytes());
        entries.iter().map(|(entry, byte)| ((*entry).to_owned(), content(*byte))).collect()
    }

    #[test]
    fn a_fingerprint_is_that_of_the_key_and_stays() {
        let found = fingerprints(Some(&secret(&[("a.v1", 7), ("b.v1", 7), ("b.v2", 8), ("c", 7)])), |_| true);
        assert_eq!(found.len(), 3, "c is no entry of a key");
        assert_eq!(found["a.v1"], found["b.v1"]);
        assert_ne!(found["a.v1"], found["b.v2"]);
        // HMAC-SHA-256 of the label under 32 bytes of 7.
        assert_eq!(String::from(found["a.v1"].clone()), "c59760862e517edb");
        assert_eq!(fingerprints(Some(&secret(&[("a.v1", 7)])), |name| name == "b"), Fingerprints::new());
    }

    #[test]
    fn what_is_gone_or_changed_is_damaged_and_what_is_new_is_not() {
        let before = fingerprints(Some(&secret(&[("a.v1", 1), ("b.v1", 2), ("c.v1", 3)])), |_| true);
        let mut now = secret(&[("a.v1", 9), ("c.v1", 3), ("c.v2", 4)]);
        let damaged = damages(&before, Some(&now), &BTreeSet::new());
        assert_eq!(damaged, [("a.v1".to_owned(), Damage::Changed), ("b.v1".to_owned(), Damage::Gone)].into());
        now.insert("c.v1".to_owned(), ByteString(b"no key".to_vec()));
        assert_eq!(damages(&before, Some(&now), &BTreeSet::new())["c.v1"], Damage::Changed);
        assert_eq!(damages(&before, None, &BTreeSet::new()).len(), 3);
    }

    #[test]
    fn what_was_destroyed_on_purpose_is_no_damage_and_another_key_in_its_place_is() {
        let before = fingerprints(Some(&secret(&[("a.v1", 1), ("a.v2", 2)])), |_| true);
        let damaged = |now: &[(&str, u8)], said| damages(&before, Some(&secret(now)), &destroyed(said));
        assert_eq!(damaged(&[("a.v2", 2)], "a.v1"), BTreeMap::new());
        assert_eq!(damaged(&[], "a.v1, a.v2"), BTreeMap::new());
        assert_eq!(damaged(&[("a.v1", 1)], "a.v1"), [("a.v2".to_owned(), Damage::Gone)].into());
        assert_eq!(
            damaged(&[("a.v1", 9), ("a.v2", 2)], "a.v1"),
            [("a.v1".to_owned(), Damage::Changed)].into()
        );
        for other in ["", "a", "a.v", "a.v10", "A.v1"] {
            assert_eq!(damaged(&[("a.v2", 2)], other).len(), 1, "{other:?}");
        }
    }

    #[test]
    fn only_a_fingerprint_is_read_as_one() {
        for text in ["", "0123456789abcde", "0123456789abcdeg", "0123456789ABCDEF"] {
            assert!(Fingerprint::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
