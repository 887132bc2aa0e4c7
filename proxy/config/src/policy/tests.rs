//! What `policy.yaml` may say, and which pattern wins.

mod decisions;
mod record_keys;
mod refusals;

use proptest::prelude::*;

use super::*;
use crate::name::{KeyName, ProviderName, TopicName, TopicPrefix};

fn providers() -> BTreeSet<ProviderName> {
    ["default", "vault"].map(|name| ProviderName::new(name).unwrap()).into()
}

fn parse(text: &str) -> Result<Policy, String> {
    Policy::parse(text, &providers()).map_err(|errors| errors.to_string())
}

/// What is said about a policy of rules, one a line.
fn refusal(rules: &[&str]) -> String {
    parse(&format!("rules:\n  - {}\n", rules.join("\n  - "))).unwrap_err()
}

/// Conformance: P17-23.
#[test]
fn reads_the_documented_policy() {
    let text = r#"
unmatchedTopics: Reject
rules:
  - topics: [{prefix: "payments."}, {name: refunds}, {any: true}]
    key: {name: payments}
  - topics: [{prefix: "payments.public."}]
    encryption: Disabled
  - topics: [{name: "123"}]
    key: {provider: vault, name: a/b}
    format: Record
    onPlaintext: Reject
"#;
    let policy = parse(text).unwrap();
    assert_eq!(policy.unmatched(), UnmatchedTopics::Reject);
    assert_eq!(policy.text_bytes(), text.len());
    let rules: Vec<_> = policy.encrypt_rules().map(|rule| rule.as_ref().clone()).collect();
    let expected = |provider, key, format, on_plaintext| EncryptRule {
        provider: ProviderName::new(provider).unwrap(),
        key: KeyName::new(key).unwrap(),
        format,
        on_plaintext,
        on_unreadable: OnUnreadable::Error,
        headers: SealedHeaders::default(),
        pseudonym_key: None,
    };
    assert_eq!(
        rules,
        [
            expected("default", "payments", Format::Auto, OnPlaintext::Pass),
            expected("vault", "a/b", Format::Record, OnPlaintext::Reject)
        ]
    );
    assert_eq!(policy.rules()[1].action, Action::Disabled);
    assert_eq!(parse(&policy.to_yaml()).unwrap(), policy, "{}", policy.to_yaml());
    assert_eq!(parse(&serde_json::to_string(&policy).unwrap()).unwrap(), policy);
}

#[test]
fn ends_of_history_are_read_and_written() {
    let text = "rules: [{topics: [{any: true}], key: {name: k}, onPlaintext: PassUntil}]
history: [{topic: a, id: AAAAAAAAAAAAAAAAAAAAAA, until: [7, -1, 0]}]";
    let policy = parse(text).unwrap();
    assert_eq!(policy.encrypt_rules().next().unwrap().on_plaintext, OnPlaintext::PassUntil);
    let boundary = |partition| policy.history().boundary("a", TopicId([0; 16]), partition);
    assert_eq!(
        [boundary(0), boundary(1), boundary(2)],
        [Boundary::At(7), Boundary::Untaken, Boundary::At(0)]
    );
    assert_eq!(parse(&policy.to_yaml()).unwrap(), policy, "{}", policy.to_yaml());
    assert_ne!(policy, policy.clone().with_history(History::default()));
}

