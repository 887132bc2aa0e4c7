//! The pages in `proxy/docs` show only what the parsers take, and say what they do.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proxy_config::{BrokersFile, Decision, EffectivePolicy, Ledger, Policy, ProviderName, ProxyConfig};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// A page of the folder.
fn page(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// The names of all pages.
fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.len() >= 15, "{names:?}");
    names
}

/// All pages but the one on migration, whose blocks stand in lists: `migration.rs` is about it.
fn pages() -> Vec<String> {
    names().iter().filter(|name| *name != "migration.md").map(|name| page(name)).collect()
}

/// The blocks of one kind in a page, such as "yaml proxy".
fn blocks(page: &str, kind: &str) -> Vec<String> {
    let open = format!("\n```{kind}\n");
    page.split(&open).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

/// The blocks of one kind in all pages.
fn all(kind: &str) -> Vec<String> {
    let blocks: Vec<_> = pages().iter().flat_map(|page| blocks(page, kind)).collect();
    assert!(!blocks.is_empty(), "no block of {kind}");
    blocks
}

fn policy(text: &str) -> Policy {
    let providers: BTreeSet<_> = [ProviderName::new("default").expect("a valid name")].into();
    Policy::parse(text, &providers).expect("a valid policy")
}

#[test]
fn every_page_is_listed() {
    let list = page("README.md");
    for name in names() {
        assert!(name == "README.md" || list.contains(&format!("]({name}")), "{name} is not in README.md");
    }
}

#[test]
fn every_block_of_yaml_is_tested() {
    let kinds = ["yaml proxy", "yaml brokers", "yaml policy", "yaml state"];
    let tested: usize = kinds.iter().map(|kind| all(kind).len()).sum();
    let shown: usize = pages().iter().map(|page| page.matches("```yaml").count()).sum();
    assert_eq!(shown, tested);
}

/// Conformance: TE-28, TE-B10.
#[test]
fn proxy_blocks_are_valid() {
    for text in all("yaml proxy") {
        ProxyConfig::parse(&text, Path::new("/etc/proxy")).unwrap();
    }
}

/// TE-28, TE-B10: the files that the README gives to whoever runs the proxy by itself.
#[test]
fn files_of_the_readme_are_valid() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let section = readme.split("\n## Run the proxy by itself\n").nth(1).unwrap();
    let [proxy, policy, ..] = &blocks(section, "yaml")[..] else { panic!("two blocks at least") };
    let config = ProxyConfig::parse(proxy, Path::new("/etc/proxy")).unwrap();
    Policy::parse(policy, &config.provider_names()).unwrap();
}

#[test]
fn full_example_shows_the_defaults() {
    let blocks = blocks(&page("proxy.md"), "yaml proxy");
    let [minimal, full, ..] = &blocks[..] else { panic!("two blocks at least") };
    let minimal = ProxyConfig::parse(minimal, Path::new("")).unwrap();
    let mut full = ProxyConfig::parse(full, Path::new("")).unwrap();
    full.limits.fetch_max_bytes = None;
    assert_eq!(full.policy, minimal.policy);
    assert_eq!(full.listeners[0].brokers, minimal.listeners[0].brokers);
    assert_eq!(
        (full.admin, full.limits, full.drain, full.log),
        (minimal.admin, minimal.limits, minimal.drain, minimal.log)
    );
}

/// Conformance: TE-B10.
#[test]
fn other_blocks_are_valid() {
    for text in all("yaml policy") {
        policy(&text);
    }
    for text in all("yaml brokers") {
        assert!(!BrokersFile::parse(&text).unwrap().brokers.is_empty());
    }
    for text in all("yaml state") {
        assert!(!Ledger::parse(&text).unwrap().is_empty());
    }
}

#[test]
fn example_messages_are_the_real_ones() {
    let [messages] = all("text").try_into().unwrap();
    let text = blocks(&page("proxy.md"), "yaml proxy")[0].replace("29100", "65530") + "\nlisners: []\n";
    let errors = ProxyConfig::parse(&text, Path::new("")).unwrap_err().to_string();
    for message in messages.lines() {
        let message = message.strip_prefix("/etc/proxy/proxy.yaml: ").unwrap();
        assert!(errors.lines().any(|error| error == message), "{message} is not among\n{errors}");
    }
}

#[test]
fn table_of_retired_topics_is_true() {
    let before = policy("rules: [{topics: [{prefix: payments.}], key: {name: k}}]");
    let ledger = Ledger::default().updated(&before);
    let page = page("policy.md");
    let rows = page.split("| policy now |").nth(1).unwrap().split("\n\n").next().unwrap().lines().skip(2);
    let mut count = 0;
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let pattern = cells[0].split('`').nth(1).unwrap();
        let text = match cells[0].rsplit(' ').next().unwrap() {
            "disabled" => format!("rules: [{{topics: [{pattern}], encryption: Disabled}}]"),
            "encrypted" => format!("rules: [{{topics: [{pattern}], key: {{name: k}}}}]"),
            _ => pattern.to_owned(),
        };
        let policy = policy(&text);
        let effective = EffectivePolicy::new(policy.clone(), ledger.updated(&policy));
        for (topic, cell) in ["payments.a", "payments.public.a", "other"].iter().zip(&cells[1..]) {
            let expected = match effective.decide(topic) {
                Decision::Encrypt(_) => "encrypted",
                Decision::Pending(_) => "pending",
                Decision::Disabled => "clear",
                Decision::Retired(_) => "retired",
                Decision::Unmatched(_) => "unmatched",
                Decision::Internal => "internal",
            };
            assert!(cell.starts_with(expected), "{topic}: {row}");
        }
        assert_eq!(effective.ledger().is_empty(), row.contains("record removed"), "{row}");
        count += 1;
    }
    assert_eq!(count, 5);
}
