//! What is allowed but probably not meant.

use proxy_config::{
    Action, EffectivePolicy, KeyProvider, Legacy, OnPlaintext, OnUnreadable, Pattern, ProxyConfig,
};
use std::collections::HashMap;

/// Sentences, in the order of the files.
pub(super) fn find(config: &ProxyConfig, effective: &EffectivePolicy) -> Vec<String> {
    let mut findings = Vec::new();
    for listener in config.listeners.iter().filter(|listener| listener.tls.is_none()) {
        findings.push(format!(
            "listener {} has no tls: what is encrypted at rest crosses the network in clear",
            listener.name
        ));
    }
    if config.upstream.tls.is_none() {
        findings.push("upstream has no tls: clients' passwords may reach brokers in clear".to_owned());
    }
    if config.upstream.authentication.as_ref().is_some_and(|own| own.allow_anonymous_clients) {
        findings.push(
            "clients without a certificate act at brokers as the proxy (allowAnonymousClients: true)"
                .to_owned(),
        );
    }
    for provider in effective.unused_providers(&config.provider_names()) {
        findings.push(format!(
            "no rule uses keyProviders.{provider}: only records that were encrypted with its keys before still need it"
        ));
    }
    rules(effective, &mut findings);
    legacy(config, effective, &mut findings);
    kept_by_ledger(effective, &mut findings);
    findings
}

fn rules(effective: &EffectivePolicy, findings: &mut Vec<String>) {
    let rules = effective.policy().rules();
    let wider = Wider::of(effective);
    for (index, rule) in rules.iter().enumerate() {
        if let Action::Encrypt(encrypt) = &rule.action
            && encrypt.on_plaintext == OnPlaintext::Pass
        {
            findings.push(format!(
                "rules[{index}] delivers clear records to consumers (onPlaintext: Pass); \
                 set PassUntil, which refuses what is written in clear from now on, or Reject once all records are encrypted"
            ));
        }
        if let Action::Encrypt(encrypt) = &rule.action
            && encrypt.on_unreadable != OnUnreadable::Error
        {
            findings.push(format!(
                "rules[{index}] goes on past records whose key is gone (onUnreadable: {:?}), also where it was taken away by \
                 mistake: consumers do not come back to them",
                encrypt.on_unreadable
            ));
        }
        for pattern in &rule.topics {
            let Some(Entry { rule: other, pattern: wide, action }) = wider.next(pattern) else {
                continue;
            };
            if *action == &rule.action {
                findings.push(format!(
                    "rules[{index}] says for {pattern} what rules[{other}] says for {wide} already"
                ));
            } else if rule.action == Action::Disabled {
                findings.push(format!(
                    "rules[{index}] leaves {pattern} in clear inside {wide}, which rules[{other}] encrypts"
                ));
            }
        }
    }
}

/// Earlier programs bind what they encrypt to nothing, and not every kind of provider has their keys.
fn legacy(config: &ProxyConfig, effective: &EffectivePolicy, findings: &mut Vec<String>) {
    for (index, rule) in effective.policy().rules().iter().enumerate() {
        let Legacy { topic_encryption_v1: key, kroxylicious_v2: keys } = &rule.legacy;
        if !rule.legacy.is_empty() {
            findings.push(format!(
                "rules[{index}] {}, which is bound to no topic or record: remove legacy once nothing in that format is left",
                rule.legacy
            ));
        }
        let kind = |provider| config.key_providers.get(provider);
        if let Some(key) = key
            && !matches!(kind(&key.provider), Some(KeyProvider::Local { .. }))
        {
            findings.push(format!(
                "rules[{index}].legacy names a key of provider {}, which is not local: it has no keys of topic-encryption",
                key.provider
            ));
        }
        if let Some(keys) = keys
            && !matches!(
                kind(&keys.provider),
                Some(KeyProvider::Local { .. } | KeyProvider::Vault(_) | KeyProvider::AwsKms(_))
            )
        {
            findings.push(format!(
                "rules[{index}].legacy names provider {}, which is not local, vault or awsKms: it has no keys of Kroxylicious",
                keys.provider
            ));
        }
    }
}

/// Only a rule with the very pattern undoes an encryption; who writes a wider one may expect more.
fn kept_by_ledger(effective: &EffectivePolicy, findings: &mut Vec<String>) {
    for (index, rule) in effective.policy().rules().iter().enumerate() {
        if rule.action != Action::Disabled {
            continue;
        }
        for kept in crate::live::retired(effective) {
            if let Some(wide) = rule.topics.iter().find(|wide| covers(wide, kept)) {
                findings.push(format!(
                    "rules[{index}] disables {wide}, but {kept} inside it was encrypted before and stays \
                     refused until a rule disables that very pattern"
                ));
            }
        }
    }
}

struct Entry<'a> {
    rule: usize,
    pattern: &'a Pattern,
    action: &'a Action,
}

/// Finds the pattern that would decide if a narrower one were not there.
struct Wider<'a> {
    prefixes: HashMap<&'a str, Entry<'a>>,
    any: Option<Entry<'a>>,
}

impl<'a> Wider<'a> {
    fn of(effective: &'a EffectivePolicy) -> Self {
        let mut wider = Self { prefixes: HashMap::new(), any: None };
        for (index, rule) in effective.policy().rules().iter().enumerate() {
            for pattern in &rule.topics {
                let entry = Entry { rule: index, pattern, action: &rule.action };
                match pattern {
                    Pattern::Name(_) => {}
                    Pattern::Prefix(prefix) => {
                        wider.prefixes.insert(prefix.as_str(), entry);
                    }
                    Pattern::Any => wider.any = Some(entry),
                }
            }
        }
        wider
    }

    fn next(&self, pattern: &Pattern) -> Option<&Entry<'a>> {
        let (text, longest) = match pattern {
            Pattern::Name(name) => (name.as_str(), name.as_str().len()),
            Pattern::Prefix(prefix) => (prefix.as_str(), prefix.as_str().len().saturating_sub(1)),
            Pattern::Any => return None,
        };
        let mut shorter = (1..=longest).rev().filter_map(|length| text.get(..length));
        shorter.find_map(|prefix| self.prefixes.get(prefix)).or(self.any.as_ref())
    }
}

fn covers(wide: &Pattern, narrow: &Pattern) -> bool {
    if wide.specificity() >= narrow.specificity() {
        return false;
    }
    match narrow {
        Pattern::Name(name) => wide.matches(name.as_str()),
        Pattern::Prefix(prefix) => wide.matches(prefix.as_str()),
        Pattern::Any => false,
    }
}
