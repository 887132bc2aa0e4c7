//! Whether proxies can use the keys of a policy. Pure.

mod readiness;

use std::collections::BTreeSet;

use operator_api::KeyInUse;
use proxy_config::KeyStateName;

use super::conditions::{Finding, finding};
use super::findings::Facts;
use crate::fleet::Provider;
use crate::local_keys::key_of;
use crate::names::KEYS_DESTROYED_ANNOTATION;
use crate::pods::{Key, Phase, Proxy};
use crate::policies::{Encrypt, PatternText, PolicyId, Treatment, Verdict};

pub(super) use self::readiness::Readiness;

use self::readiness::KeysReason;

/// Providers and keys of the rules of a policy.
pub(super) fn used(facts: &Facts<'_>, id: &PolicyId) -> Vec<(String, String)> {
    let rules = facts.judgement.merged.program.rules().filter(|rule| rule.source.as_ref() == Some(id));
    let mut used: Vec<_> = rules
        .filter_map(|rule| match &rule.treatment {
            Treatment::Encrypt(Encrypt { key, .. }) => Some((key.provider.to_string(), key.name.to_string())),
            // It is in use, but for its damage.
            Treatment::Retired { key: Some(key), .. }
                if is_accepted(facts, id) && facts.judgement.is_damaged(key) =>
            {
                Some((key.provider.to_string(), key.name.to_string()))
            }
            _ => None,
        })
        .collect();
    used.sort();
    used.dedup();
    used
}

fn is_accepted(facts: &Facts<'_>, id: &PolicyId) -> bool {
    facts.judgement.merged.verdicts.get(id).is_some_and(Verdict::is_accepted)
}

/// The same with the versions in use, as the proxies tell.
pub(super) fn in_use(facts: &Facts<'_>, used: &[(String, String)]) -> Vec<KeyInUse> {
    let of = |provider: &String, name: &String| {
        let told =
            facts.proxies().filter_map(|proxy| proxy.report.as_ref().ok()).flat_map(|report| &report.keys);
        let told = told.filter(|key| key.provider == *provider && key.key == *name);
        let versions: BTreeSet<&str> = told.filter_map(|key| key.version.as_deref()).collect();
        let versions: Vec<_> = versions.into_iter().collect();
        let version = (!versions.is_empty()).then(|| versions.join(", "));
        KeyInUse { provider: provider.clone(), name: name.clone(), version }
    };
    used.iter().map(|(provider, name)| of(provider, name)).collect()
}

/// Whether every proxy can use every key of a policy.
pub(super) fn ready(facts: &Facts<'_>, used: &[(String, String)]) -> Readiness {
    if used.is_empty() {
        return Readiness::new(KeysReason::NoKeys, "no rule in force needs a key");
    }
    let ours = |name: &str| used.iter().any(|(provider, key)| key == name && is_ours(facts, provider));
    if let Some(lost) = lost(facts, ours) {
        return Readiness::new(KeysReason::LocalKeysDamaged, lost);
    }
    let refused = facts.programmed.and_then(|programmed| {
        let mut ours = used.iter().filter(|(provider, _)| is_ours(facts, provider));
        ours.find_map(|(_, key)| Some((key, programmed.refused_keys.get(key)?)))
    });
    if let Some((key, why)) = refused {
        return Readiness::new(KeysReason::KeyRefused, format!("key {key}: {why}"));
    }
    if facts.desired > 0 && !facts.proxies().any(is_running) {
        return Readiness::new(KeysReason::NotTriedYet, "no proxy has told of its keys yet");
    }
    let worst = facts.proxies().flat_map(|proxy| troubles(proxy, used)).min_by_key(|trouble| trouble.reason);
    worst.unwrap_or_else(|| {
        Readiness::new(KeysReason::KeysReady, "every proxy can use every key for new data")
    })
}

/// Records that consumers went past, as the rules of a policy say, since their keys are refused. Rounded, so that the
/// status does not change with each record.
pub(super) fn unreadable(facts: &Facts<'_>, id: &PolicyId) -> Option<Finding> {
    let patterns = facts.judgement.merged.program.patterns();
    let is_of = |key: &Key| {
        let mut rules = key.topics.iter().filter_map(|PatternText(pattern)| patterns.get(pattern));
        rules.any(|rule| rule.source.as_ref() == Some(id))
    };
    let told = facts.proxies().filter_map(|proxy| proxy.report.as_ref().ok()).flat_map(|report| &report.keys);
    let records = told.filter(|key| is_of(key)).fold(0_u64, |sum, key| sum.saturating_add(key.unreadable));
    (records > 0).then(|| {
        let message = format!(
            "at least {} times a consumer went past a record whose key is gone, as onUnreadable says, since the proxies \
             started; the proxies' audit log and admin path /unreadable name topics and keys",
            rounded(records)
        );
        finding("RecordsUnreadable", true, "KeyGone", message)
    })
}

