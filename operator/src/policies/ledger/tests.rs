use proxy_config::{KeyName, KeyRef, Pattern, ProviderName, TopicPrefix};

use super::{Ledger, LedgerEntry, ProviderIdentity};
use crate::policies::PolicyId;

const TEXT: &str = "\
# Written by the operator: topic patterns that were ever encrypted, with the key and the policy that each had last.
# Topics that match stay encrypted or are refused, until a rule with the same pattern, of a policy in the same
# namespace, says `encryption: Disabled`. Keep a copy. Where the ledger is lost, whatever it held may become clear.
version: 1
serial: 12
encrypted:
- topic:
    name: refunds
  key:
    provider: default
    name: payments
  policy: kafka/payments
- topic:
    prefix: '1'
  key:
    provider: vault
    name: team/one
  policy: one/all
- topic:
    any: true
  key:
    provider: default
    name: other
  policy: kafka/other
earlierKeys:
- provider: default
  name: before
providers:
  default:
    kind: local
    secret: my-cluster-encryption-keys
  vault:
    kind: vault
";

/// As ledgers were before they were counted.
const EARLIER: &str = "\
version: 1
encrypted:
- topic: {prefix: a}
  key: {provider: default, name: one}
  policy: x/p
";

fn key(name: &str) -> KeyRef {
    KeyRef { provider: ProviderName::new("default").unwrap(), name: KeyName::new(name).unwrap() }
}

fn prefix(text: &str) -> Pattern {
    Pattern::Prefix(TopicPrefix::new(text).unwrap())
}

fn ledger(serial: u64, entries: &[(&str, &str, &str)]) -> Ledger {
    let mut ledger = Ledger { serial, ..Ledger::default() };
    for (pattern, name, policy) in entries {
        ledger.insert(prefix(pattern), LedgerEntry { key: key(name), policy: PolicyId::new(*policy, "p") });
    }
    ledger
}

#[test]
fn a_ledger_without_a_count_is_understood() {
    let known = Ledger { has_all_keys: false, ..ledger(0, &[("a", "one", "x")]) };
    assert_eq!(Ledger::parse(EARLIER).unwrap(), known);
}

#[test]
fn a_ledger_that_does_not_say_that_it_has_all_keys_may_lack_some() {
    let has_all = |text: &str| Ledger::parse(text).unwrap().has_all_keys();
    assert!(!has_all(EARLIER) && !has_all(TEXT));
    assert!(!has_all("version: 1\nserial: 4\nencrypted: []\n"), "all was cleared");
    assert!(has_all("version: 1\nencrypted: []\n"), "nothing was ever encrypted");
    let whole = ledger(1, &[("a", "one", "x")]);
    assert!(has_all(&whole.to_yaml()));
    let (older, newer) = (Ledger { has_all_keys: false, ..whole.clone() }, ledger(2, &[("a", "one", "x")]));
    assert!(older.completed_from(&newer).has_all_keys(), "set back to what an older operator wrote");
    let older = Ledger { has_all_keys: false, ..newer };
    assert!(!whole.completed_from(&older).has_all_keys());
}

#[test]
fn a_key_is_remembered_when_its_pattern_has_another_or_is_gone() {
    let mut ledger = ledger(1, &[("a", "one", "x"), ("a", "two", "x")]);
    ledger.entries.remove(&prefix("a"));
    let again = Ledger::parse(&ledger.to_yaml()).unwrap();
    assert_eq!(again.keys().collect::<Vec<_>>(), [&key("one"), &key("two")]);
}

