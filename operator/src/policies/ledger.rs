//! What was ever encrypted for one Kafka cluster, and by whom.

mod earlier_key;
mod form;
mod provider;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use proxy_config::{History, KeyRef, Pattern, TopicHistory, TopicId};

pub use self::provider::ProviderIdentity;

use super::history;
use super::merge::Merged;
use super::pattern_map::PatternMap;
use super::policy_id::PolicyId;
use super::program::{Program, Treatment};
use crate::local_keys::Fingerprints;

/// Every pattern that was ever encrypted, with its key and the policy that encrypts it or did so last.
///
/// Written before proxies are told: first [`next`](Self::next), and once every proxy has loaded what follows from it,
/// [`settled`](Self::settled). A copy of it stands with what proxies are told, so that one that was set back to an older
/// state is [completed](Self::completed_from) rather than believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Counts changes.
    serial: u64,
    entries: PatternMap<LedgerEntry>,
    /// Every key that anything was ever encrypted under, also where the pattern has another by now or is forgotten, and the
    /// namespaces whose policies did so, as far as they are known.
    keys: Keys,
    /// Whether these are known to be all, by a mark.
    has_all_keys: bool,
    /// What entries of the Secret of local keys were when they were seen first.
    local_keys: Fingerprints,
    /// What the providers of these keys are, by name.
    providers: Providers,
    /// Where history ends, as proxies found out.
    history: History,
}

type Providers = BTreeMap<String, ProviderIdentity>;
type Keys = BTreeMap<KeyRef, BTreeSet<String>>;

/// What the ledger knows of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The key it had last. For people: what a reader needs stands with the data.
    pub key: KeyRef,
    /// The policy that it belongs to. It wins conflicts, and its namespace alone may clear the topics.
    pub policy: PolicyId,
}

/// Nothing was ever encrypted.
impl Default for Ledger {
    fn default() -> Self {
        Self {
            serial: 0,
            entries: PatternMap::default(),
            keys: Keys::new(),
            has_all_keys: true,
            local_keys: Fingerprints::default(),
            providers: Providers::new(),
            history: History::default(),
        }
    }
}

impl Ledger {
    /// The ledger to write before proxies are told this on the way to what was merged: all that it held, and all that is
    /// to be encrypted and that they no longer leave clear.
    #[must_use]
    pub fn next(&self, merged: &Merged, told: &Program) -> Self {
        let mut next = self.clone();
        for rule in merged.program.rules() {
            if let (Treatment::Encrypt(encrypt), Some(policy)) = (&rule.treatment, &rule.source)
                && !told.is_clear(&rule.pattern)
            {
                let entry = LedgerEntry { key: encrypt.key.clone(), policy: policy.clone() };
                next.insert(rule.pattern.clone(), entry);
            }
        }
        next.counted_after(self)
    }

    /// The ledger to write once every proxy has loaded what was merged: [`next`](Self::next) without what rules say is
    /// to be clear.
    #[must_use]
    pub fn settled(&self, merged: &Merged) -> Self {
        let mut settled = self.next(merged, &merged.program);
        for pattern in &merged.cleared {
            settled.entries.remove(pattern);
        }
        // Whatever is written there in clear is no attack; they begin anew if they are ever encrypted again.
        settled.history.retain(|topic| {
            let rule = merged.program.decide(topic).map(|rule| &rule.treatment);
            !matches!(rule, None | Some(Treatment::Clear))
        });
        settled.counted_after(self)
    }

    /// This ledger with all that a copy knows besides; the same if that is nothing. Where both know a pattern, the later
    /// one is right about who it belongs to.
    #[must_use]
    pub fn completed_from(&self, copy: &Self) -> Self {
        let (earlier, later) = if copy.serial > self.serial { (self, copy) } else { (copy, self) };
        let mut whole = later.clone();
        for (pattern, entry) in earlier.entries.iter() {
            if whole.entries.get(&pattern).is_none() {
                whole.insert(pattern, entry.clone());
            }
        }
        for (key, namespaces) in &earlier.keys {
            whole.keys.entry(key.clone()).or_default().extend(namespaces.iter().cloned());
        }
        for (entry, fingerprint) in &earlier.local_keys {
            whole.local_keys.entry(entry.clone()).or_insert_with(|| fingerprint.clone());
        }
        for (name, identity) in &earlier.providers {
            whole.providers.entry(name.clone()).or_insert_with(|| identity.clone());
        }
        whole.history.merge(&earlier.history);
        whole.counted_after(later)
    }

