//! Entries of the Secrets: their names, how they are read, and how changes are found.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;

use super::error::{Error, Problem};
use crate::secret_text::{SecretChanges, SecretText};

pub(super) const CERTIFICATE: &str = "ca.crt";
pub(super) const KEY: &str = "ca.key";
pub(super) const NEXT_CERTIFICATE: &str = "next-ca.crt";
pub(super) const NEXT_KEY: &str = "next-ca.key";
pub(super) const NEXT_PUBLISHED_AT: &str = "next-ca.published-at";
pub(super) const SERVER_CERTIFICATE: &str = "tls.crt";
pub(super) const SERVER_KEY: &str = "tls.key";

const OLD: &str = "old-ca-";
const CRT: &str = ".crt";

/// Data of a Secret that may not exist.
#[derive(Clone, Copy)]
pub(super) struct Entries<'a>(pub(super) Option<&'a BTreeMap<String, ByteString>>);

impl<'a> Entries<'a> {
    /// The text of an entry. An empty one is a missing one: Secrets of a fixed type must have all their entries.
    pub(super) fn text(self, entry: &str) -> Result<Option<SecretText>, Error> {
        let Some(content) = self.0.and_then(|data| data.get(entry)).filter(|content| !content.0.is_empty())
        else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&content.0).map_err(|_| Error::entry(entry, Problem::Text))?;
        Ok(Some(SecretText::new(text.to_owned())))
    }

    /// A time; nothing if it cannot be read, since the operator can always begin anew.
    pub(super) fn time(self, entry: &str) -> Option<Timestamp> {
        let text = self.text(entry).ok().flatten()?;
        text.expose().trim().parse().ok()
    }

    /// What `old-ca-*.crt` entries have in the place of the asterisk.
    pub(super) fn old(self) -> impl Iterator<Item = &'a str> {
        let entries = self.0.into_iter().flat_map(BTreeMap::keys);
        entries.filter_map(|entry| entry.strip_prefix(OLD)?.strip_suffix(CRT))
    }

    /// How to come from these entries to the wanted ones, of those that `ours` tells to be the operator's.
    pub(super) fn changes(
        self,
        wanted: BTreeMap<String, SecretText>,
        ours: impl Fn(&str) -> bool,
    ) -> SecretChanges {
        let present = |entry: &str| self.0.and_then(|data| data.get(entry));
        let entries = self.0.into_iter().flat_map(BTreeMap::keys);
        let remove = entries.filter(|entry| ours(entry) && !wanted.contains_key(*entry)).cloned().collect();
        let mut set = wanted;
        set.retain(|entry, text| present(entry).is_none_or(|now| now.0 != text.expose().as_bytes()));
        SecretChanges { set, remove }
    }
}

pub(super) fn old_certificate(label: &str) -> String {
    format!("{OLD}{label}{CRT}")
}

pub(super) fn old_replaced_at(label: &str) -> String {
    format!("{OLD}{label}.replaced-at")
}

/// The end of a certificate, as Strimzi writes it in names of entries.
pub(super) fn date_label(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H-%M-%SZ").to_string()
}

pub(super) fn is_of_authority(entry: &str) -> bool {
    let named = [CERTIFICATE, KEY, NEXT_CERTIFICATE, NEXT_KEY, NEXT_PUBLISHED_AT].contains(&entry);
    named || entry.starts_with(OLD)
}
