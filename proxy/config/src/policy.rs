//! `policy.yaml`: which topics are encrypted with which key, and what that means for one topic.

mod action;
mod effective;
mod file;
mod headers;
mod history;
mod index;
mod internal;
mod known_keys;
mod ledger;
mod legacy;
mod pattern;
mod pseudonym_key;
mod rotations;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

pub use self::action::Action;
pub use self::effective::{Decision, EffectivePolicy, Explanation, Winner};
pub use self::headers::SealedHeaders;
pub use self::history::{Boundary, History, HistoryError, InvalidTopicId, TopicHistory, TopicId};
pub use self::internal::{internal_topics, is_internal_topic};
pub use self::known_keys::KnownKeys;
pub use self::ledger::{KeyRef, Ledger, LedgerError};
pub use self::legacy::{KroxyliciousKeys, Legacy};
pub use self::pattern::{Pattern, Specificity};
pub use self::pseudonym_key::{InvalidPseudonymKey, PseudonymKey};
pub use self::rotations::Rotations;
pub use self::rule::{EncryptRule, Format, OnPlaintext, OnUnreadable, Rule};

use self::index::PatternIndex;
use crate::error::{ConfigErrors, Mistakes};

/// What happens to topics that no rule matches and that were never encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum UnmatchedTopics {
    /// They pass in clear.
    #[default]
    Passthrough,
    /// Writes to them are refused.
    Reject,
}

/// A checked policy: every pattern stands in one rule only.
#[derive(Debug, Clone)]
pub struct Policy {
    unmatched: UnmatchedTopics,
    read_keys: BTreeSet<KeyRef>,
    known_keys: KnownKeys,
    rotations: Rotations,
    history: History,
    rules: Vec<Rule>,
    index: PatternIndex<RuleMatch>,
    text_bytes: usize,
}

/// What the index knows of a pattern of a rule.
#[derive(Debug, Clone)]
struct RuleMatch {
    rule: usize,
    pattern: Pattern,
    action: Action,
    legacy: Arc<Legacy>,
}

impl Policy {
    /// Makes a policy of rules, which fails if a pattern stands in two of them.
    pub fn new(unmatched: UnmatchedTopics, rules: Vec<Rule>) -> Result<Self, ConfigErrors> {
        let mistakes = Mistakes::default();
        check_patterns(rules.iter().map(Some), &mistakes);
        mistakes.or_value(Some(Self::indexed(unmatched, rules)))
    }

    /// With keys that are tried though no rule need name them.
    #[must_use]
    pub fn with_read_keys(mut self, keys: impl IntoIterator<Item = KeyRef>) -> Self {
        self.read_keys = keys.into_iter().collect();
        self
    }

    /// With what it says of the keys that envelopes may name.
    #[must_use]
    pub fn with_known_keys(mut self, known: KnownKeys) -> Self {
        self.known_keys = known;
        self
    }

    /// With keys whose data keys are to be replaced.
    #[must_use]
    pub fn with_rotations(mut self, rotations: Rotations) -> Self {
        self.rotations = rotations;
        self
    }

    /// With what is known of history.
    #[must_use]
    pub fn with_history(mut self, history: History) -> Self {
        self.history = history;
        self
    }

    /// What happens to topics that no rule matches.
    pub fn unmatched(&self) -> UnmatchedTopics {
        self.unmatched
    }

    /// The rules, in the order of the file, which has no meaning: the most specific pattern decides.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules that encrypt.
    pub fn encrypt_rules(&self) -> impl Iterator<Item = &Arc<EncryptRule>> {
        self.rules.iter().filter_map(|rule| match &rule.action {
            Action::Encrypt(encrypt) => Some(encrypt),
            Action::Pending(_) | Action::Retired { .. } | Action::Disabled => None,
        })
    }

    /// The rules that encrypt or will, with their keys.
    pub fn keyed_rules(&self) -> impl Iterator<Item = (&Rule, KeyRef)> {
        self.rules.iter().filter_map(|rule| match &rule.action {
            Action::Encrypt(_) | Action::Pending(_) => Some((rule, rule.action.key_ref()?)),
            Action::Retired { .. } | Action::Disabled => None,
        })
    }

    /// Keys to try beside those of the rules.
    pub fn read_keys(&self) -> &BTreeSet<KeyRef> {
        &self.read_keys
    }

    /// Which keys envelopes may name.
    pub fn known_keys(&self) -> &KnownKeys {
        &self.known_keys
    }

    /// Keys whose data keys were to be replaced, and when.
    pub fn rotations(&self) -> &Rotations {
        &self.rotations
    }

    /// What whoever writes the policy knows of history.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Every key to try: those of rules that encrypt or will, and the keys for reading.
    pub fn keys(&self) -> BTreeSet<KeyRef> {
        self.keyed_rules().map(|(_, key)| key).chain(self.read_keys.iter().cloned()).collect()
    }

    /// How many rules wait for a later policy that says how they encrypt.
    pub fn pending(&self) -> usize {
        self.rules.iter().filter(|rule| matches!(rule.action, Action::Pending(_))).count()
    }

    /// The length of the text this was parsed from; 0 if it was not.
    pub fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    fn indexed(unmatched: UnmatchedTopics, rules: Vec<Rule>) -> Self {
        let entries = rules.iter().enumerate().flat_map(|(index, rule)| {
            let legacy = Arc::new(rule.legacy.clone());
            let matched = move |pattern: &Pattern| RuleMatch {
                rule: index,
                pattern: pattern.clone(),
                action: rule.action.clone(),
                legacy: Arc::clone(&legacy),
            };
            rule.topics.iter().map(move |pattern| (pattern.clone(), matched(pattern)))
        });
        let index = entries.collect();
        Self {
            unmatched,
            read_keys: BTreeSet::new(),
            known_keys: KnownKeys::default(),
            rotations: Rotations::default(),
            history: History::default(),
            rules,
            index,
            text_bytes: 0,
        }
    }
}

/// Two policies are equal if they say the same, whatever the layout of their files.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.unmatched == other.unmatched
            && self.read_keys == other.read_keys
            && self.known_keys == other.known_keys
            && self.rotations == other.rotations
            && self.history == other.history
            && self.rules == other.rules
    }
}

impl Eq for Policy {}

/// Notes every pattern that stands in more than one place, since neither place could be said to win.
fn check_patterns<'a>(rules: impl Iterator<Item = Option<&'a Rule>>, mistakes: &Mistakes) {
    let mut places = BTreeMap::new();
    for (rule_index, rule) in rules.enumerate() {
        for (index, pattern) in rule.iter().flat_map(|rule| &rule.topics).enumerate() {
            let path = format!("rules[{rule_index}].topics[{index}]");
            if let Some(first) = places.get(pattern) {
                mistakes.add(path, format!("is the same pattern as {first}, {pattern}"));
            } else {
                places.insert(pattern, path);
            }
        }
    }
}
