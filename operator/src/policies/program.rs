//! What proxies are told: the meaning of a `policy.yaml`.

mod file;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use operator_api::{OnPlaintext, OnUnreadable, RecordFormat, UnmatchedTopics};
use proxy_config::{
    History, KeyName, KeyRef, KnownKeys, Legacy, Pattern, ProviderName, PseudonymKey, Rotations,
    SealedHeaders,
};

use super::pattern_map::PatternMap;
use super::policy_id::PolicyId;

/// What happens to which topics, with every pattern in one place only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    unmatched: UnmatchedTopics,
    read_keys: BTreeSet<KeyRef>,
    known_keys: KnownKeys,
    rotations: Rotations,
    history: History,
    rules: PatternMap<MergedRule>,
}

/// What happens to the topics of one pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedRule {
    /// Which topics.
    pub pattern: Pattern,
    /// What happens to them.
    pub treatment: Treatment,
    /// The policy that says so or, for a retired pattern, that encrypted it last. Not part of the file.
    pub source: Option<PolicyId>,
}

/// What happens to topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Treatment {
    /// They are encrypted.
    Encrypt(Encrypt),
    /// They will be: writes wait, reads decrypt.
    Pending {
        /// The key to come.
        key: KeyRef,
        /// What other programs encrypted there before.
        legacy: Legacy,
    },
    /// Writes are refused, reads decrypt.
    Retired {
        /// The key they had last or should have had, for people.
        key: Option<KeyRef>,
        /// What becomes of clear records that a consumer meets.
        on_plaintext: OnPlaintext,
    },
    /// They are clear, explicitly.
    Clear,
}

/// How topics are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypt {
    /// The key-encryption key.
    pub key: KeyRef,
    /// How records are stored.
    pub format: RecordFormat,
    /// What becomes of clear records that a consumer meets.
    pub on_plaintext: OnPlaintext,
    /// What becomes of records whose key is gone.
    pub on_unreadable: OnUnreadable,
    /// Headers whose values are encrypted too; only in record format.
    pub headers: SealedHeaders,
    /// Keys of records become pseudonyms under it; only in record format.
    pub pseudonym_key: Option<PseudonymKey>,
    /// What other programs encrypted there before.
    pub legacy: Legacy,
}

impl Treatment {
    /// Writes are refused, reads decrypt, and clear records pass.
    pub fn retired(key: Option<KeyRef>) -> Self {
        Self::Retired { key, on_plaintext: OnPlaintext::Pass }
    }

    fn on_plaintext(&self) -> Option<OnPlaintext> {
        match self {
            Self::Encrypt(Encrypt { on_plaintext, .. }) | Self::Retired { on_plaintext, .. } => {
                Some(*on_plaintext)
            }
            Self::Pending { .. } | Self::Clear => None,
        }
    }
}

impl Program {
    /// Of these rules, of which the last counts where two have the same pattern.
    pub fn new(unmatched: UnmatchedTopics, rules: impl IntoIterator<Item = MergedRule>) -> Self {
        let rules = rules.into_iter().map(|rule| (rule.pattern.clone(), rule)).collect();
        Self { unmatched, rules, ..Self::default() }
    }

    /// With keys that proxies try though no rule names them.
    #[must_use]
    pub fn with_read_keys(mut self, keys: BTreeSet<KeyRef>) -> Self {
        self.read_keys = keys;
        self
    }

    /// Where records open under no keys but those that it tells of and these.
    #[must_use]
    pub fn with_known_keys(mut self, keys: impl IntoIterator<Item = KeyRef>) -> Self {
        let told = self.told_keys();
        let former = keys.into_iter().filter(|key| !told.contains(key)).collect();
        self.known_keys = KnownKeys { only: true, former };
        self
    }

    /// With marks of keys whose data keys are to be replaced.
    #[must_use]
    pub fn with_rotations(mut self, rotations: Rotations) -> Self {
        self.rotations = rotations;
        self
    }

