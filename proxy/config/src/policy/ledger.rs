//! What was ever encrypted, so that no edit of the policy turns it clear in silence.

mod state_file;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

pub use self::state_file::LedgerError;

use super::Policy;
use super::pattern::Pattern;
use super::rule::Action;
use crate::name::{KeyName, ProviderName};

/// A key of a provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct KeyRef {
    /// The provider.
    pub provider: ProviderName,
    /// The key within it.
    pub name: KeyName,
}

/// The patterns that were ever encrypted, each with the key it had last. The key is for people: what a reader
/// needs stands in the envelope.
///
/// On every load of a policy: parse it, [`update`](Self::updated) the ledger, [save](Self::save) it, and only
/// then use both. Saved later, a crash in between would forget what was already encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    entries: BTreeMap<Pattern, KeyRef>,
}

impl Ledger {
    /// The ledger after this policy has taken effect: with all that it encrypts, without what it disables by
    /// the very same pattern. A wider `Disabled` removes nothing, since it does not name what it would undo.
    #[must_use]
    pub fn updated(&self, policy: &Policy) -> Self {
        let mut entries = self.entries.clone();
        for rule in policy.rules() {
            for pattern in &rule.topics {
                match &rule.action {
                    Action::Encrypt(encrypt) => entries.insert(pattern.clone(), encrypt.key_ref()),
                    Action::Disabled => entries.remove(pattern),
                };
            }
        }
        Self { entries }
    }

    /// The patterns with the key each had last.
    pub fn entries(&self) -> impl Iterator<Item = (&Pattern, &KeyRef)> {
        self.entries.iter()
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
