//! What policies take of the files of proxies, in bytes. Never less than it is.

use std::collections::{BTreeMap, BTreeSet};

use operator_api::{PolicyRule, TopicPattern};
use proxy_config::ProviderName;

use crate::policies::{Ledger, LedgerEntry, PolicyId, ProviderKind, Submission};

/// Files that a pattern stands in, with its key: `policy.yaml`, `sources.yaml` and the copy of the ledger.
const FILES: usize = 3;
/// What a pattern takes in one file besides its own characters, and those of its key and its policy.
const EACH: usize = 100;
/// Files that a key stands in once no pattern has it any more: `policy.yaml` and the copy of the ledger.
const FORMER: usize = 2;

/// What is in the ledger already.
pub(super) struct Cost<'a> {
    known: BTreeMap<String, &'a LedgerEntry>,
}

impl<'a> Cost<'a> {
    pub(super) fn of(ledger: &'a Ledger) -> Self {
        let known = ledger.entries().iter().map(|(pattern, entry)| (pattern.to_string(), entry));
        Self { known: known.collect() }
    }

    /// What a policy takes besides what the ledger holds for it.
    pub(super) fn beyond(&self, submission: &Submission) -> usize {
        let rules = submission.rules.iter();
        let patterns = rules.flat_map(|rule| rule.topics.iter().map(move |topic| (text(topic), rule)));
        patterns.map(|(pattern, rule)| self.pattern(&pattern, rule, &submission.id)).sum()
    }

    fn pattern(&self, pattern: &str, rule: &PolicyRule, policy: &PolicyId) -> usize {
        let key = rule.key.as_ref().map_or(0, |key| key.name.len() + key.provider.len());
        match self.known.get(pattern) {
            Some(entry) if entry.policy == *policy => {
                whole(pattern, key, policy).saturating_sub(whole(pattern, key_bytes(entry), policy))
            }
            // What is somebody else's is told of that one; but what each policy said is kept.
            Some(_) => pattern.len() + key + EACH,
            None => whole(pattern, key, policy),
        }
    }
}

/// What the ledger holds, by namespace.
pub(super) fn remembered(ledger: &Ledger) -> Vec<(String, usize)> {
    let entries = ledger.entries().iter().map(|(pattern, entry)| {
        let bytes = whole(&pattern.to_string(), key_bytes(entry), &entry.policy);
        (entry.policy.namespace.clone(), bytes)
    });
    let keys = ledger.keys_by_namespace().flat_map(|(key, namespaces)| {
        let bytes = FORMER * (key.name.as_str().len() + key.provider.as_str().len() + EACH);
        namespaces.iter().map(move |namespace| (namespace.clone(), bytes))
    });
    entries.chain(keys).collect()
}

/// The names of local keys that a policy wants.
pub(super) fn key_names(
    submission: &Submission,
    providers: &BTreeMap<ProviderName, ProviderKind>,
) -> BTreeSet<String> {
    let is_local = |name: &str| {
        let provider = ProviderName::new(name).ok();
        provider.and_then(|provider| providers.get(&provider)) == Some(&ProviderKind::Local)
    };
    let keys = submission.rules.iter().filter_map(|rule| rule.key.as_ref());
    keys.filter(|key| is_local(&key.provider)).map(|key| key.name.clone()).collect()
}

fn whole(pattern: &str, key: usize, policy: &PolicyId) -> usize {
    FILES * (pattern.len() + key + EACH) + 2 * policy.to_string().len()
}

fn key_bytes(entry: &LedgerEntry) -> usize {
    entry.key.name.as_str().len() + entry.key.provider.as_str().len()
}

/// A pattern as a text of the length that it has in files.
fn text(topic: &TopicPattern) -> String {
    match (&topic.name, &topic.prefix) {
        (Some(name), _) => format!("name {name}"),
        (None, Some(prefix)) => format!("prefix {prefix}"),
        (None, None) => "any".to_owned(),
    }
}