#[test]
fn what_consumers_get_for_unreadable_records_is_written_only_where_a_rule_says_it() {
    let policy = |said: &str| parse(&format!("rules: [{{topics: [{{any: true}}], key: {{name: k}}{said}}}]"));
    let rule = |policy: &Policy| policy.encrypt_rules().next().unwrap().on_unreadable;
    for (said, expected) in [
        ("", OnUnreadable::Error),
        (", onUnreadable: Error", OnUnreadable::Error),
        (", onUnreadable: Skip", OnUnreadable::Skip),
        (", onUnreadable: Tombstone", OnUnreadable::Tombstone),
    ] {
        let policy = policy(said).unwrap();
        assert_eq!(rule(&policy), expected, "{said}");
        assert_eq!(parse(&policy.to_yaml()).unwrap(), policy);
        // Programs of an earlier version refuse fields that they do not know.
        assert_eq!(policy.to_yaml().contains("onUnreadable"), expected != OnUnreadable::Error, "{said}");
    }
    assert_eq!(
        policy(", onUnreadable: Drop").unwrap_err(),
        "rules[0].onUnreadable: must be Error or Skip or Tombstone, not \"Drop\""
    );
    assert_eq!(
        refusal(&["{topics: [{name: a}], encryption: Retired, onUnreadable: Skip}"]),
        "rules[0].onUnreadable: must not be given beside encryption"
    );
}

#[test]
fn sealed_headers_are_read_in_any_order_and_written_only_where_a_rule_names_some() {
    let policy = |said: &str| parse(&format!("rules: [{{topics: [{{any: true}}], key: {{name: k}}{said}}}]"));
    let named = policy(", format: Record, headers: [user-id, authorization, Ünïcode]").unwrap();
    let headers = &named.encrypt_rules().next().unwrap().headers;
    assert_eq!(headers.names().collect::<Vec<_>>(), ["authorization", "user-id", "Ünïcode"]);
    assert!(headers.has(b"user-id") && headers.has("Ünïcode".as_bytes()));
    assert!(
        !headers.has(b"user") && !headers.has(b"user-id2") && !headers.has(b"User-Id") && !headers.has(b"")
    );
    assert_eq!(parse(&named.to_yaml()).unwrap(), named);
    assert_eq!(
        named.encrypt_rules().next().unwrap().to_string(),
        "encrypted with key k of provider default (format Record, onPlaintext Pass, headers [\"authorization\", \"user-id\", \"Ünïcode\"])"
    );
    // Programs of an earlier version refuse fields that they do not know.
    assert!(!policy(", format: Record").unwrap().to_yaml().contains("headers"));
    let only_record =
        "rules[0].headers: must only be given beside format: Record, as batch format encrypts all headers";
    for (said, refusal) in [
        (", headers: [a]", only_record),
        (", format: Auto, headers: [a]", only_record),
        (", format: Batch, headers: [a]", only_record),
        (", format: Record, headers: [a, b, a]", "rules[0].headers[2]: must not name a twice"),
        (", format: Record, headers: ['']", "rules[0].headers[0]: must have 1 to 255 bytes"),
        (
            ", format: Record, headers: [encryption.strimzi.io]",
            "rules[0].headers[0]: must not be encryption.strimzi.io, which holds envelopes",
        ),
        (", format: Record, headers: [\"a\\tb\"]", "rules[0].headers[0]: must not have control characters"),
    ] {
        let told = policy(said).unwrap_err();
        assert!(told.starts_with(refusal), "{said}: {told}");
    }
    let many = (0..65).map(|at| format!("h{at}")).collect::<Vec<_>>().join(", ");
    let told = policy(&format!(", format: Record, headers: [{many}]")).unwrap_err();
    assert!(told.starts_with("rules[0].headers: must have at most 64 names"), "{told}");
    assert_eq!(
        refusal(&["{topics: [{name: a}], encryption: Retired, headers: [a]}"]),
        "rules[0].headers: must not be given beside encryption"
    );
}