/// Down to one digit and zeros.
fn rounded(number: u64) -> u64 {
    let unit = 10_u64.pow(number.checked_ilog10().unwrap_or(0));
    number - number % unit
}

impl Facts<'_> {
    /// Whether nothing is expected to become better or worse by itself soon.
    pub(super) fn keys_are_tried(&self) -> bool {
        let mut policies = self.observed.policies.iter();
        policies.all(|policy| !ready(self, &used(self, &self.verdict(policy).0)).reason.may_pass())
    }
}

/// One that only starts serves no client yet.
fn is_running(proxy: &Proxy) -> bool {
    matches!(proxy.phase, Phase::Running { .. })
}

/// What keeps a proxy from using keys.
fn troubles(proxy: &Proxy, used: &[(String, String)]) -> Vec<Readiness> {
    if !is_running(proxy) {
        return Vec::new();
    }
    let report = match &proxy.report {
        Err(why) => {
            let message = format!("pod {} does not tell of its keys: {why}", proxy.name);
            return vec![Readiness::new(KeysReason::ProxySilent, message)];
        }
        Ok(report) => report,
    };
    let told = |provider: &str, key: &str| {
        report.keys.iter().find(|each| each.provider == provider && each.key == key)
    };
    let untried = |provider: &str, key: &str| {
        let message = format!("pod {} has not told of key {key} of provider {provider} yet", proxy.name);
        Some(Readiness::new(KeysReason::NotTriedYet, message))
    };
    used.iter()
        .filter_map(|(provider, key)| {
            told(provider, key).map_or_else(|| untried(provider, key), |told| trouble(proxy, told))
        })
        .collect()
}

fn trouble(proxy: &Proxy, key: &Key) -> Option<Readiness> {
    let why = key.message.as_deref().unwrap_or("no reason given");
    let place = format!("key {} of provider {}: {why} (pod {})", key.key, key.provider, proxy.name);
    match key.state {
        KeyStateName::Ready => None,
        KeyStateName::Refused => Some(Readiness::new(
            KeysReason::KeyRefused,
            format!(
                "{place}; no new data can be written under it, and what the provider refuses to open cannot be read, until it \
                 allows it"
            ),
        )),
        KeyStateName::Unavailable => Some(Readiness::new(
            KeysReason::KeyProviderUnavailable,
            format!(
                "{place}; what the proxies know of the key serves for keys.outageGrace, then clients get retriable errors \
                 until it answers: see that the provider runs, and that NetworkPolicies and its certificate let proxies reach \
                 it"
            ),
        )),
        KeyStateName::Unknown => Some(Readiness::new(KeysReason::NotTriedYet, place)),
    }
}

/// Entries of the operator's own Secret of keys that are not what they were, of some keys.
fn lost(facts: &Facts<'_>, is_meant: impl Fn(&str) -> bool) -> Option<String> {
    let meant = facts.judgement.damaged.iter().filter(|(entry, _)| key_of(entry).is_some_and(&is_meant));
    let list: Vec<_> = meant.take(10).map(|(entry, damage)| format!("entry {entry} {damage}")).collect();
    if list.is_empty() {
        return None;
    }
    Some(format!(
        "in the Secret {}, {}: restore it from a backup, or name it in the annotation {KEYS_DESTROYED_ANNOTATION} of that Secret \
         if it was destroyed on purpose and is gone. Until then nothing is written under that key, since it could not be \
         read with the one that is restored",
        facts.fleet()?.names.keys(),
        list.join(", ")
    ))
}

/// What is wrong with entries of the operator's own Secret of keys: those of some keys that are not what they were, else those
/// that are of no use to proxies.
pub(super) fn damaged(facts: &Facts<'_>, is_meant: impl Fn(&str) -> bool) -> Option<Finding> {
    if let Some(lost) = lost(facts, is_meant) {
        return Some(finding("LocalKeysDamaged", true, "LostEntries", lost));
    }
    let unusable = &facts.programmed?.unusable_keys;
    if unusable.is_empty() {
        return None;
    }
    let list: Vec<_> = unusable.iter().take(10).map(|(entry, why)| format!("{entry}: {why}")).collect();
    let message = format!(
        "the Secret {} has entries that proxies cannot use, {} in all: {}; restore them from a backup, or remove them if no \
         data was ever encrypted under them",
        facts.fleet()?.names.keys(),
        unusable.len(),
        list.join("; ")
    );
    Some(finding("LocalKeysDamaged", true, "UnusableEntries", message))
}

/// Whether the operator makes the keys of a provider.
pub(super) fn is_ours(facts: &Facts<'_>, provider: &str) -> bool {
    let mut providers = facts.fleet().into_iter().flat_map(|fleet| &fleet.providers);
    providers.any(|(name, each)| {
        name.to_string() == provider && matches!(each, Provider::Local { ours: true, .. })
    })
}
