//! What the audit log is told of a policy.

use super::LoadedPolicy;
use super::loader::Loader;
use proxy_config::{Action, Pattern, Policy, Rule};

/// Says which policy is in force, and what it says of topics and keys, so that a call to a key provider can be put down to
/// topics.
pub(super) fn loaded(loaded: &LoadedPolicy) {
    let rules = loaded.effective.policy().rules();
    tracing::info!(target: "audit", event = "policyLoaded", hash = %loaded.hash, rules = rules.len());
    for Rule { topics, action, legacy } in rules {
        let encryption = match action {
            Action::Encrypt(_) => "Enabled",
            Action::Pending(_) => "Pending",
            Action::Retired { .. } => "Retired",
            Action::Disabled => "Disabled",
        };
        let topics: Vec<_> = topics.iter().map(ToString::to_string).collect();
        let key = action.key_ref();
        tracing::info!(
            target: "audit",
            event = "ruleInForce",
            hash = %loaded.hash,
            topics = topics.join(", "),
            encryption,
            provider = key.as_ref().map(|key| key.provider.as_str()),
            key = key.as_ref().map(|key| key.name.as_str()),
            legacy = (!legacy.is_empty()).then(|| legacy.to_string()),
        );
    }
}

/// Which topics each key serves, by the patterns of rules that encrypt or will.
pub(crate) fn served(policy: &Policy) -> impl Iterator<Item = (String, String, String)> {
    policy.keyed_rules().flat_map(|(rule, key)| {
        let named = |pattern: &Pattern| (key.provider.to_string(), key.name.to_string(), pattern.to_string());
        rule.topics.iter().map(named).collect::<Vec<_>>()
    })
}

/// Says that the policy file on disk is not in force, and why, so that an attempt to change the policy leaves a trace too.
pub(super) fn refused(loader: &Loader, problem: &str) {
    let (file, hash) = loader.looked_at();
    tracing::info!(target: "audit", event = "policyRefused", file = %file.display(), hash, problem);
}