#[test]
fn legacy_formats_are_read_and_their_mistakes_told() {
    let text =
        |legacy: &str| format!("rules: [{{topics: [{{name: a}}], key: {{name: k}}, legacy: {legacy}}}]");
    let policy =
        parse(&text("[{format: KroxyliciousV2}, {format: TopicEncryptionV1, key: {name: former}}]")).unwrap();
    let legacy = &policy.rules()[0].legacy;
    assert_eq!(*legacy, self::legacy(3));
    assert_eq!(
        legacy.to_string(),
        "reads TopicEncryptionV1 with key former of provider default and KroxyliciousV2 with any key of provider default too"
    );
    let some = parse(&text("[{format: KroxyliciousV2, provider: vault, keys: [b, a]}]")).unwrap();
    assert_eq!(
        some.rules()[0].legacy.to_string(),
        "reads KroxyliciousV2 with keys a, b of provider vault too"
    );
    assert_eq!(parse(&some.to_yaml()).unwrap(), some);
    // Nothing is to be written with what only reads.
    assert!(!policy.keys().contains(legacy.topic_encryption_v1.as_ref().unwrap()));
    for (wrong, mistake) in [
        ("[]", "rules[0].legacy: must have at least one entry"),
        ("[{}]", "rules[0].legacy[0].format: is required"),
        ("[{format: KroxyliciousV2, keys: []}]", "rules[0].legacy[0].keys: must have at least one entry"),
        (
            "[{format: V1}]",
            "rules[0].legacy[0].format: must be TopicEncryptionV1 or KroxyliciousV2, not \"V1\"",
        ),
        ("[{format: TopicEncryptionV1}]", "rules[0].legacy[0].key: is required"),
        (
            "[{format: TopicEncryptionV1, key: {name: k}}]",
            "rules[0].legacy[0].key: must not be the key that the rule encrypts with",
        ),
        (
            "[{format: KroxyliciousV2, key: {name: k}}]",
            "rules[0].legacy[0].key: must not be given for this format, whose records name their keys",
        ),
        (
            "[{format: KroxyliciousV2, provider: other}]",
            "rules[0].legacy[0].provider: must have a provider that keyProviders defines (default, vault), not \"other\"",
        ),
        (
            "[{format: KroxyliciousV2}, {format: KroxyliciousV2, provider: vault}]",
            "rules[0].legacy[1]: has the same format as an earlier entry",
        ),
    ] {
        assert_eq!(parse(&text(wrong)).unwrap_err(), mistake, "{wrong}");
    }
    assert_eq!(
        refusal(&["{topics: [{name: a}], encryption: Disabled, legacy: [{format: KroxyliciousV2}]}"]),
        "rules[0].legacy: must not be given beside encryption: Disabled"
    );
}

#[test]
fn legacy_formats_are_those_of_the_rule_that_decides() {
    let policy = parse(
        "rules: [{topics: [{prefix: a.}], key: {name: k}, legacy: [{format: KroxyliciousV2}]}, \
         {topics: [{name: a.b}], key: {name: k}}, \
         {topics: [{name: a.c}], encryption: Pending, key: {name: k}, legacy: [{format: KroxyliciousV2}]}]",
    );
    let effective = EffectivePolicy::new(policy.unwrap(), Ledger::default());
    let reads = |topic| effective.explain(topic).legacy.is_some();
    assert_eq!(
        ["a.a", "a.b", "a.c", "b", "__consumer_offsets"].map(reads),
        [true, false, true, false, false]
    );
}

#[test]
fn empty_list_of_rules_is_allowed_but_must_be_said() {
    let policy = parse("rules: []").unwrap();
    assert_eq!(policy.unmatched(), UnmatchedTopics::Passthrough);
    assert!(policy.rules().is_empty());
    assert_eq!(parse("{}").unwrap_err(), "rules: is required");
    assert_eq!(parse("rules:").unwrap_err(), "rules: must be a list, not nothing");
    assert_eq!(parse("# nothing\n\n").unwrap_err(), "is empty");
    assert_eq!(parse("").unwrap_err(), "is empty");
    assert_eq!(parse("[]").unwrap_err(), "must be a mapping, not a list");
}