#[test]
fn a_key_is_remembered_with_the_namespaces_that_had_it() {
    let ledger = ledger(1, &[("a", "one", "x"), ("b", "one", "y"), ("b", "two", "y"), ("c", "one", "z")]);
    let text = ledger.to_yaml();
    assert!(
        text.ends_with(
            "earlierKeys:\n- provider: default\n  name: one\n  namespaces:\n  - y\nallKeys: true\n"
        ),
        "{text}"
    );
    assert_eq!(Ledger::parse(&text).unwrap(), ledger);
    let owners = ledger.keys_by_namespace().map(|(_, namespaces)| namespaces.len());
    assert_eq!(owners.collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn a_ledger_that_was_set_back_gets_what_it_lacks() {
    let (old, copy) = (ledger(3, &[("a", "one", "x")]), ledger(5, &[("a", "one", "x"), ("b", "two", "x")]));
    assert_eq!(old.completed_from(&copy), copy);
    assert_eq!(copy.completed_from(&copy), copy);
    assert_eq!(copy.patterns_beyond(&old), [prefix("b")]);
}

#[test]
fn the_later_of_two_ledgers_knows_whom_a_pattern_belongs_to() {
    let (old, new) = (ledger(3, &[("a", "one", "x"), ("c", "one", "x")]), ledger(5, &[("a", "two", "y")]));
    for whole in [old.completed_from(&new), new.completed_from(&old)] {
        assert_eq!(whole.entries().get(&prefix("a")).unwrap().policy, PolicyId::new("y", "p"));
        assert_eq!(whole.entries().len(), 2, "what only the older one has is not lost either");
        assert_eq!(whole.serial, 6);
    }
}

#[test]
fn what_providers_were_is_noted_for_those_that_have_data_and_counts_as_a_change() {
    let local = |secret: &str| ProviderIdentity { kind: "local".to_owned(), secret: Some(secret.to_owned()) };
    let now =
        |secret: &str| [("default".to_owned(), local(secret)), ("unused".to_owned(), local("x"))].into();
    let noted = ledger(3, &[("a", "one", "x")]).with_providers(&now("keys"));
    assert_eq!((noted.serial(), noted.provider("default")), (4, Some(&local("keys"))));
    assert_eq!(noted.provider("unused"), None);
    assert_eq!(noted.with_providers(&now("keys")).serial(), 4, "nothing new");
    let moved = noted.with_providers(&now("team"));
    assert_eq!((moved.serial(), moved.provider("default")), (5, Some(&local("team"))));
    let old = ledger(3, &[("a", "one", "x")]);
    assert_eq!(old.completed_from(&noted), noted);
    let later = ledger(9, &[("a", "one", "x")]);
    assert_eq!(later.completed_from(&noted).provider("default"), Some(&local("keys")));
}

#[test]
fn its_text_is_stable() {
    assert_eq!(Ledger::parse(TEXT).unwrap().to_yaml(), TEXT);
    assert_eq!(Ledger::parse(&Ledger::default().to_yaml()).unwrap(), Ledger::default());
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let entry = "topic: {prefix: a}, key: {name: k}, policy: n/p";
    for (text, said) in [
        ("", "version"),
        ("version: 2\nsomething: new\n", "version: must be 1, not 2"),
        ("version: 1\n", "missing field `encrypted`"),
        ("version: 1\nencrypted: []\nowner: me\n", "unknown field `owner`"),
        (&format!("version: 1\nencrypted: [{{{entry}}}, {{{entry}}}]\n"), "encrypted[1].topic: is the same"),
        (
            "version: 1\nencrypted: [{topic: {prefix: a}, key: {name: k}}]\n",
            "encrypted[0]: missing field `policy`",
        ),
        (
            "version: 1\nencrypted: [{topic: {prefix: a}, key: {name: k}, policy: p}]\n",
            "must be the namespace and the name",
        ),
        (
            "version: 1\nencrypted: [{topic: {prefix: a b}, key: {name: k}, policy: n/p}]\n",
            "may only have letters",
        ),
        (
            "version: 1\nencrypted: [{topic: {name: __consumer_offsets}, key: {name: k}, policy: n/p}]\n",
            "internal",
        ),
        (
            "version: 1\nencrypted: [{topic: {any: true}, key: {name: ../k}, policy: n/p}]\n",
            "must not have an empty, '.'",
        ),
    ] {
        let error = Ledger::parse(text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}
