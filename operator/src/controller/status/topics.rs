//! What the `KafkaTopic` resources and the proxies say of topics that a policy encrypts. Pure.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use operator_api::RecordFormat;

use super::conditions::{Finding, finding};
use super::findings::Facts;
use crate::policies::{Encrypt, PolicyId, Treatment};
use crate::strimzi::{Compaction, KafkaTopic};

/// More than a person reads at once.
const MOST_SHOWN: usize = 10;
/// As many as are remembered from one status to the next.
const MOST_REMEMBERED: usize = 100;
/// What producers send at most by default (`max.request.size`), and what encryption may make of it.
const LARGEST_BATCH: u64 = 1_048_576;
const WANTED: u64 = LARGEST_BATCH + LARGEST_BATCH.div_ceil(10);
const BECAME_COMPACTED: &str = "BecameCompacted";

/// What is known of topics, whoever says so.
struct Known {
    compacted: BTreeSet<String>,
    not_compacted: BTreeSet<String>,
    /// Nobody may tell the proxies.
    unknown: BTreeSet<String>,
    /// Too small for what encryption adds.
    tight: BTreeSet<String>,
}

impl Known {
    fn of(facts: &Facts<'_>) -> Self {
        let topics: Vec<_> = topics(facts).collect();
        let named = |chosen: &dyn Fn(&KafkaTopic) -> bool| -> BTreeSet<String> {
            topics.iter().filter(|topic| chosen(topic)).map(|topic| topic.topic.to_string()).collect()
        };
        let seen = |wanted: Option<bool>| {
            let reports = facts.observed.fleet.iter().filter_map(|proxy| proxy.report.as_ref().ok());
            let seen = reports.flat_map(|report| &report.compacted).filter(move |(_, each)| **each == wanted);
            seen.map(|(name, _)| name.clone()).collect::<BTreeSet<_>>()
        };
        let of_brokers = facts.judgement.kafka.as_ref().and_then(|kafka| kafka.max_message_bytes);
        let mut compacted = named(&|topic| topic.compaction() == Compaction::Compacted);
        compacted.extend(seen(Some(true)));
        Self {
            not_compacted: seen(Some(false)),
            unknown: &seen(None) - &compacted,
            compacted,
            tight: named(&|topic| topic.max_message_bytes.or(of_brokers).is_some_and(|bytes| bytes < WANTED)),
        }
    }
}

/// Compacted topics: those that whole batches do not suit, and those whose keys and headers therefore stay visible. Topics
/// of unknown configuration, and those too small for what encryption adds.
pub(super) fn findings(facts: &Facts<'_>, id: &PolicyId, before: &[Condition]) -> Vec<Finding> {
    let known = Known::of(facts);
    let chosen = |names: &BTreeSet<String>, formats: &[RecordFormat]| -> Vec<String> {
        names
            .iter()
            .filter(|name| format(facts, id, name).is_some_and(|each| formats.contains(&each)))
            .cloned()
            .collect()
    };
    let auto = [RecordFormat::Auto];
    let by_record = chosen(&known.compacted, &auto);
    let changed = changed(&by_record, &known, before);
    let mut findings = Vec::new();
    findings.extend(compaction_unsafe(&chosen(&known.compacted, &[RecordFormat::Batch]), &changed));
    findings.extend(record_format(&by_record, &chosen(&known.unknown, &auto)));
    let tight = chosen(&known.tight, &[RecordFormat::Auto, RecordFormat::Batch, RecordFormat::Record]);
    if !tight.is_empty() {
        let message = format!(
            "max.message.bytes of topics, or message.max.bytes of brokers where they do not say it, leaves little room for what encryption adds: a batch of {LARGEST_BATCH} bytes, which \
             producers send by default, may need {WANTED}: {}",
            shown(&tight)
        );
        findings.push(finding("SizeHeadroom", true, "MaxMessageBytes", message));
    }
    findings
}

/// How a topic is encrypted by a policy, if it is.
fn format(facts: &Facts<'_>, id: &PolicyId, topic: &str) -> Option<RecordFormat> {
    let rule = facts.judgement.merged.program.decide(topic)?;
    match &rule.treatment {
        Treatment::Encrypt(Encrypt { format, .. }) if rule.source.as_ref() == Some(id) => Some(*format),
        _ => None,
    }
}

/// Topics under `Auto` that are compacted now and were not before, so that whole batches may be among their records. Nobody
/// but the status remembers that.
fn changed(by_record: &[String], known: &Known, before: &[Condition]) -> Vec<String> {
    let told = before.iter().find(|each| each.type_ == "CompactionUnsafe" && each.reason == BECAME_COMPACTED);
    let names = told.and_then(|each| each.message.rsplit_once(": ")).map_or("", |(_, names)| names);
    let remembered: BTreeSet<&str> = names.split(", ").collect();
    let was_batch =
        |name: &&String| known.not_compacted.contains(*name) || remembered.contains(name.as_str());
    by_record.iter().filter(was_batch).take(MOST_REMEMBERED).cloned().collect()
}

fn compaction_unsafe(refused: &[String], changed: &[String]) -> Option<Finding> {
    let mut texts = Vec::new();
    if !refused.is_empty() {
        texts.push(format!(
            "writes are refused to compacted topics under format: Batch: {}; say format: Record, or do not compact them",
            shown(refused)
        ));
    }
    if !changed.is_empty() {
        texts.push(format!(
            "topics became compacted while batches that are encrypted as a whole may be in them, whose keys the log cleaner \
             does not see; write these topics anew and then say format: Record: {}",
            changed.join(", ")
        ));
    }
    let reason = if changed.is_empty() { "CompactedTopics" } else { BECAME_COMPACTED };
    (!texts.is_empty()).then(|| finding("CompactionUnsafe", true, reason, texts.join(". ")))
}

fn record_format(compacted: &[String], unknown: &[String]) -> Option<Finding> {
    let mut texts = Vec::new();
    if !compacted.is_empty() {
        texts.push(format!("keys and headers stay visible in compacted topics: {}", shown(compacted)));
    }
    if !unknown.is_empty() {
        texts.push(format!(
            "keys and headers stay visible in topics whose configuration no client of the proxies may read: {}; allow a client \
             that writes them, or the KafkaUser of the proxies, the operation DescribeConfigs on them, or say format: Batch",
            shown(unknown)
        ));
    }
    let reason = if unknown.is_empty() { "CompactedTopics" } else { "ConfigurationUnknown" };
    (!texts.is_empty()).then(|| finding("RecordFormat", true, reason, texts.join(". ")))
}

/// Topics that cannot be read are none of this policy's concern.
fn topics<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = KafkaTopic> + use<'a> {
    let objects = facts.observed.strimzi.iter().flat_map(|strimzi| &strimzi.topics);
    objects.filter_map(|object| KafkaTopic::try_from(object).ok())
}

pub(super) fn shown(names: &[String]) -> String {
    let more = names.len().saturating_sub(MOST_SHOWN);
    let list = names.iter().take(MOST_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { list } else { format!("{list} and {more} more") }
}
