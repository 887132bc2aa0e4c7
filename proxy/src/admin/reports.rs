//! The JSON that the operator and people read. Field names are part of the contract with the operator.

use crate::live::{Live, LoadedPolicy};
use humantime::format_rfc3339_millis;
use proxy_config::{Action, KeyName, Pattern, ProviderName, UnmatchedTopics};
use serde::Serialize;
use std::time::SystemTime;

/// `/policy`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    hash: Option<String>,
    generation: u64,
    loaded_at: Option<String>,
    last_error: Option<String>,
    unmatched_topics: Option<UnmatchedTopics>,
    rules: usize,
    /// Writes to these are refused, since they were encrypted once and no rule says otherwise.
    retired: Vec<Pattern>,
}

impl Policy {
    pub(super) fn of(live: &Live) -> Self {
        let loaded = live.policy();
        let loaded = loaded.as_deref();
        let policy = loaded.map(|loaded| loaded.effective.policy());
        Self {
            hash: loaded.map(|loaded| loaded.hash.clone()),
            generation: loaded.map_or(0, |loaded| loaded.generation),
            loaded_at: loaded.map(|loaded| time(loaded.loaded_at)),
            last_error: live.last_error().map(|error| error.to_string()),
            unmatched_topics: policy.map(proxy_config::Policy::unmatched),
            rules: policy.map_or(0, |policy| policy.rules().len()),
            retired: loaded.map(LoadedPolicy::retired).unwrap_or_default().into_iter().cloned().collect(),
        }
    }
}

/// One entry of `/keys`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleKey {
    topics: Vec<Pattern>,
    provider: ProviderName,
    key: KeyName,
    state: &'static str,
    message: Option<String>,
    checked_at: Option<String>,
}

/// `/keys`: the rules that encrypt, in the order of the policy file.
pub(super) fn rule_keys(live: &Live) -> Vec<RuleKey> {
    let Some(loaded) = live.policy() else {
        return Vec::new();
    };
    let rules = loaded.effective.policy().rules().iter();
    rules
        .filter_map(|rule| match &rule.action {
            Action::Encrypt(encrypt) => Some((&rule.topics, encrypt)),
            Action::Disabled => None,
        })
        .map(|(topics, encrypt)| {
            let attempt = live.key_attempt(&encrypt.key_ref());
            RuleKey {
                topics: topics.clone(),
                provider: encrypt.provider.clone(),
                key: encrypt.key.clone(),
                state: attempt.state.name(),
                message: attempt.state.message().map(str::to_owned),
                checked_at: attempt.at.map(time),
            }
        })
        .collect()
}

fn time(time: SystemTime) -> String {
    format_rfc3339_millis(time).to_string()
}