    /// The same with what it does not know yet of entries of the Secret of local keys.
    #[must_use]
    pub fn with_local_keys(&self, seen: &Fingerprints) -> Self {
        let mut next = self.clone();
        for (entry, fingerprint) in seen {
            next.local_keys.entry(entry.clone()).or_insert_with(|| fingerprint.clone());
        }
        next.counted_after(self)
    }

    /// The same with what the providers of its keys are now.
    #[must_use]
    pub fn with_providers(&self, current: &BTreeMap<String, ProviderIdentity>) -> Self {
        let mut next = self.clone();
        for key in self.keys.keys() {
            if let Some((name, identity)) = current.get_key_value(key.provider.as_str()) {
                next.providers.insert(name.clone(), identity.clone());
            }
        }
        next.counted_after(self)
    }

    /// What a provider was when something was last encrypted under its keys, if that is known.
    pub fn provider(&self, name: &str) -> Option<&ProviderIdentity> {
        self.providers.get(name)
    }

    /// The same with what proxies found out of history, and for how many topics there is no room.
    #[must_use]
    pub fn with_history<'a>(
        &self,
        reported: impl IntoIterator<Item = (TopicId, &'a TopicHistory)>,
    ) -> (Self, usize) {
        let (history, left_out) = history::learned(&self.history, reported);
        (Self { history, ..self.clone() }.counted_after(self), left_out)
    }

    /// Where history ends.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What entries of the Secret of local keys were when they were seen first.
    pub fn local_keys(&self) -> &Fingerprints {
        &self.local_keys
    }

    /// The patterns that this ledger has and another has not.
    pub fn patterns_beyond(&self, other: &Self) -> Vec<Pattern> {
        let known = |pattern: &Pattern| other.entries.get(pattern).is_some();
        self.entries.iter().map(|(pattern, _)| pattern).filter(|pattern| !known(pattern)).collect()
    }

    fn counted_after(mut self, before: &Self) -> Self {
        let same = self.entries == before.entries
            && self.keys == before.keys
            && self.has_all_keys == before.has_all_keys
            && self.local_keys == before.local_keys
            && self.providers == before.providers
            && self.history == before.history;
        self.serial = if same { before.serial } else { before.serial.saturating_add(1) };
        self
    }

    /// Puts an entry in, and gives back the one that was there.
    pub fn insert(&mut self, pattern: Pattern, entry: LedgerEntry) -> Option<LedgerEntry> {
        self.keys.entry(entry.key.clone()).or_default().insert(entry.policy.namespace.clone());
        self.entries.insert(pattern, entry)
    }

    /// The number of its last change.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Every key that anything was ever encrypted under.
    pub fn keys(&self) -> impl Iterator<Item = &KeyRef> {
        self.keys.keys()
    }

    /// Whether no data can be under a key that it does not know.
    pub fn has_all_keys(&self) -> bool {
        self.has_all_keys
    }

    /// Every key, with the namespaces whose policies anything was ever encrypted under it by.
    pub fn keys_by_namespace(&self) -> impl Iterator<Item = (&KeyRef, &BTreeSet<String>)> {
        self.keys.iter()
    }

    /// The entries by pattern.
    pub fn entries(&self) -> &PatternMap<LedgerEntry> {
        &self.entries
    }

    /// The narrowest of its patterns that contains this one.
    pub(super) fn covering(&self, pattern: &Pattern) -> Option<Pattern> {
        let same = self.entries.get(pattern).map(|_| pattern.clone());
        same.or_else(|| self.entries.wider(pattern).next().map(|(wider, _)| wider))
    }

    /// Whether nothing was ever encrypted.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
