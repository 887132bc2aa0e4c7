use std::collections::BTreeSet;

use proxy_config::{Policy, ProviderName};

use super::Program;

const TEXT: &str = "\
unmatchedTopics: Reject
readKeys:
- provider: default
  name: next
rules:
- topics:
  - name: '123'
  - prefix: payments.
  key:
    provider: vault
    name: payments
  format: Batch
  onPlaintext: Reject
- topics:
  - prefix: former.
  encryption: Retired
- topics:
  - prefix: damaged.
  encryption: Retired
  onPlaintext: Reject
- topics:
  - prefix: orders.
  encryption: Pending
  key:
    provider: default
    name: orders
- topics:
  - any: true
  encryption: Disabled
";

#[test]
fn a_file_says_what_was_written() {
    let program = Program::parse(TEXT).unwrap();
    assert_eq!(program.decide("123").unwrap().treatment, program.decide("payments.a").unwrap().treatment);
    assert_eq!(Program::parse(&program.to_yaml()).unwrap(), program);
    let keys: Vec<_> = program.keys().into_iter().map(|key| key.to_string()).collect();
    assert_eq!(
        keys,
        ["next of provider default", "orders of provider default", "payments of provider vault"]
    );
}

/// Conformance: P17-27.
#[test]
fn proxies_read_what_is_written() {
    let providers: BTreeSet<_> = ["default", "vault"].map(|name| ProviderName::new(name).unwrap()).into();
    let known = "\
unmatchedTopics: Reject
rules:
- topics: [{name: '123'}, {prefix: payments.}]
  key: {provider: vault, name: payments}
  format: Batch
- topics: [{any: true}]
  encryption: Disabled
";
    let written = Program::parse(known).unwrap().to_yaml();
    assert_eq!(Policy::parse(&written, &providers).unwrap(), Policy::parse(known, &providers).unwrap());
}

/// Proxies of an earlier version refuse a file with a field that they do not know.
#[test]
fn what_consumers_get_for_unreadable_records_is_written_only_where_it_is_said() {
    let text = |said: &str| format!("rules: [{{topics: [{{name: a}}], key: {{name: k}}{said}}}]");
    for said in ["", ", onUnreadable: Error"] {
        assert!(!Program::parse(&text(said)).unwrap().to_yaml().contains("onUnreadable"));
    }
    let skip = Program::parse(&text(", onUnreadable: Skip")).unwrap();
    assert_eq!(Program::parse(&skip.to_yaml()).unwrap(), skip);
    let policy = Policy::parse(&skip.to_yaml(), &[ProviderName::new("default").unwrap()].into()).unwrap();
    assert_eq!(policy.encrypt_rules().next().unwrap().on_unreadable, proxy_config::OnUnreadable::Skip);
}

#[test]
fn sealed_headers_are_written_only_where_they_are_said_and_as_proxies_read_them() {
    let text =
        |said: &str| format!("rules: [{{topics: [{{name: a}}], key: {{name: k}}, format: Record{said}}}]");
    assert!(!Program::parse(&text("")).unwrap().to_yaml().contains("headers"));
    let program = Program::parse(&text(", headers: [user-id, 'null', authorization]")).unwrap();
    assert_eq!(Program::parse(&program.to_yaml()).unwrap(), program);
    let policy = Policy::parse(&program.to_yaml(), &[ProviderName::new("default").unwrap()].into()).unwrap();
    let headers = &policy.encrypt_rules().next().unwrap().headers;
    assert_eq!(headers.names().collect::<Vec<_>>(), ["authorization", "null", "user-id"]);
}

#[test]
fn pseudonym_keys_are_written_only_where_they_are_said_and_as_proxies_read_them() {
    let text =
        |said: &str| format!("rules: [{{topics: [{{name: a}}], key: {{name: k}}, format: Record{said}}}]");
    assert!(!Program::parse(&text("")).unwrap().to_yaml().contains("recordKeys"));
    // One that would be a number without quotes.
    for said in ["AQID/w==", "'1234'"] {
        let program = Program::parse(&text(&format!(", recordKeys: {{pseudonymKey: {said}}}"))).unwrap();
        assert_eq!(Program::parse(&program.to_yaml()).unwrap(), program);
        let policy =
            Policy::parse(&program.to_yaml(), &[ProviderName::new("default").unwrap()].into()).unwrap();
        let key = policy.encrypt_rules().next().unwrap().pseudonym_key.clone().unwrap();
        assert_eq!(key.to_string(), said.trim_matches('\''));
    }
}

#[test]
fn legacy_formats_are_written_only_where_they_are_said_and_as_proxies_read_them() {
    let text = |said: &str| format!("rules: [{{topics: [{{name: a}}], key: {{name: k}}{said}}}]");
    assert!(!Program::parse(&text("")).unwrap().to_yaml().contains("legacy"));
    let providers = ["default", "vault"].map(|name| ProviderName::new(name).unwrap()).into();
    let entries = "[{format: TopicEncryptionV1, key: {name: former}}, \
                   {format: KroxyliciousV2, provider: vault, keys: [orders, payments]}]";
    for said in [format!(", legacy: {entries}"), format!(", encryption: Pending, legacy: {entries}")] {
        let program = Program::parse(&text(&said)).unwrap();
        assert_eq!(Program::parse(&program.to_yaml()).unwrap(), program);
        let read = Policy::parse(&program.to_yaml(), &providers).unwrap();
        assert_eq!(read, Policy::parse(&text(&said), &providers).unwrap());
        assert!(!read.rules()[0].legacy.is_empty());
        // Keys that only read are never made.
        assert_eq!(program.keys().len(), 1);
    }
}

#[test]
fn a_mistake_is_named_with_its_place() {
    for (text, said) in [
        ("rules: []\nother: 1\n", "unknown field `other`"),
        ("{}", "missing field `rules`"),
        (
            "rules: [{topics: [{name: a}], key: {name: k}}, {topics: [{name: a}], encryption: Disabled}]",
            "rules[1].topics[0]",
        ),
        ("rules: [{topics: [{name: a}]}]", "rules[0]: must have a key"),
        ("rules: [{topics: [{name: a}], encryption: Pending}]", "rules[0]: must have a key"),
        (
            "rules: [{topics: [{name: a}], encryption: Retired, format: Batch}]",
            "rules[0]: must not have format",
        ),
        (
            "rules: [{topics: [{name: a}], encryption: Retired, recordKeys: {pseudonymKey: AQID}}]",
            "rules[0]: must not have format, onPlaintext, onUnreadable, headers or recordKeys",
        ),
        (
            "rules: [{topics: [{name: a}], key: {name: k}, recordKeys: {pseudonymKey: '?'}}]",
            "rules[0]: has no valid recordKeys",
        ),
        (
            "rules: [{topics: [{name: a}], encryption: Retired, legacy: [{format: KroxyliciousV2}]}]",
            "rules[0]: must not have legacy",
        ),
        ("rules: [{topics: [{nme: a}], encryption: Disabled}]", "rules[0].topics[0]: unknown field `nme`"),
        (
            "rules: [{topics: [{name: a, any: true}], encryption: Disabled}]",
            "exactly one of name, prefix and any",
        ),
    ] {
        let error = Program::parse(text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}
