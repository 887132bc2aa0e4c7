//! What becomes of the topics whose manifests stand beside the policies.

use kube::core::DynamicObject;
use operator_api::{RecordFormat, UnmatchedTopics};

use super::files::Document;
use super::merged::Cluster;
use super::report::{Findings, Severity, TopicRow};
use crate::policies::Treatment;
use crate::strimzi::{Compaction, KafkaTopic, from_value};

pub(super) fn table(clusters: &[Cluster], documents: &[Document], findings: &mut Findings) -> Vec<TopicRow> {
    let mut rows = Vec::new();
    for document in documents.iter().filter(|document| document.is_strimzi("KafkaTopic")) {
        match topic(document) {
            Err(error) => findings.add(Severity::Error, document, "", error),
            Ok(topic) => rows.extend(row(clusters, document, &topic, findings)),
        }
    }
    rows.sort();
    rows
}

fn topic(document: &Document) -> Result<KafkaTopic, String> {
    let mut value = document.value.clone();
    value["metadata"]["namespace"] = document.namespace.clone().into();
    // Read once as any object, so that a wrong form is reported as that.
    serde_json::from_value::<DynamicObject>(value.clone()).map_err(|error| error.to_string())?;
    from_value(value).map_err(|error| error.to_string())
}

fn row(
    clusters: &[Cluster],
    document: &Document,
    topic: &KafkaTopic,
    findings: &mut Findings,
) -> Option<TopicRow> {
    let cluster = clusters.iter().find(|cluster| {
        cluster.key.namespace == document.namespace && Some(&cluster.key.name) == topic.cluster.as_ref()
    })?;
    let name = topic.topic.to_string();
    let rule = cluster.merged.program.decide(&name);
    let treatment = match rule.map(|rule| &rule.treatment) {
        Some(Treatment::Encrypt(encrypt)) => {
            if encrypt.format == RecordFormat::Batch && is_compacted(topic) {
                let message =
                    "is compacted, and format: Batch refuses writes to it; say format: Record in the policy";
                findings.add(Severity::Error, document, "spec.config.cleanup.policy", message);
            }
            "encrypted"
        }
        Some(Treatment::Pending { .. }) => "encrypted",
        Some(Treatment::Retired { .. }) => "refused",
        Some(Treatment::Clear) => "clear",
        None if cluster.spec.unmatched_topics == UnmatchedTopics::Reject => "refused",
        None => {
            let message = "no rule matches it, so it stays in clear; add a rule, or one with encryption: Disabled to say so";
            findings.add(Severity::Warning, document, "", message);
            "unmatched"
        }
    };
    Some(TopicRow {
        topic: name,
        kafka: cluster.key.to_string(),
        treatment,
        pattern: rule.map(|rule| rule.pattern.to_string()),
        policy: rule.and_then(|rule| rule.source.as_ref()).map(ToString::to_string),
    })
}

fn is_compacted(topic: &KafkaTopic) -> bool {
    topic.compaction() == Compaction::Compacted
}
