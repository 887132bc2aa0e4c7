//! Which keys the envelopes of records may name. Whoever writes to brokers chooses what an envelope says, so without a limit
//! he chooses what providers are asked for.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Policy;
use super::ledger::{KeyRef, Ledger};
use crate::name::{KeyName, ProviderName};
use crate::reader::{Field, Fields};

/// What a policy says of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownKeys {
    /// Whether records open under known keys alone.
    pub only: bool,
    /// Keys that no rule names any more and that records may be under. Their providers may be gone.
    pub former: BTreeSet<KeyRef>,
}

impl KnownKeys {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        let choices = [("Any", false), ("Known", true)];
        let only =
            fields.optional("envelopeKeys").and_then(|field| field.choice(&choices)).unwrap_or_default();
        let written = fields.optional("formerKeys");
        if let Some(field) = written.filter(|_| !only) {
            field.mistake("must not be given without envelopeKeys: Known, as records open under any key");
        }
        Self { only, former: written.and_then(|field| key_set(field, None)).unwrap_or_default() }
    }
}

/// The keys that records open under.
#[derive(Debug, Clone)]
pub(super) enum Openable {
    Any,
    Only(HashMap<ProviderName, HashSet<KeyName>>),
}

impl Openable {
    /// All that the policy and the ledger tell of. A key that is new to a rule must be known before anybody writes under it: see
    /// [`read_keys`](Policy::read_keys).
    pub(super) fn of(policy: &Policy, ledger: &Ledger) -> Self {
        if !policy.known_keys().only {
            return Self::Any;
        }
        let of_rules = policy.rules().iter().filter_map(|rule| rule.action.key_ref());
        let of_ledger = ledger.entries().filter_map(|(_, key)| key.cloned());
        let listed = policy.read_keys().iter().chain(&policy.known_keys().former).cloned();
        let mut keys: HashMap<_, HashSet<_>> = HashMap::new();
        for KeyRef { provider, name } in of_rules.chain(of_ledger).chain(listed) {
            keys.entry(provider).or_default().insert(name);
        }
        Self::Only(keys)
    }

    pub(super) fn has(&self, provider: &str, key: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(keys) => keys.get(provider).is_some_and(|keys| keys.contains(key)),
        }
    }
}

/// Reads a list of keys; their providers must be among the given, if they are known.
pub(super) fn key_set(
    field: &Field<'_>,
    providers: Option<&BTreeSet<ProviderName>>,
) -> Option<BTreeSet<KeyRef>> {
    let mut keys = BTreeSet::new();
    for item in field.items()? {
        let Some(key) = KeyRef::read(&item, providers) else { continue };
        if keys.contains(&key) {
            item.mistake(format!("is the same as an earlier entry, {key}"));
        }
        keys.insert(key);
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::EffectivePolicy;

    const RULES: &str = "
rules:
  - {topics: [{name: a}], key: {name: a}}
  - {topics: [{name: b}], encryption: Pending, key: {name: b}}
  - {topics: [{name: c}], encryption: Retired, key: {provider: gone, name: c}}
";

    fn parse(text: &str) -> Result<Policy, String> {
        Policy::parse(text, &[ProviderName::new("default").unwrap()].into())
            .map_err(|error| error.to_string())
    }

    /// Whether keys may be opened, under a policy and a ledger of an earlier one.
    fn open(text: &str, keys: [(&str, &str); 7]) -> [bool; 7] {
        let earlier = parse("rules: [{topics: [{name: d}], key: {name: d}}]").unwrap();
        let ledger = Ledger::default().updated(&earlier);
        let policy = parse(&format!("{text}{RULES}")).unwrap();
        assert_eq!(parse(&policy.to_yaml()).unwrap(), policy);
        let effective = EffectivePolicy::new(policy, ledger);
        keys.map(|(provider, key)| effective.may_open(provider, key))
    }

    const KEYS: [(&str, &str); 7] = [
        ("default", "a"),
        ("default", "b"),
        ("gone", "c"),
        ("default", "d"),
        ("default", "e"),
        ("old", "f"),
        ("gone", "a"),
    ];

    #[test]
    fn records_open_under_what_was_ever_told_of() {
        let text = "envelopeKeys: Known\nreadKeys: [{name: e}]\nformerKeys: [{provider: old, name: f}]";
        assert_eq!(open(text, KEYS), [true, true, true, true, true, true, false], "of another provider");
        assert_eq!(open("envelopeKeys: Known", KEYS), [true, true, true, true, false, false, false]);
    }

    #[test]
    fn without_a_word_of_it_records_open_under_any_key() {
        assert_eq!(open("", KEYS), [true; 7]);
        assert_eq!(open("envelopeKeys: Any", KEYS), [true; 7]);
    }

    #[test]
    fn a_list_that_says_nothing_is_a_mistake() {
        let refused = |text: &str| parse(&format!("{text}\nrules: []")).unwrap_err();
        let expected =
            "formerKeys: must not be given without envelopeKeys: Known, as records open under any key";
        assert_eq!(refused("formerKeys: [{name: a}]"), expected);
        let expected = "formerKeys[1]: is the same as an earlier entry, a of provider default";
        assert_eq!(refused("envelopeKeys: Known\nformerKeys: [{name: a}, {name: a}]"), expected);
        assert_eq!(refused("envelopeKeys: known"), "envelopeKeys: must be Any or Known, not \"known\"");
    }
}
