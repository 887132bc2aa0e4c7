//! `audit`: which keys protect which offsets of which topics, how much is in clear, and whether a key can be destroyed.
//!
//! Everything in the logs counts, up to what was their end when the audit came to them: records of aborted transactions too,
//! since they are on disk and need their keys like all others.

mod listing;
mod providers;
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
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;
use thiserror::Error;

pub(crate) use providers::Providers;
pub(crate) use question::{Answer, Asked, Question, Verdict};
pub(crate) use state::StateError;

use self::listing::{changes, learn, unread};
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
    pub(crate) providers: Providers,
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
    let partitions = state.finish()?;
    for audited in &partitions {
        doubts.extend(moved(cluster, audited).await?);
    }
    Ok(Audit {
        partitions,
        every: plan.every,
        all_topics: plan.topics.is_empty(),
        versions_are_certain: plan.versions.are_certain(),
        doubts,
    })
}

/// Reads partitions to what is their end now.
async fn read_all(
    cluster: &mut Cluster,
    plan: &Plan,
    topics: &[Topic],
    looker: &mut Looker,
    state: &mut State,
    quiet: bool,
) -> Result<(), AuditError> {
    let mut todo = Vec::new();
    for topic in topics {
        for partition in &topic.partitions {
            let place = Arc::new(Place { topic: Arc::clone(&topic.name), partition: *partition });
            let audited = begin(cluster, plan, topic, &place, state).await;
            todo.push(audited.map_err(|error| AuditError::Read(Place::clone(&place), error))?);
        }
    }
    let offsets = todo.iter().map(|audited| length(audited.start, audited.end));
    let mut progress = Progress::new("audit", offsets.fold(0, u64::saturating_add), quiet);
    let mut done = 0_u64;
    for audited in todo {
        let place = audited.place();
        let (start, end) = (audited.start, audited.end);
        let read = read(cluster, plan, audited, looker, state, (&mut progress, done)).await;
        let audited = read.map_err(|error| match error {
            ReadError::Client(error) => AuditError::Read(Place::clone(&place), error),
            ReadError::State(error) => AuditError::State(error),
        })?;
        done = done.saturating_add(length(start, end));
        progress.at(done, &place);
        state.done(audited)?;
    }
    progress.end();
    Ok(())
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

/// Whether a log went back, as only another log does.
async fn moved(cluster: &mut Cluster, audited: &Audited) -> Result<Option<String>, AuditError> {
    let place = audited.place();
    let mut bounds = [0; 2];
    for (found, bound) in bounds.iter_mut().zip([Bound::Start, Bound::End]) {
        match cluster.offset(&place, bound, Isolation::Uncommitted).await {
            Ok(offset) => *found = offset,
            // Deleted topics are told by their names already.
            Err(error) if error.is_unknown_topic() => return Ok(None),
            Err(error) => return Err(AuditError::Read(Place::clone(&place), error)),
        }
    }
    let [start, end] = bounds;
    let went_back = start < audited.start || end < audited.end;
    Ok(went_back.then(|| {
        format!(
            "{place} went back from offsets {} to {} to {start} to {end}: it is another log",
            audited.start, audited.end
        )
    }))
}

/// A partition as the state file has it, or from its start. Its end is always the one of now.
async fn begin(
    cluster: &mut Cluster,
    plan: &Plan,
    topic: &Topic,
    place: &Arc<Place>,
    state: &mut State,
) -> Result<Audited, ClientError> {
    let start = cluster.offset(place, Bound::Start, Isolation::Uncommitted).await?;
    let end_taken_at = seconds_now();
    let end = cluster.offset(place, Bound::End, Isolation::Uncommitted).await?;
    if end < start {
        return Err(ClientError::Bounds(Place::clone(place), start, end));
    }
    if let Some(known) = state.find(place, &topic.id, start, end) {
        tracing::info!(place = %place, offset = known.next, "going on from the state file");
        return Ok(Audited { end, end_taken_at, ..known });
    }
    Ok(Audited {
        topic: Arc::clone(&place.topic),
        topic_id: topic.id.clone(),
        partition: place.partition,
        start,
        next: start,
        end,
        end_taken_at,
        lost: 0,
        tally: Tally::new(plan.max_ranges),
    })
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
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
    let lost = audited.lost;
    let log = Log::between(Arc::clone(&place), Isolation::Uncommitted, audited.next, audited.end);
    let mut log = log.sample(every);
    while let Some(piece) = log.next(cluster).await.map_err(ReadError::Client)? {
        audited.tally.take(&piece, looker);
        audited.next = log.position();
        audited.lost = lost.saturating_add(log.lost());
        progress.at(done.saturating_add(length(audited.start, audited.next)), &place);
        state.save(Some(&audited)).map_err(ReadError::State)?;
    }
    audited.next = audited.end;
    audited.lost = lost.saturating_add(log.lost());
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
        self.every == 1
            && self.doubts.is_empty()
            && self.partitions.iter().all(|audited| !audited.has_clear() && !audited.has_damage())
    }
}
