//! What a policy itself holds under keys, beside all records: rules cannot be carried out without it.

use super::super::content::{Format, Protection};
use proxy_config::{Action, Policy, Rule};
use proxy_crypto::Keys;
use std::sync::Arc;

/// A key for pseudonyms of records' keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// The rule that holds it, in words.
    pub(super) rule: String,
    /// What wraps it.
    pub(super) protection: Protection,
}

impl Held {
    /// All of a policy. Providers tell versions, and are not asked.
    pub(crate) fn of(policy: &Policy, keys: &Keys) -> Vec<Self> {
        let held = policy.rules().iter().enumerate().filter_map(|(index, rule)| {
            let Action::Encrypt(encrypt) = &rule.action else { return None };
            let wrapped = encrypt.pseudonym_key.as_ref()?.as_bytes();
            let protection = Protection {
                provider: encrypt.provider.as_str().into(),
                key: encrypt.key.as_str().into(),
                version: keys.version_of_wrapped(&encrypt.provider, wrapped).map(Arc::from),
                format: Format::Record,
                data_key: None,
            };
            Some(Self { rule: named(index, rule), protection })
        });
        held.collect()
    }

    /// Why the answer is no.
    pub(super) fn reason(&self) -> String {
        let version = self.protection.version.as_deref().unwrap_or("unknown");
        format!(
            "{} needs it to write: its recordKeys.pseudonymKey is wrapped by version {version}; wrap that again \
             (keys pseudonym --rewrap), and put what is printed into the policy",
            self.rule
        )
    }
}

fn named(index: usize, rule: &Rule) -> String {
    let first = rule.topics.first().map_or_else(String::new, ToString::to_string);
    let more = rule.topics.len().saturating_sub(1);
    if more == 0 {
        format!("rules[{index}] of the policy ({first})")
    } else {
        format!("rules[{index}] of the policy ({first} and {more} more)")
    }
}
