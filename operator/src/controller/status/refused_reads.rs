//! Keys that consumers are refused, though proxies may use what is newest of them. Pure.
//!
//! `KeysReady` rests on trials, which make new data keys. What old data is under comes to light only where it is read: versions that
//! may not be used any more, and former keys. Whoever can write to brokers can bring a refusal about, so readiness does not depend on it.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions::{Finding, finding};
use super::findings::Facts;
use crate::pods::{Key, RefusedRead};
use crate::policies::PolicyId;

/// Keys and topics that a message names.
const LISTED: usize = 3;

/// Which key of which provider, in which version.
type Refused<'a> = (&'a str, &'a str, Option<&'a str>);

/// What consumers of a policy's topics are refused, or of all.
pub(super) fn of(facts: &Facts<'_>, id: Option<&PolicyId>) -> Option<Finding> {
    let patterns = facts.judgement.merged.program.patterns();
    let is_meant = |topic: &str| {
        id.is_none_or(|id| patterns.best(topic).is_some_and(|rule| rule.source.as_ref() == Some(id)))
    };
    let mut refused: BTreeMap<Refused<'_>, (BTreeSet<&str>, &str)> = BTreeMap::new();
    for (key, read) in told(facts).filter(|(_, read)| is_meant(&read.topic)) {
        let place = (key.provider.as_str(), key.key.as_str(), read.version.as_deref());
        let (topics, cause) = refused.entry(place).or_insert_with(|| (BTreeSet::new(), &read.cause));
        topics.insert(&read.topic);
        // Of several the same one each time, so that the status does not change for nothing.
        *cause = (*cause).min(&read.cause);
    }
    if refused.is_empty() {
        return None;
    }
    let mut list: Vec<_> = refused.iter().take(LISTED).map(|(place, told)| text(place, told)).collect();
    if refused.len() > LISTED {
        list.push(format!("and {} more", refused.len() - LISTED));
    }
    let message = format!(
        "consumers were refused within the last hour: {}; what was sealed under these cannot be read until the provider allows it. \
         Admin path /keys of the proxies tells since when",
        list.join("; ")
    );
    Some(finding("ReadsRefused", true, "KeyRefused", message))
}

fn told<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = (&'a Key, &'a RefusedRead)> {
    let reports = facts.proxies().filter_map(|proxy| proxy.report.as_ref().ok());
    reports.flat_map(|report| &report.keys).flat_map(|key| key.refused.iter().map(move |read| (key, read)))
}

fn text((provider, key, version): &Refused<'_>, (topics, cause): &(BTreeSet<&str>, &str)) -> String {
    let version = version.map(|version| format!(", version {version},")).unwrap_or_default();
    let mut names: Vec<_> = topics.iter().take(LISTED).copied().collect();
    let more = format!("{} more", topics.len().saturating_sub(LISTED));
    if topics.len() > LISTED {
        names.push(&more);
    }
    format!("key {key}{version} of provider {provider} for topics {}: {cause}", names.join(", "))
}
