//! What was ever encrypted, so that no edit of the policy turns it clear in silence.

mod state_file;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

pub use self::state_file::LedgerError;

use super::Policy;
use super::action::Action;
use super::pattern::Pattern;
use crate::name::{KeyName, ProviderName};

/// A key of a provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct KeyRef {
    /// The provider.
    pub provider: ProviderName,
    /// The key within it.
    pub name: KeyName,
}

/// The patterns that were ever encrypted or were to be, each with the key it had last, where that is known. The
/// key is for people: what a reader needs stands in the envelope.
///
/// On every load of a policy: parse it, [`update`](Self::updated) the ledger, [save](Self::save) it, and only
/// then use both. Saved later, a crash in between would forget what was already encrypted. What the policy clears is
/// saved last: if anything keeps it from taking effect, [both](Self::joined) must be remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    entries: BTreeMap<Pattern, Option<KeyRef>>,
}

impl Ledger {
    /// The ledger after this policy has taken effect: with all that it encrypts, will encrypt or has retired,
    /// without what it disables by the very same pattern. A wider `Disabled` removes nothing, since it does not
    /// name what it would undo.
    #[must_use]
    pub fn updated(&self, policy: &Policy) -> Self {
        let mut entries = self.entries.clone();
        for rule in policy.rules() {
            for pattern in &rule.topics {
                if rule.action == Action::Disabled {
                    entries.remove(pattern);
                    continue;
                }
                let entry = entries.entry(pattern.clone()).or_default();
                // A retired rule need not name the key; the one before it stays.
                *entry = rule.action.key_ref().or_else(|| entry.take());
            }
        }
        Self { entries }
    }

    /// With what is only in the other one too.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        let mut entries = other.entries.clone();
        entries.extend(self.entries.clone());
        Self { entries }
    }

    /// The patterns with the key each had last; none where only its retirement is known.
    pub fn entries(&self) -> impl Iterator<Item = (&Pattern, Option<&KeyRef>)> {
        self.entries.iter().map(|(pattern, key)| (pattern, key.as_ref()))
    }

    /// Whether nothing was ever encrypted.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of provider {}", self.name, self.provider)
    }
}
