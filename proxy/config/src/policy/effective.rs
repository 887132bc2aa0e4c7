//! The policy and the ledger together: what happens to one topic.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::action::Action;
use super::index::PatternIndex;
use super::internal::is_internal_topic;
use super::known_keys::Openable;
use super::ledger::{KeyRef, Ledger};
use super::legacy::Legacy;
use super::pattern::Pattern;
use super::rule::{EncryptRule, OnPlaintext};
use super::{Policy, UnmatchedTopics};
use crate::name::ProviderName;

/// What happens to a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Writes are encrypted so.
    Encrypt(&'a Arc<EncryptRule>),
    /// It is to be encrypted and a later policy says how: writes wait, reads decrypt.
    Pending(&'a KeyRef),
    /// A rule says that the topic is clear.
    Disabled,
    /// A rule says so, or it was encrypted once and no rule has cleared it since: writes are refused
    /// (`POLICY_VIOLATION`), reads decrypt, and clear records are treated so.
    Retired(OnPlaintext),
    /// No rule, and never encrypted.
    Unmatched(UnmatchedTopics),
    /// One of Kafka's own topics: clear, whatever the policy says.
    Internal,
}

/// A decision with the pattern that led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// What happens.
    pub decision: Decision<'a>,
    /// Why; `None` if no pattern matches.
    pub winner: Option<Winner<'a>>,
    /// What other programs encrypted before, where the rule that decided says so.
    pub legacy: Option<&'a Arc<Legacy>>,
}

/// The pattern that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Winner<'a> {
    /// A pattern of a current rule.
    Rule {
        /// The rule's place in the file, from 0.
        rule: usize,
        /// The pattern.
        pattern: &'a Pattern,
    },
    /// A pattern of an earlier policy.
    Ledger {
        /// The pattern.
        pattern: &'a Pattern,
        /// The key it had last, where that is known.
        key: Option<&'a KeyRef>,
    },
}

/// The policy as it takes effect, given what was ever encrypted.
#[derive(Debug, Clone)]
pub struct EffectivePolicy {
    policy: Policy,
    ledger: Ledger,
    ever_encrypted: PatternIndex<(Pattern, Option<KeyRef>)>,
    openable: Openable,
}

impl EffectivePolicy {
    /// Joins a policy with the ledger, which should be [updated](Ledger::updated) by it and saved already.
    pub fn new(policy: Policy, ledger: Ledger) -> Self {
        let entry =
            |(pattern, key): (&Pattern, Option<&KeyRef>)| (pattern.clone(), (pattern.clone(), key.cloned()));
        let ever_encrypted = ledger.entries().map(entry).collect();
        let openable = Openable::of(&policy, &ledger);
        Self { policy, ledger, ever_encrypted, openable }
    }

    /// Whether records may be opened whose envelopes name this key.
    pub fn may_open(&self, provider: &str, key: &str) -> bool {
        self.openable.has(provider, key)
    }

    /// Those of the providers that neither a rule nor anything else of the policy or the ledger names. Envelopes may still name
    /// their keys.
    pub fn unused_providers<'a>(&self, providers: &'a BTreeSet<ProviderName>) -> Vec<&'a ProviderName> {
        let rules = self.policy.rules();
        let keys = rules.iter().filter_map(|rule| rule.action.key_ref());
        let of_ledger = self.ledger.entries().filter_map(|(_, key)| key.cloned());
        let listed = self.policy.read_keys().iter().chain(&self.policy.known_keys().former).cloned();
        let legacy = rules.iter().flat_map(|rule| rule.legacy.providers().cloned());
        let named = keys.chain(of_ledger).chain(listed).map(|key| key.provider);
        let used: BTreeSet<ProviderName> = named.chain(legacy).collect();
        providers.iter().filter(|provider| !used.contains(*provider)).collect()
    }

    /// What happens to a topic.
    pub fn decide(&self, topic: &str) -> Decision<'_> {
        self.explain(topic).decision
    }

    /// What happens to a topic, and why. The most specific pattern of the rules decides, unless it would let
    /// pass in clear what a more specific pattern encrypted before. Whatever is not clear is always safe.
    pub fn explain(&self, topic: &str) -> Explanation<'_> {
        if is_internal_topic(topic) {
            return Explanation { decision: Decision::Internal, winner: None, legacy: None };
        }
        let rule = self.policy.index.best(topic);
        let winner = rule.map(|rule| Winner::Rule { rule: rule.rule, pattern: &rule.pattern });
        let safe = match rule.map(|rule| &rule.action) {
            Some(Action::Encrypt(encrypt)) => Some(Decision::Encrypt(encrypt)),
            Some(Action::Pending(key)) => Some(Decision::Pending(key)),
            Some(Action::Retired { on_plaintext, .. }) => Some(Decision::Retired(*on_plaintext)),
            Some(Action::Disabled) | None => None,
        };
        if let Some(decision) = safe {
            let legacy = rule.map(|rule| &rule.legacy).filter(|legacy| !legacy.is_empty());
            return Explanation { decision, winner, legacy };
        }
        // Among all entries that match, the most specific is the hardest to clear, so it stands for all of
        // them.
        if let Some((pattern, key)) = self.ever_encrypted.best(topic)
            && rule.is_none_or(|rule| rule.pattern.specificity() < pattern.specificity())
        {
            return Explanation {
                decision: Decision::Retired(OnPlaintext::Pass),
                winner: Some(Winner::Ledger { pattern, key: key.as_ref() }),
                legacy: None,
            };
        }
        let decision =
            if rule.is_some() { Decision::Disabled } else { Decision::Unmatched(self.policy.unmatched()) };
        Explanation { decision, winner, legacy: None }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encrypt(rule) => rule.fmt(f),
            Self::Pending(key) => {
                write!(f, "pending: writes wait, reads decrypted, to be encrypted with key {key}")
            }
            Self::Disabled => f.write_str("clear, encryption disabled"),
            Self::Retired(OnPlaintext::Pass) => f.write_str("retired: writes refused, reads decrypted"),
            Self::Retired(on_plaintext) => {
                write!(f, "retired: writes refused, reads decrypted (onPlaintext {on_plaintext:?})")
            }
            Self::Unmatched(UnmatchedTopics::Passthrough) => f.write_str("clear, unmatched"),
            Self::Unmatched(UnmatchedTopics::Reject) => f.write_str("refused, unmatched"),
            Self::Internal => f.write_str("clear, an internal topic of Kafka"),
        }
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decision.fmt(f)?;
        if let Some(legacy) = self.legacy {
            write!(f, ", {legacy}")?;
        }
        match &self.winner {
            None => Ok(()),
            Some(Winner::Rule { rule, pattern }) => write!(f, ", by rules[{rule}] ({pattern})"),
            Some(Winner::Ledger { pattern, key }) => {
                write!(f, ", since it was once encrypted ({pattern}")?;
                key.map_or(Ok(()), |key| write!(f, ", last with key {key}"))?;
                f.write_str(")")
            }
        }
    }
}
