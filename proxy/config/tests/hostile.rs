//! Text that nobody would write: it is refused in bounded time and memory, never with a panic.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proxy_config::{BrokersFile, Ledger, MAX_FILE_BYTES, Policy, ProxyConfig};

/// Puts a text through every parser.
fn parse_all(text: &str) -> Vec<String> {
    let errors = [
        ProxyConfig::parse(text, Path::new("")).err(),
        Policy::parse(text, &BTreeSet::new()).err(),
        Ledger::parse(text).err(),
        BrokersFile::parse(text).err(),
    ];
    errors.into_iter().flatten().map(|errors| errors.to_string()).collect()
}

/// All parsers refuse the text, soon, and say this.
fn refused(text: &str, expected: &str) {
    let start = Instant::now();
    let errors = parse_all(text);
    assert!(start.elapsed() < Duration::from_secs(30), "took {:?}", start.elapsed());
    assert_eq!(errors.len(), 4);
    for error in errors {
        assert!(error.contains(expected), "{}", error.chars().take(300).collect::<String>());
        assert!(error.len() < 64 << 10, "{} bytes of message", error.len());
    }
}

#[test]
fn billion_laughs_are_bounded() {
    let level = |level: usize| {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        format!("a{level}: &a{level} [{aliases}]\n")
    };
    let text = format!("a0: &a0 [x]\n{}", (1..30).map(level).collect::<Vec<_>>().concat());
    refused(&text, "is not valid YAML");
}

#[test]
fn one_large_value_repeated_is_bounded() {
    let text = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(400_000), "*a, ".repeat(100_000));
    refused(&text, "aliases expand to too much");
    let text = format!("a: &a [{}]\nb: [{}]\n", "1, ".repeat(100_000), "*a, ".repeat(100_000));
    refused(&text, "aliases expand to too much");
}

#[test]
fn deep_nesting_is_bounded() {
    for open in ["[", "{", "- ", "? ", "{a: ", "[[{a: ", "[\"]\", "] {
        refused(&open.repeat((MAX_FILE_BYTES - 1) / open.len()), "is not valid YAML");
    }
}

#[test]
fn size_is_bounded() {
    let text = format!("rules: []\n{}", "#\n".repeat(MAX_FILE_BYTES / 2));
    let error = Policy::parse(&text, &BTreeSet::new()).unwrap_err();
    assert_eq!(error.to_string(), "is larger than 1048576 bytes");
}

#[test]
fn number_and_size_of_messages_are_bounded() {
    let text = (0..50_000).map(|number| format!("f{number}: 1\n")).collect::<Vec<_>>().concat();
    let error = Policy::parse(&text, &BTreeSet::new()).unwrap_err();
    assert_eq!(error.mistakes().len(), 100);
    assert!(error.to_string().ends_with("and 49901 more"), "{error}");
    refused(&format!("\"{}\": 1", "\\n".repeat(500)), "is not a known field");
}

#[test]
fn messages_stay_on_their_line() {
    let errors = ProxyConfig::parse("cluster: \"a\\nb\"\n\"c\\nd\": 1\n", Path::new("")).unwrap_err();
    assert_eq!(errors.to_string().lines().count(), errors.mistakes().len());
}

#[test]
fn several_documents_are_refused() {
    let error = Policy::parse("rules: []\n---\nrules: []\n", &BTreeSet::new()).unwrap_err();
    assert!(error.to_string().starts_with("is not valid YAML: "), "{error}");
}

#[test]
fn modest_aliases_work() {
    let text = "rules:\n- {topics: [{name: a}], encryption: &off Disabled}\n- {topics: [{name: b}], encryption: *off}\n";
    Policy::parse(text, &BTreeSet::new()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}") {
        parse_all(&text);
    }

    #[test]
    fn arbitrary_yaml_never_panics(text in "([a-z]{1,3}: |[-?] |[\\[\\]{},\"'&*!|>#%@\n ]|rules: |topics: |name: |key: |[0-9]|__|~){0,60}") {
        parse_all(&text);
    }

    #[test]
    fn arbitrary_fields_never_panic(field in "(cluster|upstream|listeners|keyProviders|policy|limits|rules|version|encrypted)", value in "[\\[\\]{}a-z0-9:, \"]{0,40}") {
        parse_all(&format!("{field}: {value}"));
        parse_all(&format!("{field}: [{{{value}}}]"));
    }
}
