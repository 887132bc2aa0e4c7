//! `audit`: which keys protect which offsets of which topics, how much is in clear, and whether a key can be destroyed.
//!
//! Everything in the logs counts, up to what was their end when the audit came to them: records of aborted transactions too,
//! since they are on disk and need their keys like all others.

mod question;
mod report;
mod state;

use super::content::Content;
use super::look::Looker;
use super::progress::Progress;
use super::tally::Tally;
use super::{Log, Versions};
use crate::client::{Bound, ClientError, Cluster, Isolation, Place, Topic};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

pub(crate) use question::{Question, Verdict};
pub(crate) use state::StateError;

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
    /// One fetch of so many is read.
    pub(crate) every: u64,
    /// Ranges that are kept for each partition.
    pub(crate) max_ranges: usize,
    /// Where to go on after an interruption.
    pub(crate) state: Option<PathBuf>,
    pub(crate) versions: Versions,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(super) partitions: Vec<Audited>,
    pub(super) every: u64,
    pub(super) all_topics: bool,
    pub(super) versions_are_certain: bool,
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
    pub(super) lost: i64,
    pub(super) tally: Tally,
}

/// Reads the topics, from where an interrupted audit left off.
pub(crate) async fn audit(cluster: &mut Cluster, plan: &Plan, quiet: bool) -> Result<Audit, AuditError> {
    let topics = find(cluster, plan).await?;
    let mut state = State::open(plan)?;
    let mut todo = Vec::new();
    for topic in &topics {
        for partition in &topic.partitions {
            let place = Arc::new(Place { topic: Arc::clone(&topic.name), partition: *partition });
            let audited = begin(cluster, plan, topic, &place, &mut state).await;
            todo.push(audited.map_err(|error| AuditError::Read(Place::clone(&place), error))?);
        }
    }
    let offsets = todo.iter().map(|audited| length(audited.start, audited.end));
    let mut progress = Progress::new("audit", offsets.fold(0, u64::saturating_add), quiet);
    let mut looker = Looker::new(plan.versions.clone(), false);
    let mut done = 0_u64;
    for audited in todo {
        let place = audited.place();
        let (start, end) = (audited.start, audited.end);
        let read = read(cluster, plan, audited, &mut looker, &mut state, (&mut progress, done)).await;
        let audited = read.map_err(|error| match error {
            ReadError::Client(error) => AuditError::Read(Place::clone(&place), error),
            ReadError::State(error) => AuditError::State(error),
        })?;
        done = done.saturating_add(length(start, end));
        progress.at(done, &place);
        state.done(audited)?;
    }
    progress.end();
    Ok(Audit {
        partitions: state.finish()?,
        every: plan.every,
        all_topics: plan.topics.is_empty(),
        versions_are_certain: plan.versions.are_certain(),
    })
}

async fn find(cluster: &mut Cluster, plan: &Plan) -> Result<Vec<Topic>, AuditError> {
    if !plan.topics.is_empty() {
        return cluster.topics(Some(&plan.topics)).await.map_err(AuditError::Topics);
    }
    let mut topics = cluster.topics(None).await.map_err(AuditError::Topics)?;
    // No rule matches these, so no proxy ever encrypts them.
    topics.retain(|topic| !topic.is_internal && !proxy_config::is_internal_topic(&topic.name));
    Ok(topics)
}

/// A partition as the state file has it, or from its start.
async fn begin(
    cluster: &mut Cluster,
    plan: &Plan,
    topic: &Topic,
    place: &Arc<Place>,
    state: &mut State,
) -> Result<Audited, ClientError> {
    let start = cluster.offset(place, Bound::Start, Isolation::Uncommitted).await?;
    if let Some(known) = state.find(place, &topic.id, start) {
        tracing::info!(place = %place, offset = known.next, "going on from the state file");
        return Ok(known);
    }
    Ok(Audited {
        topic: Arc::clone(&place.topic),
        topic_id: topic.id.clone(),
        partition: place.partition,
        start,
        next: start,
        end: cluster.offset(place, Bound::End, Isolation::Uncommitted).await?,
        lost: 0,
        tally: Tally::new(plan.max_ranges),
    })
}

enum ReadError {
    Client(ClientError),
    State(StateError),
}

/// Reads a partition to its end.
async fn read(
    cluster: &mut Cluster,
    plan: &Plan,
    mut audited: Audited,
    looker: &mut Looker,
    state: &mut State,
    (progress, done): (&mut Progress, u64),
) -> Result<Audited, ReadError> {
    let place = audited.place();
    let every = i64::try_from(plan.every).unwrap_or(i64::MAX);
    let log = Log::between(Arc::clone(&place), Isolation::Uncommitted, audited.next, audited.end);
    let mut log = log.sample(every);
    while let Some(piece) = log.next(cluster).await.map_err(ReadError::Client)? {
        audited.tally.take(&piece, looker);
        audited.next = log.position();
        audited.lost = log.lost();
        progress.at(done.saturating_add(length(audited.start, audited.next)), &place);
        state.save(Some(&audited)).map_err(ReadError::State)?;
    }
    audited.next = audited.end;
    audited.lost = log.lost();
    Ok(audited)
}

fn length(start: i64, end: i64) -> u64 {
    u64::try_from(end.saturating_sub(start)).unwrap_or(0)
}

impl Audited {
    pub(super) fn place(&self) -> Arc<Place> {
        Arc::new(Place { topic: Arc::clone(&self.topic), partition: self.partition })
    }

    fn has_clear(&self) -> bool {
        self.tally.any(|content| *content == Content::Clear)
    }

    fn has_damage(&self) -> bool {
        self.tally.any(|content| matches!(content, Content::Damaged(_))) || self.tally.beyond() > 0
    }
}

impl Audit {
    /// Nothing is in clear, nothing is damaged, and everything was read.
    pub(crate) fn is_clean(&self) -> bool {
        self.every == 1 && self.partitions.iter().all(|audited| !audited.has_clear() && !audited.has_damage())
    }
}
