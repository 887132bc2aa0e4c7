//! The JSON that the operator and people read. Field names are part of the contract with the operator.

use crate::brokers::Addresses;
use crate::live::{HistoryReport, Live, LoadedPolicy, RefusedRead, UnreadEntry};
use humantime::format_rfc3339_millis;
use proxy_config::{KeyName, KeyRef, KeyStateName, Pattern, ProviderName, UnmatchedTopics, Winner};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
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
    /// Rules whose topics wait for a later policy.
    pending: usize,
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
            pending: policy.map_or(0, proxy_config::Policy::pending),
            retired: loaded.map(LoadedPolicy::retired).unwrap_or_default().into_iter().cloned().collect(),
        }
    }
}

/// `/brokers`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BrokerAddresses {
    /// These four are those of the file.
    hash: Option<String>,
    generation: u64,
    loaded_at: Option<String>,
    last_error: Option<String>,
    brokers: BTreeMap<i32, String>,
    learned: BTreeMap<i32, String>,
    skipped: Vec<i32>,
}

impl BrokerAddresses {
    pub(super) fn of(brokers: &crate::brokers::Brokers) -> Self {
        let configured = brokers.configured();
        let source = configured.source.as_ref();
        let shown = |addresses: &Addresses| {
            addresses.iter().map(|(id, address)| (*id, address.to_string())).collect()
        };
        Self {
            hash: source.map(|source| source.hash.clone()),
            generation: source.map_or(0, |source| source.generation),
            loaded_at: source.map(|source| time(source.loaded_at)),
            last_error: brokers.last_error().map(|error| error.to_string()),
            brokers: shown(&configured.addresses),
            learned: shown(&brokers.learned()),
            skipped: configured.skipped.clone(),
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
    state: KeyStateName,
    /// The version of the key that new data is sealed under.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    message: Option<String>,
    checked_at: Option<String>,
    /// Records of the rule's topics that consumers went past, whatever key refused them.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: u64,
    /// What readers are refused of the key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
}

/// A version of a key that readers of a topic are refused.
#[derive(Debug, Serialize)]
struct Refused {
    topic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    cause: String,
    since: String,
    last: String,
}

/// One entry of `/unreadable`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Unreadable {
    topic: String,
    provider: String,
    key: String,
    skipped: u64,
    tombstones: u64,
    since: String,
    last: String,
}

/// One entry of `/history`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct History {
    topic: String,
    id: String,
    /// By partition; −1 where nobody has asked yet.
    until: Vec<i64>,
    left: Option<u64>,
    reject_is_safe: bool,
}

/// `/history`.
pub(super) fn history(live: &Live) -> Vec<History> {
    let entry = |report: HistoryReport| History {
        topic: report.history.topic().to_string(),
        id: report.id.to_string(),
        until: report.history.until().iter().map(|end| end.unwrap_or(-1)).collect(),
        left: report.left,
        reject_is_safe: report.left == Some(0),
    };
    live.histories().reports().into_iter().map(entry).collect()
}

/// `/unreadable`.
pub(super) fn unreadable(live: &Live) -> Vec<Unreadable> {
    let entry = |entry: UnreadEntry| Unreadable {
        topic: entry.topic,
        provider: entry.provider,
        key: entry.key,
        skipped: entry.unread.skipped,
        tombstones: entry.unread.tombstones,
        since: time(entry.since),
        last: time(entry.last),
    };
    live.unreadable().entries().into_iter().map(entry).collect()
}

/// `/keys`: the rules that encrypt or will, in the order of the policy file, and behind them the keys for reading, at the end those
/// that only envelopes name and that are refused.
pub(super) fn rule_keys(live: &Live) -> Vec<RuleKey> {
    let Some(loaded) = live.policy() else {
        return Vec::new();
    };
    let policy = loaded.effective.policy();
    let mut unread: HashMap<&Pattern, u64> = HashMap::new();
    for entry in live.unreadable().entries() {
        if let Some(Winner::Rule { pattern, .. }) = loaded.effective.explain(&entry.topic).winner {
            let sum = unread.entry(pattern).or_default();
            *sum = sum.saturating_add(entry.unread.records());
        }
    }
    let of_rules = policy.keyed_rules().map(|(rule, key)| RuleKey {
        unreadable: rule.topics.iter().filter_map(|pattern| unread.get(pattern)).sum(),
        ..RuleKey::of(live, rule.topics.clone(), key)
    });
    let for_reading = policy.read_keys().iter().map(|key| RuleKey::of(live, Vec::new(), key.clone()));
    let mut keys: Vec<_> = of_rules.chain(for_reading).collect();
    for read in live.unreadable().refused_reads() {
        let is_same = |key: &&mut RuleKey| key.provider == read.key.provider && key.key == read.key.name;
        match keys.iter_mut().find(is_same) {
            Some(key) => key.refused.push(Refused::of(read)),
            None => keys.push(RuleKey {
                refused: vec![Refused::of(read.clone())],
                ..RuleKey::of(live, Vec::new(), read.key)
            }),
        }
    }
    keys
}

impl Refused {
    fn of(read: RefusedRead) -> Self {
        let RefusedRead { topic, version, cause, since, last, .. } = read;
        Self { topic, version, cause, since: time(since), last: time(last) }
    }
}

impl RuleKey {
    fn of(live: &Live, topics: Vec<Pattern>, key: KeyRef) -> Self {
        let attempt = live.key_attempt(&key);
        let version = live.keys().version(key.provider.as_str(), key.name.as_str());
        Self {
            topics,
            version,
            provider: key.provider,
            key: key.name,
            state: attempt.tried.writes.name(),
            message: attempt.tried.writes.message().map(str::to_owned),
            checked_at: attempt.at.map(time),
            unreadable: 0,
            refused: Vec::new(),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn time(time: SystemTime) -> String {
    format_rfc3339_millis(time).to_string()
}
