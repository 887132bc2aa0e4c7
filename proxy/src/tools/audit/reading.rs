//! Partitions, read to their ends.

use super::state::State;
use super::{AuditError, Audited, Plan, StateError};
use crate::client::{Bound, ClientError, Cluster, Isolation, Place, Topic};
use crate::tools::Log;
use crate::tools::look::Looker;
use crate::tools::progress::Progress;
use crate::tools::tally::Tally;
use std::sync::Arc;
use std::time::SystemTime;

/// Reads partitions to what is their end now.
pub(super) async fn read_all(
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

/// Whether a log went back, as only another log does.
pub(super) async fn moved(cluster: &mut Cluster, audited: &Audited) -> Result<Option<String>, AuditError> {
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

pub(super) fn seconds_now() -> u64 {
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
