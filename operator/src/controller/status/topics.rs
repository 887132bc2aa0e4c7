//! What the `KafkaTopic` resources say of topics that a policy encrypts. Pure.

use operator_api::RecordFormat;

use super::conditions::{Finding, finding};
use super::findings::Facts;
use crate::policies::{PolicyId, Treatment};
use crate::strimzi::{Compaction, KafkaTopic};

/// More than a person reads at once.
const MOST_SHOWN: usize = 10;

/// Compacted topics: those that whole batches do not suit, and those whose keys and headers therefore stay visible.
pub(super) fn findings(facts: &Facts<'_>, id: &PolicyId) -> Vec<Finding> {
    let (mut unsafe_topics, mut by_record) = (Vec::new(), Vec::new());
    for topic in topics(facts) {
        if topic.compaction() != Compaction::Compacted {
            continue;
        }
        let name = topic.topic.to_string();
        let Some(rule) = facts.judgement.merged.program.decide(&name) else { continue };
        match &rule.treatment {
            Treatment::Encrypt(encrypt) if rule.source.as_ref() == Some(id) => match encrypt.format {
                RecordFormat::Batch => unsafe_topics.push(name),
                RecordFormat::Auto => by_record.push(name),
                RecordFormat::Record => {}
            },
            _ => {}
        }
    }
    let mut findings = Vec::new();
    if !unsafe_topics.is_empty() {
        let message = format!(
            "writes are refused to compacted topics under format: Batch: {}; say format: Record, or do not compact them",
            shown(&unsafe_topics)
        );
        findings.push(finding("CompactionUnsafe", true, "CompactedTopics", message));
    }
    if !by_record.is_empty() {
        let message = format!("keys and headers stay visible in compacted topics: {}", shown(&by_record));
        findings.push(finding("RecordFormat", true, "CompactedTopics", message));
    }
    findings
}

/// Topics that cannot be read are none of this policy's concern.
fn topics<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = KafkaTopic> + use<'a> {
    let objects = facts.observed.strimzi.iter().flat_map(|strimzi| &strimzi.topics);
    objects.filter_map(|object| KafkaTopic::try_from(object).ok())
}

fn shown(names: &[String]) -> String {
    let more = names.len().saturating_sub(MOST_SHOWN);
    let list = names.iter().take(MOST_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { list } else { format!("{list} and {more} more") }
}
