//! The life of a ledger: in memory over edits of the policy, and on disk.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::policy::{Decision, EffectivePolicy, UnmatchedTopics};

fn policy(rules: &str) -> Policy {
    let providers: BTreeSet<_> = [ProviderName::new("default").unwrap()].into();
    Policy::parse(&format!("rules: [{rules}]"), &providers).unwrap()
}

/// A proxy that has loaded some policies, one after the other.
struct History(Ledger);

impl History {
    fn of(policies: &[&str]) -> Self {
        Self(policies.iter().fold(Ledger::default(), |ledger, rules| ledger.updated(&policy(rules))))
    }

    /// What happens to a topic once this policy is loaded too.
    fn then(&self, rules: &str, topic: &str) -> &'static str {
        let policy = policy(rules);
        let ledger = self.0.updated(&policy);
        match EffectivePolicy::new(policy, ledger).decide(topic) {
            Decision::Encrypt(_) => "encrypt",
            Decision::Pending(_) => "pending",
            Decision::Disabled => "disabled",
            Decision::Retired(_) => "retired",
            Decision::Unmatched(UnmatchedTopics::Passthrough | UnmatchedTopics::Reject) => "unmatched",
            Decision::Internal => "internal",
        }
    }

    fn patterns(&self) -> Vec<String> {
        self.0.entries().map(|(pattern, _)| pattern.to_string()).collect()
    }
}

const P: &str = "{topics: [{prefix: p.}], key: {name: k}}";
const P_OFF: &str = "{topics: [{prefix: p.}], encryption: Disabled}";

#[test]
fn removed_rule_is_retired_until_it_comes_back() {
    let history = History::of(&[P]);
    assert_eq!(history.then("", "p.a"), "retired");
    assert_eq!(history.then("", "q"), "unmatched");
    assert_eq!(History::of(&[P, ""]).then(P, "p.a"), "encrypt");
    assert_eq!(History::of(&[P, "", ""]).then("", "p.a"), "retired");
}

#[test]
fn other_key_or_format_is_no_retirement() {
    let edited = "{topics: [{prefix: p.}], key: {name: l}, format: Record}";
    assert_eq!(History::of(&[P]).then(edited, "p.a"), "encrypt");
    let ledger = History::of(&[P, edited]);
    assert_eq!(
        ledger.0.entries().map(|(_, key)| key.unwrap().to_string()).collect::<Vec<_>>(),
        ["l of provider default"]
    );
}

#[test]
fn narrower_rule_leaves_the_rest_retired() {
    let narrower = "{topics: [{prefix: p.x.}], key: {name: k}}";
    let history = History::of(&[P]);
    assert_eq!(history.then(narrower, "p.x.a"), "encrypt");
    assert_eq!(history.then(narrower, "p.a"), "retired");
}

#[test]
fn wider_rule_takes_over() {
    let wider = "{topics: [{prefix: p}], key: {name: k}}";
    assert_eq!(History::of(&[P]).then(wider, "p.a"), "encrypt");
    assert_eq!(History::of(&[P, wider]).patterns(), ["prefix p", "prefix p."]);
    assert_eq!(History::of(&[P, wider]).then("", "p.a"), "retired");
}

#[test]
fn same_pattern_disabled_clears_and_forgets() {
    let history = History::of(&[P]);
    assert_eq!(history.then(P_OFF, "p.a"), "disabled");
    assert_eq!(History::of(&[P, P_OFF]).patterns(), Vec::<String>::new());
    assert_eq!(History::of(&[P, P_OFF]).then("", "p.a"), "unmatched");
    assert_eq!(History::of(&[P, P_OFF, P]).then("", "p.a"), "retired");
}

#[test]
fn narrower_disabled_clears_only_itself() {
    let hole = "{topics: [{prefix: p.public.}], encryption: Disabled}";
    let history = History::of(&[P]);
    assert_eq!(history.then(hole, "p.public.a"), "disabled");
    assert_eq!(history.then(hole, "p.a"), "retired");
    assert_eq!(History::of(&[P, hole]).patterns(), ["prefix p."]);
    assert_eq!(History::of(&[P, hole]).then("", "p.public.a"), "retired");
}

#[test]
fn wider_disabled_does_not_undo_what_it_does_not_name() {
    let everything = "{topics: [{any: true}], encryption: Disabled}";
    let history = History::of(&[P, "{topics: [{name: t}], key: {name: k}}"]);
    assert_eq!(history.then(everything, "p.a"), "retired");
    assert_eq!(history.then(everything, "t"), "retired");
    assert_eq!(history.then(everything, "q"), "disabled");
    // Named one by one, it is.
    let all_named = format!("{P_OFF}, {{topics: [{{name: t}}], encryption: Disabled}}, {everything}");
    assert_eq!(history.then(&all_named, "t"), "disabled");
}

#[test]
fn emptied_policy_retires_everything() {
    let history = History::of(&["{topics: [{any: true}], key: {name: k}}"]);
    assert_eq!(history.then("", "whatever"), "retired");
    assert_eq!(history.then("", "__consumer_offsets"), "internal");
}

#[test]
fn encrypting_wins_over_a_narrower_entry() {
    let history = History::of(&["{topics: [{name: p.a}], key: {name: old}}"]);
    assert_eq!(history.then(P, "p.a"), "encrypt");
}

