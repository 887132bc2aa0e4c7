//! Texts that are not to be seen, and changes to the entries of a Secret.
//!
//! Says what a Secret is to hold; who writes it also sees to it that nobody else wrote in between (`resourceVersion`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::ByteString;
use zeroize::Zeroizing;

/// The text of an entry. It is cleared when dropped and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

/// What is to change in a Secret. Entries that are not named stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretChanges {
    /// Entries that are new or get another content.
    pub set: BTreeMap<String, SecretText>,
    /// Entries that go.
    pub remove: BTreeSet<String>,
}

impl SecretText {
    /// Takes a text as secret.
    pub fn new(text: impl Into<Zeroizing<String>>) -> Self {
        Self(text.into())
    }

    /// The text, to be written into the Secret and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

impl SecretChanges {
    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }

    /// Everything that the Secret holds afterwards. Who writes it takes out by name what is not in it, since a merge patch
    /// leaves alone what it does not name.
    pub fn applied_to(&self, current: Option<&BTreeMap<String, ByteString>>) -> BTreeMap<String, ByteString> {
        let mut data = current.cloned().unwrap_or_default();
        data.retain(|entry, _| !self.remove.contains(entry));
        let set = self.set.iter();
        data.extend(set.map(|(entry, text)| (entry.clone(), ByteString(text.expose().as_bytes().to_vec()))));
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_not_printed() {
        let set = BTreeMap::from([("ca.key".to_owned(), SecretText::new("hidden".to_owned()))]);
        let changes = SecretChanges { set, remove: BTreeSet::new() };
        assert_eq!(
            format!("{changes:?}"),
            r#"SecretChanges { set: {"ca.key": SecretText(..)}, remove: {} }"#
        );
    }

    #[test]
    fn changes_leave_other_entries_alone() {
        let entry = |name: &str, text: &str| (name.to_owned(), ByteString(text.as_bytes().to_vec()));
        let changes = SecretChanges {
            set: BTreeMap::from([("b".to_owned(), SecretText::new("new".to_owned()))]),
            remove: BTreeSet::from(["c".to_owned()]),
        };
        let current = BTreeMap::from([entry("a", "1"), entry("b", "2"), entry("c", "3")]);
        let expected = BTreeMap::from([entry("a", "1"), entry("b", "new")]);
        assert_eq!(changes.applied_to(Some(&current)), expected);
        assert_eq!(changes.applied_to(None), BTreeMap::from([entry("b", "new")]));
    }
}