    /// With what is known of history, as far as its rules let history pass.
    #[must_use]
    pub fn with_history(mut self, history: &History) -> Self {
        self.history = history.clone();
        let passes = |topic: &str| {
            let rule = self.rules.best(topic).and_then(|rule| rule.treatment.on_plaintext());
            rule == Some(OnPlaintext::PassUntil)
        };
        self.history.retain(passes);
        self
    }

    /// The same where nothing is written under keys that are lost: whatever was to be encrypted under one is refused. What the
    /// rule says of clear records stays.
    #[must_use]
    pub fn without_keys(mut self, is_lost: impl Fn(&KeyRef) -> bool) -> Self {
        for rule in self.rules.values_mut() {
            if let Treatment::Encrypt(Encrypt { key, on_plaintext, .. }) = &rule.treatment
                && is_lost(key)
            {
                rule.treatment = Treatment::Retired { key: Some(key.clone()), on_plaintext: *on_plaintext };
            }
        }
        self
    }

    /// What happens to topics that no rule matches.
    pub fn unmatched(&self) -> UnmatchedTopics {
        self.unmatched
    }

    /// Keys that proxies try though no rule names them.
    pub fn read_keys(&self) -> &BTreeSet<KeyRef> {
        &self.read_keys
    }

    /// Keys that records open under, where not under all; `None` if under all.
    pub fn known_keys(&self) -> Option<BTreeSet<KeyRef>> {
        let KnownKeys { only, former } = &self.known_keys;
        only.then(|| self.told_keys().into_iter().chain(former.iter().cloned()).collect())
    }

    /// Marks of keys whose data keys are to be replaced.
    pub fn rotations(&self) -> &Rotations {
        &self.rotations
    }

    /// Where history ends in topics whose rules let it pass.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The rules in the order of their patterns.
    pub fn rules(&self) -> impl Iterator<Item = &MergedRule> {
        self.rules.values()
    }

    /// The rule that decides about a topic.
    pub fn decide(&self, topic: &str) -> Option<&MergedRule> {
        self.rules.best(topic)
    }

    /// The rules by pattern.
    pub(crate) fn patterns(&self) -> &PatternMap<MergedRule> {
        &self.rules
    }

    /// Whether it leaves the topics of a pattern clear, as far as nothing narrower decides.
    pub(super) fn is_clear(&self, pattern: &Pattern) -> bool {
        match self.rules.covering(pattern).map(|rule| &rule.treatment) {
            None => self.unmatched == UnmatchedTopics::Passthrough,
            Some(Treatment::Clear) => true,
            Some(Treatment::Encrypt(_) | Treatment::Pending { .. } | Treatment::Retired { .. }) => false,
        }
    }

    /// Every key that proxies try: of rules that encrypt or will, and those for reading.
    pub fn keys(&self) -> BTreeSet<KeyRef> {
        let named = self.rules().filter_map(|rule| match &rule.treatment {
            Treatment::Encrypt(Encrypt { key, .. }) | Treatment::Pending { key, .. } => Some(key),
            Treatment::Retired { .. } | Treatment::Clear => None,
        });
        named.chain(&self.read_keys).cloned().collect()
    }

    /// Every key that stands in it for another reason than that it was used before.
    fn told_keys(&self) -> BTreeSet<KeyRef> {
        let retired = self.rules().filter_map(|rule| match &rule.treatment {
            Treatment::Retired { key, .. } => key.clone(),
            Treatment::Encrypt(_) | Treatment::Pending { .. } | Treatment::Clear => None,
        });
        self.keys().into_iter().chain(retired).collect()
    }

    /// The same by provider, for instance to make keys that are missing.
    pub fn keys_by_provider(&self) -> BTreeMap<ProviderName, BTreeSet<KeyName>> {
        let mut providers: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for KeyRef { provider, name } in self.keys() {
            providers.entry(provider).or_default().insert(name);
        }
        providers
    }
}