#[test]
fn pending_rule_is_recorded_as_one_that_encrypts() {
    let pending = "{topics: [{prefix: p.}], encryption: Pending, key: {name: k}}";
    assert_eq!(History::of(&[]).then(pending, "p.a"), "pending");
    let history = History::of(&[pending]);
    assert_eq!(history.0, History::of(&[P]).0);
    assert_eq!(history.then("", "p.a"), "retired");
    assert_eq!(history.then("{topics: [{any: true}], encryption: Disabled}", "p.a"), "retired");
    assert_eq!(history.then(P_OFF, "p.a"), "disabled");
    assert_eq!(History::of(&["{topics: [{name: p.a}], key: {name: k}}"]).then(pending, "p.a"), "pending");
}

#[test]
fn retired_rule_is_recorded_with_the_key_that_is_known() {
    let retired = "{topics: [{prefix: p.}], encryption: Retired}";
    let named = "{topics: [{prefix: p.}], encryption: Retired, key: {name: l}}";
    let keys = |policies: &[&str]| {
        let ledger = History::of(policies).0;
        ledger.entries().map(|(_, key)| key.map(|key| key.name.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(History::of(&[]).then(retired, "p.a"), "retired");
    assert_eq!(History::of(&[retired]).then("", "p.a"), "retired");
    assert_eq!(keys(&[retired]), [None]);
    assert_eq!(keys(&[P, retired]), [Some("k".to_owned())]);
    assert_eq!(keys(&[P, named]), [Some("l".to_owned())]);
    let ledger = History::of(&[retired, "{topics: [{name: a}], key: {name: k}}"]).0;
    assert_eq!(Ledger::parse(&ledger.to_yaml()).unwrap(), ledger, "{}", ledger.to_yaml());
}

#[test]
fn saved_ledger_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("policy.yaml.state");
    assert!(Ledger::load(&path).unwrap().is_empty());
    assert!(!Ledger::default().save(&path).unwrap());
    assert!(!path.exists());

    let ledger = History::of(&[P, "{topics: [{any: true}, {name: '1'}], key: {name: a/b}}"]).0;
    assert!(ledger.save(&path).unwrap());
    assert_eq!(Ledger::load(&path).unwrap(), ledger);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!ledger.save(&path).unwrap(), "unchanged");

    let smaller = History::of(&[P]).0;
    assert!(smaller.save(&path).unwrap());
    assert_eq!(Ledger::load(&path).unwrap(), smaller);
    assert!(Ledger::default().save(&path).unwrap());
    assert!(Ledger::load(&path).unwrap().is_empty());
    let left: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["policy.yaml.state"], "no temporary file stays");
}

#[test]
fn state_file_is_for_people_too() {
    let text = History::of(&[P]).0.to_yaml();
    let (comments, body): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with('#'));
    let expected = "version: 1
encrypted:
- topic:
    prefix: p.
  key:
    provider: default
    name: k";
    assert_eq!(body.join("\n"), expected);
    assert!(comments[0].starts_with("# Written by the proxy"));
}

#[test]
fn damaged_state_is_an_error_and_never_empty() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    for (text, expected) in [
        ("", "is empty"),
        ("{}", "version: is required\nencrypted: is required"),
        ("{version: 2, encrypted: []}", "version: must be a whole number from 1 to 1, not 2"),
        ("{version: 1, encrypted: [{key: {name: a}}]}", "encrypted[0].topic: is required"),
        ("{version: 1, encrypted: [], more: 1}", "more: is not a known field; known are version, encrypted"),
        (
            "{version: 1, encrypted: [{topic: {name: a}, key: {name: k}}, {topic: {name: a}, key: {name: l}}]}",
            "encrypted[1]: has the same topic as an earlier entry",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let error = Ledger::load(&path).unwrap_err();
        assert!(matches!(error, LedgerError::Corrupt { .. }));
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert_eq!(error.source().unwrap().to_string(), expected);
    }
    // Cut off in the middle, as a copy that was not atomic would be.
    let whole = History::of(&[P]).0.to_yaml();
    for cut in 0..whole.len() - 2 {
        if let Ok(ledger) = Ledger::parse(&whole[..cut]) {
            assert!(!ledger.is_empty(), "cut at {cut}");
        }
    }
}

#[test]
fn only_a_file_that_never_was_counts_as_empty() {
    let directory = tempfile::tempdir().unwrap();
    let unmounted = directory.path().join("volume/state");
    assert!(matches!(Ledger::load(&unmounted), Err(LedgerError::Read { .. })));
    let dangling = directory.path().join("state");
    symlink(&unmounted, &dangling).unwrap();
    assert!(matches!(Ledger::load(&dangling), Err(LedgerError::Read { .. })));
    assert!(matches!(Ledger::load(directory.path()), Err(LedgerError::Read { .. })));
}

#[test]
fn failed_save_leaves_the_old_file() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("volume/state");
    let error = History::of(&[P]).0.save(&missing).unwrap_err();
    assert!(matches!(error, LedgerError::Write { .. }));
    assert!(error.to_string().contains("volume/state"));
    // A directory cannot be replaced by a file, so the rename fails and must clean up.
    let occupied = directory.path().join("occupied");
    fs::create_dir(&occupied).unwrap();
    History::of(&[P]).0.save(&occupied).unwrap_err();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
