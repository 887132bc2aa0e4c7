//! What must be so of the topics before anything is copied, and how the target is protected.

use super::sealing::{Protection, Sealing};
use super::{CopyError, Plan};
use crate::client::{Cluster, Topic};
use crate::metrics::labels::Format;
use proxy_config::{Decision, EffectivePolicy, Format as RuleFormat, UnmatchedTopics};
use proxy_crypto::Keys;
use std::sync::Arc;

const CLEANUP_POLICY: &str = "cleanup.policy";
const MAX_MESSAGE_BYTES: &str = "max.message.bytes";
const TIMESTAMP_TYPE: &str = "message.timestamp.type";
/// Kafka's default.
const DEFAULT_MAX_BYTES: usize = 1_048_588;

/// Both topics, with the same partitions.
pub(super) async fn topics(
    cluster: &mut Cluster,
    source: &str,
    target: &str,
) -> Result<(Topic, Topic), CopyError> {
    let names = [source.to_owned(), target.to_owned()];
    let topics = cluster.topics(Some(&names)).await.map_err(CopyError::Topics)?;
    let find = |name: &str| topics.iter().find(|topic| *topic.name == *name).cloned();
    let (source, target) = find(source).zip(find(target)).ok_or(CopyError::MissingTopic)?;
    if source.partitions != target.partitions {
        return Err(CopyError::Partitions {
            source_topic: source.name.to_string(),
            source_count: source.partitions.len(),
            target: target.name.to_string(),
            target_count: target.partitions.len(),
        });
    }
    Ok((source, target))
}

/// By the rule of the target, as a proxy would do it.
pub(super) async fn sealing(
    cluster: &mut Cluster,
    keys: Arc<Keys>,
    policy: &EffectivePolicy,
    plan: &Plan,
) -> Result<Sealing, CopyError> {
    let target = &plan.target;
    let names = [CLEANUP_POLICY, MAX_MESSAGE_BYTES, TIMESTAMP_TYPE];
    let configs = cluster.topic_config(target, &names).await;
    let configs = configs.map_err(|error| CopyError::Configuration(target.clone(), error))?;
    let compacted =
        configs.get(CLEANUP_POLICY).map(|policy| policy.split(',').any(|part| part.trim() == "compact"));
    let max_bytes =
        configs.get(MAX_MESSAGE_BYTES).and_then(|bytes| bytes.parse().ok()).unwrap_or(DEFAULT_MAX_BYTES);
    if configs.get(TIMESTAMP_TYPE).is_some_and(|kind| kind != "CreateTime") {
        return Err(CopyError::Timestamps(target.clone()));
    }
    let protection = match policy.decide(target) {
        Decision::Encrypt(rule) => {
            let format = match (rule.format, compacted) {
                (RuleFormat::Record, _) | (RuleFormat::Auto, None | Some(true)) => Format::Record,
                (RuleFormat::Batch, Some(true)) => return Err(CopyError::Compacted(target.clone())),
                (RuleFormat::Auto, Some(false)) | (RuleFormat::Batch, _) => Format::Batch,
            };
            Protection::Sealed { rule: Arc::clone(rule), format }
        }
        Decision::Disabled | Decision::Unmatched(UnmatchedTopics::Passthrough) if plan.allow_clear => {
            Protection::Clear
        }
        decision @ (Decision::Disabled | Decision::Unmatched(UnmatchedTopics::Passthrough)) => {
            return Err(CopyError::Clear(target.clone(), decision.to_string()));
        }
        decision => return Err(CopyError::Refused(target.clone(), decision.to_string())),
    };
    Ok(Sealing::new(keys, target, protection, max_bytes))
}
