//! Mistakes in policies, each told with its place.

use super::super::*;
use super::{parse, refusal};
use crate::name::ProviderName;

/// Conformance: P17-24, TE-07.
#[test]
fn refuses_mistaken_rules() {
    const CHARS: &str = "may only have letters, digits, '.', '_' and '-'";
    let long = "x".repeat(250);
    let (long_topic, long_key) = (
        format!("{{topics: [{{name: {long}}}], key: {{name: k}}}}"),
        format!("{{topics: [{{name: a}}], key: {{name: {long}xxxx}}}}"),
    );
    let shown = format!("\"{}\"…", "x".repeat(64));
    for (rule, expected) in [
        ("{topics: [{name: a}]}", "rules[0].key: is required".to_owned()),
        ("{key: {name: k}}", "rules[0].topics: is required".to_owned()),
        ("{topics: [], key: {name: k}}", "rules[0].topics: must have at least one entry".to_owned()),
        ("{topics: [a], key: {name: k}}", "rules[0].topics[0]: must be a mapping, not text".to_owned()),
        ("{topics: [{}], key: {name: k}}", "rules[0].topics[0]: must have exactly one of name, prefix, any".to_owned()),
        (
            "{topics: [{name: a, prefix: b}], key: {name: k}}",
            "rules[0].topics[0]: must have exactly one of name, prefix, any".to_owned(),
        ),
        ("{topics: [{any: false}], key: {name: k}}", "rules[0].topics[0].any: must be true".to_owned()),
        (
            "{topics: [{name: 123}], key: {name: k}}",
            "rules[0].topics[0].name: must be text, not a number: put it in quotes".to_owned(),
        ),
        ("{topics: [{name: ''}], key: {name: k}}", r#"rules[0].topics[0].name: must have 1 to 249 characters, not """#.to_owned()),
        (&long_topic, format!("rules[0].topics[0].name: must have 1 to 249 characters, not {shown}")),
        ("{topics: [{name: ..}], key: {name: k}}", r#"rules[0].topics[0].name: must not be '.' or '..', not "..""#.to_owned()),
        (
            "{topics: [{name: 'a*'}], key: {name: k}}",
            format!(r#"rules[0].topics[0].name: {CHARS} (for all that begin so, use prefix), not "a*""#),
        ),
        ("{topics: [{prefix: ''}], key: {name: k}}", r#"rules[0].topics[0].prefix: must have 1 to 249 characters, not """#.to_owned()),
        ("{topics: [{prefix: a/}], key: {name: k}}", format!(r#"rules[0].topics[0].prefix: {CHARS}, not "a/""#)),
        (
            "{topics: [{name: __consumer_offsets}], encryption: Disabled}",
            "rules[0].topics[0].name: must not be an internal topic of Kafka, which no rule applies to, such as __consumer_offsets".to_owned(),
        ),
        ("{topics: [{name: a}], key: {}}", "rules[0].key.name: is required".to_owned()),
        ("{topics: [{name: a}], key: k}", "rules[0].key: must be a mapping, not text".to_owned()),
        ("{topics: [{name: a}], key: {name: a/../b}}", r#"rules[0].key.name: must not have an empty, '.' or '..' part between slashes, not "a/../b""#.to_owned()),
        ("{topics: [{name: a}], key: {name: 'a+b'}}", r#"rules[0].key.name: may only have letters, digits, '.', '_', '-', ':' and '/', not "a+b""#.to_owned()),
        (&long_key, format!("rules[0].key.name: must have 1 to 253 characters, not {shown}")),
        (
            "{topics: [{name: a}], key: {provider: aws, name: k}}",
            r#"rules[0].key.provider: must have a provider that keyProviders defines (default, vault), not "aws""#.to_owned(),
        ),
        ("{topics: [{name: a}], key: {name: k}, format: auto}", r#"rules[0].format: must be Auto or Batch or Record, not "auto""#.to_owned()),
        ("{topics: [{name: a}], key: {name: k}, onPlaintext: Drop}", r#"rules[0].onPlaintext: must be Pass or PassUntil or Reject, not "Drop""#.to_owned()),
        ("{topics: [{name: a}], encryption: Enabled}", r#"rules[0].encryption: must be Pending or Retired or Disabled, not "Enabled""#.to_owned()),
        (
            "{topics: [{name: a}], encryption: Disabled, key: {name: k}, format: Auto, onPlaintext: Pass}",
            ["key", "format", "onPlaintext"].map(|name| format!("rules[0].{name}: must not be given beside encryption")).join("\n"),
        ),
        ("{topics: [{name: a}], encryption: Pending}", "rules[0].key: is required".to_owned()),
        (
            "{topics: [{name: a}], encryption: Pending, key: {provider: aws, name: k}, format: Auto}",
            "rules[0].format: must not be given beside encryption\nrules[0].key.provider: must have a provider that keyProviders defines (default, vault), not \"aws\"".to_owned(),
        ),
        (
            "{topics: [{name: a}], encryption: Retired, key: {name: ''}, onUnreadable: Skip}",
            "rules[0].onUnreadable: must not be given beside encryption\nrules[0].key.name: must have 1 to 253 characters, not \"\"".to_owned(),
        ),
        ("{topics: [{name: a}], keys: {name: k}}", "rules[0].keys: is not a known field; did you mean key?\nrules[0].key: is required".to_owned()),
    ] {
        assert_eq!(refusal(&[rule]), expected, "{rule}");
    }
}

#[test]
fn refuses_mistaken_read_keys() {
    for (keys, expected) in [
        ("k", "readKeys: must be a list, not text"),
        ("[{}]", "readKeys[0].name: is required"),
        (
            "[{name: k}, {provider: default, name: k}]",
            "readKeys[1]: is the same as an earlier entry, k of provider default",
        ),
        (
            "[{provider: aws, name: k}]",
            r#"readKeys[0].provider: must have a provider that keyProviders defines (default, vault), not "aws""#,
        ),
    ] {
        assert_eq!(parse(&format!("readKeys: {keys}\nrules: []\n")).unwrap_err(), expected, "{keys}");
    }
    assert_eq!(parse("{readKeys: [], rules: []}").unwrap(), parse("rules: []").unwrap());
}

/// Conformance: TE-03.
#[test]
fn default_provider_must_be_defined_where_a_rule_relies_on_it() {
    let vault = [ProviderName::new("vault").unwrap()].into();
    let errors = Policy::parse("rules: [{topics: [{name: a}], key: {name: k}}]", &vault).unwrap_err();
    assert_eq!(
        errors.to_string(),
        r#"rules[0].key: must have a provider that keyProviders defines (vault), not "default""#
    );
}

/// Conformance: TE-03, TE-B11.
#[test]
fn same_pattern_twice_names_both_places() {
    let rules = [
        "{topics: [{name: a}, {prefix: a}, {name: a}], key: {name: k}}",
        "{topics: [{any: true}, {name: }], key: {name: k}}",
        "{topics: [{prefix: a}, {name: b}], encryption: Disabled}",
    ];
    let expected = "rules[1].topics[1].name: must be text, not nothing
rules[0].topics[2]: is the same pattern as rules[0].topics[0], name a
rules[2].topics[0]: is the same pattern as rules[0].topics[1], prefix a";
    assert_eq!(refusal(&rules), expected);

    let policy = parse("rules: [{topics: [{name: a}], key: {name: k}}]").unwrap();
    let twice = [policy.rules(), policy.rules()].concat();
    let errors = Policy::new(UnmatchedTopics::Reject, twice).unwrap_err();
    assert_eq!(errors.to_string(), "rules[1].topics[0]: is the same pattern as rules[0].topics[0], name a");
}
