//! What was ever encrypted for one Kafka cluster, and by whom.

#[cfg(test)]
mod tests;

use proxy_config::{KeyRef, Pattern};
use serde::{Deserialize, Serialize};

use super::merge::Merged;
use super::pattern_map::PatternMap;
use super::policy_id::PolicyId;
use super::program::Treatment;
use super::text::{KeyText, PatternText, TextError, write};

const VERSION: u32 = 1;
const HEADER: &str = "\
# Written by the operator: topic patterns that were ever encrypted, with the key and the policy that each had last.
# Topics that match stay encrypted or are refused, until a rule with the same pattern, of a policy in the same
# namespace, says `encryption: Disabled`. Keep a copy. Removing entries by hand lets data pass in clear.
";

/// Every pattern that was ever encrypted, with its key and the policy that encrypts it or did so last.
///
/// Written before proxies are told: first [`next`](Self::next), and once every proxy has loaded what follows from it,
/// [`settled`](Self::settled).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    entries: PatternMap<LedgerEntry>,
}

/// What the ledger knows of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The key it had last. For people: what a reader needs stands with the data.
    pub key: KeyRef,
    /// The policy that it belongs to. It wins conflicts, and its namespace alone may clear the topics.
    pub policy: PolicyId,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LedgerText {
    version: u32,
    encrypted: Vec<EntryText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryText {
    topic: PatternText,
    key: KeyText,
    policy: PolicyId,
}

/// Read first, so that a newer form is reported as that.
#[derive(Deserialize)]
struct VersionText {
    version: u32,
}

impl Ledger {
    /// Reads a `ledger.yaml`.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let VersionText { version } = serde_yaml::from_str(text).map_err(TextError::Form)?;
        if version != VERSION {
            return Err(TextError::Version { known: VERSION, found: version });
        }
        let text: LedgerText = serde_yaml::from_str(text).map_err(TextError::Form)?;
        let mut ledger = Self::default();
        for (index, EntryText { topic, key, policy }) in text.encrypted.into_iter().enumerate() {
            if ledger.insert(topic.0.clone(), LedgerEntry { key: key.0, policy }).is_some() {
                let field = format!("encrypted[{index}].topic");
                return Err(TextError::Duplicate { field, pattern: topic.0 });
            }
        }
        Ok(ledger)
    }

    /// The text of a `ledger.yaml` that means this: the same for the same ledger, one line for each change.
    pub fn to_yaml(&self) -> String {
        let entry = |(pattern, entry): (Pattern, &LedgerEntry)| EntryText {
            topic: PatternText(pattern),
            key: KeyText(entry.key.clone()),
            policy: entry.policy.clone(),
        };
        let text = LedgerText { version: VERSION, encrypted: self.entries.iter().map(entry).collect() };
        format!("{HEADER}{}", write(&text))
    }

    /// The ledger to write before proxies are told what was merged: all that it held and all that is encrypted now.
    #[must_use]
    pub fn next(&self, merged: &Merged) -> Self {
        let mut next = self.clone();
        for rule in merged.program.rules() {
            if let (Treatment::Encrypt(encrypt), Some(policy)) = (&rule.treatment, &rule.source) {
                let entry = LedgerEntry { key: encrypt.key.clone(), policy: policy.clone() };
                next.insert(rule.pattern.clone(), entry);
            }
        }
        next
    }

    /// The ledger to write once every proxy has loaded what was merged: [`next`](Self::next) without what rules say is
    /// to be clear.
    #[must_use]
    pub fn settled(&self, merged: &Merged) -> Self {
        let mut settled = self.next(merged);
        for pattern in &merged.cleared {
            settled.entries.remove(pattern);
        }
        settled
    }

    /// Puts an entry in, and gives back the one that was there.
    pub fn insert(&mut self, pattern: Pattern, entry: LedgerEntry) -> Option<LedgerEntry> {
        self.entries.insert(pattern, entry)
    }

    /// The entries by pattern.
    pub fn entries(&self) -> &PatternMap<LedgerEntry> {
        &self.entries
    }

    /// Whether nothing was ever encrypted.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
