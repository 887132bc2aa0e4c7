//! Entry points for arbitrary text: called by the fuzzer in `proxy/fuzz` and by tests of this crate.
#![allow(missing_docs, clippy::missing_panics_doc)]

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;

use crate::{
    BrokersFile, ConfigErrors, EffectivePolicy, History, Ledger, Policy, Principal, ProviderName,
    ProxyConfig, ToolsConfig, is_internal_topic,
};

/// A name, what is run, and inputs to begin with.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

pub const TARGETS: &[Target] = &[
    ("config_policy", fuzz_policy, policies),
    ("config_proxy", fuzz_proxy, proxies),
    ("config_state", fuzz_state, states),
];

fn fuzz_policy(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Some(policy) = taken(Policy::parse(text, &providers())) else { return };
    let written = policy.to_yaml();
    let again = Policy::parse(&written, &providers());
    assert!(again.is_ok_and(|again| again.to_yaml() == written), "what is written means the same");
    let effective = EffectivePolicy::new(policy, Ledger::default());
    for topic in ["payments", "payments.in", "", "__consumer_offsets", "\0"] {
        let (decision, explained) = (effective.decide(topic).to_string(), effective.explain(topic));
        assert_eq!(decision, explained.decision.to_string(), "what is explained is what is done");
        assert!(!is_internal_topic(topic) || decision.starts_with("clear"), "internal topics stay clear");
    }
    let _ = effective.may_open("default", "payments");
}

fn fuzz_proxy(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let _ = taken(ToolsConfig::parse(text, Path::new("/etc/proxy")));
    if let Some(config) = taken(ProxyConfig::parse(text, Path::new("/etc/proxy"))) {
        let written = config.to_yaml();
        let again = ProxyConfig::parse(&written, Path::new("/etc/proxy"));
        assert!(again.is_ok_and(|again| again.to_yaml() == written), "what is written means the same");
    }
    let _ = Principal::new(text);
}

/// Files that the program, or the operator, writes.
fn fuzz_state(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Some(ledger) = taken(Ledger::parse(text)) {
        let again = Ledger::parse(&ledger.to_yaml());
        assert!(again.is_ok_and(|again| again == ledger), "no pattern is lost");
    }
    if let Some(history) = taken(History::parse(text)) {
        let again = History::parse(&history.to_yaml());
        assert!(again.is_ok_and(|again| again == history), "no offset is lost");
    }
    if let Some(brokers) = taken(BrokersFile::parse(text)) {
        let again = BrokersFile::parse(&brokers.to_yaml());
        assert!(again.is_ok_and(|again| again == brokers), "no address is lost");
    }
}

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// Mistakes are told in bounded words.
fn taken<T>(parsed: Result<T, ConfigErrors>) -> Option<T> {
    let errors = match parsed {
        Ok(value) => return Some(value),
        Err(errors) => errors,
    };
    let told = errors.to_string();
    assert!(!told.is_empty() && told.len() < 64 << 10, "mistakes are told in bounded words");
    None
}

fn providers() -> BTreeSet<ProviderName> {
    ["default", "vault"].into_iter().filter_map(|name| ProviderName::new(name).ok()).collect()
}

/// The blocks of the pages, each with as much around it as it lacks.
fn blocks(pages: &[&str]) -> Vec<Vec<u8>> {
    let blocks = pages.iter().flat_map(|page| page.split("\n```yaml").skip(1));
    let blocks = blocks.filter_map(|rest| rest.split_once('\n')?.1.split("\n```").next());
    blocks.map(|block| block.as_bytes().to_vec()).collect()
}

fn policies() -> Vec<Vec<u8>> {
    let rule = "rules:\n- topics: [{prefix: payments.}, {name: refunds}, {any: true}]\n  key: {name: payments}\n  \
                format: Auto\n  onPlaintext: Reject\n";
    let mut all = blocks(&[
        include_str!("../../docs/policy.md"),
        include_str!("../../docs/history.md"),
        include_str!("../../docs/unreadable.md"),
        include_str!("../../docs/headers.md"),
        include_str!("../../docs/record-keys.md"),
    ]);
    all.push(rule.into());
    all
}

fn proxies() -> Vec<Vec<u8>> {
    let whole = "cluster: my-cluster\nupstream: {bootstrapServers: ['127.0.0.1:19092']}\nlisteners: \
        [{name: plain, bind: '127.0.0.1:29092', advertisedHost: 127.0.0.1, brokerPorts: {start: 29100}}]\n\
        policy: {file: policy.yaml}\nkeyProviders: {default: {local: {directory: keys}}}\n";
    let mut all = blocks(&[
        include_str!("../../docs/proxy.md"),
        include_str!("../../docs/listeners.md"),
        include_str!("../../docs/clients.md"),
        include_str!("../../docs/key-providers.md"),
        include_str!("../../docs/cloud-key-providers.md"),
    ]);
    all.push(whole.into());
    all
}

fn states() -> Vec<Vec<u8>> {
    let ledger = "version: 1\nencrypted:\n- topic: {prefix: payments.}\n  key: {provider: default, name: payments}\n\
                  - topic: {name: refunds}\n";
    let history = "version: 1\nhistory:\n  AAAAAAAAAAAAAAAAAAAAAQ: {topic: payments, until: [1, -1, 7]}\n";
    let brokers = "brokers: {0: 'broker-0.example.com:9092', 7: '[::1]:9093'}\n";
    [ledger, history, brokers].map(|text| text.as_bytes().to_vec()).to_vec()
}