/// Conformance: P17-32.
#[test]
fn pending_and_retired_rules_and_read_keys_are_read_and_written() {
    let text = "
readKeys: [{name: old}, {provider: vault, name: next}]
rules:
  - {topics: [{name: later}], encryption: Pending, key: {provider: vault, name: later}}
  - {topics: [{name: former}], encryption: Retired, key: {provider: gone, name: former}}
  - {topics: [{name: refused}], encryption: Retired}
  - {topics: [{name: a}], key: {name: a}}
";
    let policy = parse(text).unwrap();
    assert_eq!(parse(&policy.to_yaml()).unwrap(), policy, "{}", policy.to_yaml());
    assert_eq!(policy.pending(), 1);
    let shown = |keys: Vec<KeyRef>| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
    let tried = [
        "a of provider default",
        "old of provider default",
        "later of provider vault",
        "next of provider vault",
    ];
    assert_eq!(shown(policy.keys().into_iter().collect()), tried);
    assert_eq!(shown(policy.read_keys().iter().cloned().collect()), [tried[1], tried[3]]);
    let ledger = Ledger::default().updated(&policy);
    let effective = EffectivePolicy::new(policy, ledger);
    let explain = |topic| effective.explain(topic).to_string();
    assert_eq!(
        explain("later"),
        "pending: writes wait, reads decrypted, to be encrypted with key later of provider vault, by rules[0] (name later)"
    );
    for (topic, rule) in [("former", 1), ("refused", 2)] {
        let expected = format!("retired: writes refused, reads decrypted, by rules[{rule}] (name {topic})");
        assert_eq!(explain(topic), expected);
    }
}

/// Names over a tiny alphabet, so that patterns overlap often.
fn name() -> impl Strategy<Value = String> {
    "[ab.]{1,5}".prop_filter("Kafka's rule", |name| TopicName::new(name.clone()).is_ok())
}

fn pattern() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        name().prop_map(|name| Pattern::Name(TopicName::new(name).unwrap())),
        "[ab.]{1,5}".prop_map(|prefix| Pattern::Prefix(TopicPrefix::new(prefix).unwrap())),
        Just(Pattern::Any),
    ]
}

fn key(name: &str) -> Action {
    Action::Encrypt(Arc::new(EncryptRule {
        provider: ProviderName::new("default").unwrap(),
        key: KeyName::new(name).unwrap(),
        format: Format::Auto,
        on_plaintext: OnPlaintext::Pass,
        on_unreadable: OnUnreadable::Error,
        headers: SealedHeaders::default(),
        pseudonym_key: None,
    }))
}

/// Every kind of entry, and none.
fn legacy(index: usize) -> Legacy {
    let provider = ProviderName::new("default").unwrap();
    let key = KeyRef { provider: provider.clone(), name: KeyName::new("former").unwrap() };
    Legacy {
        topic_encryption_v1: (index & 1 == 1).then_some(key),
        kroxylicious_v2: (index & 2 == 2).then(|| KroxyliciousKeys {
            provider,
            keys: (0..index & 4).map(|key| KeyName::new(key.to_string()).unwrap()).collect(),
        }),
    }
}

/// A policy with a rule for each of some distinct patterns.
fn policy() -> impl Strategy<Value = Policy> {
    let other = Action::Disabled;
    let strict = Action::Retired { key: key("k").key_ref(), on_plaintext: OnPlaintext::Reject };
    let lenient = Action::Retired { key: None, on_plaintext: OnPlaintext::Pass };
    let retired = prop_oneof![Just(lenient), Just(strict)];
    let pending = Action::Pending(key("l").key_ref().unwrap());
    let action = prop_oneof![Just(key("k")), Just(key("l")), Just(other), retired, Just(pending)];
    let unmatched = prop_oneof![Just(UnmatchedTopics::Passthrough), Just(UnmatchedTopics::Reject)];
    (unmatched, prop::collection::btree_map(pattern(), action, 0..8)).prop_map(|(unmatched, rules)| {
        let rule = |(index, (pattern, action)): (usize, (Pattern, Action))| {
            let legacy = if action == Action::Disabled { Legacy::default() } else { legacy(index) };
            Rule { topics: vec![pattern], action, legacy }
        };
        Policy::new(unmatched, rules.into_iter().enumerate().map(rule).collect()).unwrap()
    })
}

