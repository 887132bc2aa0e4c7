//! `audit`: which keys protect which offsets of which topics, how much is in clear, and whether a key can be destroyed.
//!
//! Everything in the logs counts, up to what was their end when the audit came to them: records of aborted transactions too,
//! since they are on disk and need their keys like all others.

mod held;
mod listing;
mod providers;
mod question;
mod reading;
mod reject;
mod report;
pub(super) mod state;

use super::Versions;
use super::content::Content;
use super::look::Looker;
use super::tally::Tally;
use crate::client::{ClientError, Cluster, Place, Topic};
use reading::{moved, read_all};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

pub(crate) use held::Held;
pub(crate) use providers::Providers;
pub(crate) use question::{Answer, Asked, Question, Verdict};
pub(crate) use state::StateError;

use self::listing::{changes, learn, unread};
use self::reject::Rejection;
use self::state::State;

#[derive(Debug, Error)]
pub(crate) enum AuditError {
    #[error("failed to find the topics")]
    Topics(#[source] ClientError),
    #[error("failed to read {0}")]
    Read(Place, #[source] ClientError),
    #[error(transparent)]
    State(#[from] StateError),
}

/// What is audited, and how.
#[derive(Debug)]
pub(crate) struct Plan {
    /// All but Kafka's own where there are none.
    pub(crate) topics: Vec<String>,
    /// What the policy names, and brokers must not keep from whom they show all topics to.
    pub(crate) named: BTreeSet<String>,
    /// One fetch of so many is read.
    pub(crate) every: u64,
    /// Ranges that are kept for each partition.
    pub(crate) max_ranges: usize,
    /// Where to go on after an interruption.
    pub(crate) state: Option<PathBuf>,
    pub(crate) versions: Versions,
    pub(crate) providers: Providers,
    /// What the policy holds under keys, where there is one.
    pub(crate) held: Option<Vec<Held>>,
}

/// Topics may come while others are read; after so many rounds the audit says that it could not keep up.
const ROUNDS: u32 = 4;

/// What was found.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(super) partitions: Vec<Audited>,
    pub(super) every: u64,
    pub(super) all_topics: bool,
    pub(super) versions_are_certain: bool,
    /// What happened to topics meanwhile that leaves doubts, one sentence each.
    pub(super) doubts: Vec<String>,
    rejections: Vec<Rejection>,
    pub(super) held: Option<Vec<Held>>,
}

/// A partition, as far as it was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Audited {
    pub(super) topic: Arc<str>,
    /// Of another topic of that name nothing is taken over.
    pub(super) topic_id: String,
    pub(super) partition: i32,
    pub(super) start: i64,
    pub(super) next: i64,
    pub(super) end: i64,
    /// When that was the end, in seconds since 1970. What was written later was not looked at.
    pub(super) end_taken_at: u64,
    pub(super) lost: i64,
    pub(super) tally: Tally,
}

/// Reads the topics, from where an interrupted audit left off, and then those that came meanwhile.
pub(crate) async fn audit(cluster: &mut Cluster, plan: &Plan, quiet: bool) -> Result<Audit, AuditError> {
    let mut fresh = find(cluster, plan).await?;
    let mut state = State::open(plan, cluster.id())?;
    let mut looker = Looker::new(plan.versions.clone(), false);
    let mut known: BTreeMap<Arc<str>, Topic> = BTreeMap::new();
    let mut doubts = Vec::new();
    for _ in 0..ROUNDS {
        read_all(cluster, plan, &fresh, &mut looker, &mut state, quiet).await?;
        learn(&mut known, fresh);
        let now = find(cluster, plan).await?;
        doubts = changes(&known, &now);
        fresh = unread(&known, now);
        if fresh.is_empty() {
            break;
        }
    }
    doubts.extend(
        fresh.iter().map(|topic| {
            format!("topic {} has partitions that were not read: they came too late", topic.name)
        }),
    );
    if plan.topics.is_empty() {
        doubts.extend(listing::hidden(cluster, &plan.named, &known).await);
    }
    let partitions = state.finish()?;
    for audited in &partitions {
        doubts.extend(moved(cluster, audited).await?);
    }
    let rejections = reject::ask(cluster, &partitions, plan.every, !doubts.is_empty()).await;
    Ok(Audit {
        partitions,
        every: plan.every,
        all_topics: plan.topics.is_empty(),
        versions_are_certain: plan.versions.are_certain(),
        doubts,
        rejections,
        held: plan.held.clone(),
    })
}

async fn find(cluster: &mut Cluster, plan: &Plan) -> Result<Vec<Topic>, AuditError> {
    if !plan.topics.is_empty() {
        return cluster.topics(Some(&plan.topics)).await.map_err(AuditError::Topics);
    }
    let mut topics = cluster.topics(None).await.map_err(AuditError::Topics)?;
    // No rule matches these, so no proxy ever encrypts them. What the broker says of a topic's nature proves nothing.
    topics.retain(|topic| !proxy_config::is_internal_topic(&topic.name));
    Ok(topics)
}

impl Audited {
    pub(super) fn place(&self) -> Arc<Place> {
        Arc::new(Place { topic: Arc::clone(&self.topic), partition: self.partition })
    }

    fn has_clear(&self) -> bool {
        self.tally.any(|content| *content == Content::Clear)
    }

    fn has_legacy(&self) -> bool {
        self.tally.any(|content| matches!(content, Content::Legacy(_)))
    }

    fn has_damage(&self) -> bool {
        self.tally.any(|content| matches!(content, Content::Damaged(_))) || self.tally.beyond() > 0
    }
}

impl Audit {
    /// Everything was read and is sealed by this program: nothing is in clear, damaged, or encrypted by an earlier one, whose
    /// records are bound to no place.
    pub(crate) fn is_clean(&self) -> bool {
        self.every == 1
            && self.doubts.is_empty()
            && self
                .partitions
                .iter()
                .all(|audited| !audited.has_clear() && !audited.has_legacy() && !audited.has_damage())
    }
}