/// The specification, word for word and slowly.
fn naive<'a>(policy: &'a Policy, ledger: &'a Ledger, topic: &str) -> Decision<'a> {
    let rule = policy
        .rules()
        .iter()
        .filter(|rule| rule.topics[0].matches(topic))
        .max_by_key(|r| r.topics[0].specificity());
    let ever = ledger.entries().map(|(pattern, _)| pattern).filter(|pattern| pattern.matches(topic));
    let narrowest = ever.map(Pattern::specificity).max();
    match rule.map(|rule| (&rule.action, rule.topics[0].specificity())) {
        Some((Action::Encrypt(rule), _)) => Decision::Encrypt(rule),
        Some((Action::Pending(key), _)) => Decision::Pending(key),
        Some((Action::Disabled, specificity)) if narrowest.is_none_or(|ledger| specificity >= ledger) => {
            Decision::Disabled
        }
        Some((Action::Retired { on_plaintext, .. }, _)) => Decision::Retired(*on_plaintext),
        Some((Action::Disabled, _)) => Decision::Retired(OnPlaintext::Pass),
        None if narrowest.is_some() => Decision::Retired(OnPlaintext::Pass),
        None => Decision::Unmatched(policy.unmatched()),
    }
}

proptest! {
    /// Conformance: P17-04, TE-06.
    #[test]
    fn lookup_agrees_with_the_naive_one(history in prop::collection::vec(policy(), 1..4), topic in name()) {
        let ledger = history.iter().fold(Ledger::default(), |ledger, policy| ledger.updated(policy));
        let policy = history.last().unwrap().clone();
        let effective = EffectivePolicy::new(policy.clone(), ledger.clone());
        prop_assert_eq!(effective.decide(&topic), naive(&policy, &ledger, &topic));
        if let Some(Winner::Rule { pattern, .. } | Winner::Ledger { pattern, .. }) = effective.explain(&topic).winner {
            prop_assert!(pattern.matches(&topic));
        }
    }

    /// The promise itself: what a policy encrypts, will encrypt or refuses, no later policy makes clear except
    /// by a `Disabled` rule that matches.
    #[test]
    fn once_encrypted_is_never_silently_clear(before in policy(), after in policy(), topic in name()) {
        let ledger = Ledger::default().updated(&before);
        let encrypted = matches!(
            EffectivePolicy::new(before, ledger.clone()).decide(&topic),
            Decision::Encrypt(_) | Decision::Pending(_) | Decision::Retired(_)
        );
        let effective = EffectivePolicy::new(after.clone(), ledger.updated(&after));
        let decision = effective.decide(&topic);
        if encrypted && matches!(decision, Decision::Unmatched(_)) {
            // Only where a Disabled rule with the very pattern dropped the entry, and then it still matches.
            prop_assert!(false, "{topic} fell through to {decision:?}");
        }
        if encrypted && decision == Decision::Disabled {
            let said = after.rules().iter().any(|rule| rule.action == Action::Disabled && rule.topics[0].matches(&topic));
            prop_assert!(said);
        }
    }

    #[test]
    fn any_policy_survives_its_text(policy in policy()) {
        prop_assert_eq!(parse(&policy.to_yaml()).unwrap(), policy);
    }

    #[test]
    fn any_topic_name_survives_its_text(name in "[a-zA-Z0-9._-]{1,12}") {
        let topics = vec![Pattern::Prefix(TopicPrefix::new(name.clone()).unwrap())];
        let action = if KeyName::new(name.clone()).is_ok() { key(&name) } else { Action::Disabled };
        let policy = Policy::new(UnmatchedTopics::Reject, vec![Rule { topics, action, legacy: Legacy::default() }]).unwrap();
        prop_assert_eq!(parse(&policy.to_yaml()).unwrap(), policy);
    }

    /// Names come from clients, and need not be ones that Kafka would accept.
    #[test]
    fn lookup_takes_any_text(policy in policy(), topic in "\\PC{0,6}") {
        let ledger = Ledger::default();
        let effective = EffectivePolicy::new(policy.clone(), ledger.clone());
        prop_assert_eq!(effective.decide(&topic), naive(&policy, &ledger, &topic));
    }
}
