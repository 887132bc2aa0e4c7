//! Opens what is encrypted in one partition of a Fetch answer, in place where the batch allows it.

mod keys;
mod lacked;
mod legacy_keys;
mod records;
mod room;
mod steps;
mod strictness;

use crate::connection::Session;
use crate::handler::{Code, turn, with_workbench};
use crate::legacy;
use crate::live::LoadedPolicy;
use crate::metrics::labels::Refusal;
use crate::pieces::Pieces;
use crate::topics::TopicId;
pub(super) use keys::LONG;
pub(crate) use lacked::Lacked;

use keys::{KnownKey, RefusedKey};
use lacked::LackedKey;
use proxy_records::{Entry, entries, old_message_offset};
use room::Room;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use strictness::Strictness;
use tokio::time::Instant;

/// Which partition.
pub(crate) struct Place<'a> {
    pub(crate) topic: &'a str,
    /// Where it is known.
    pub(crate) id: Option<TopicId>,
    pub(crate) partition: i32,
    /// Of the Fetch request; none for `ShareFetch`.
    pub(crate) fetch_version: Option<i16>,
}

/// Data keys that the records of one batch are under, at most: one or two, as a data key ends now and then. Whoever writes to
/// brokers could put together more, and work grows with their square.
const MOST_KEYS: usize = 64;

/// What became of a partition's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    /// They may go on as they are.
    Unchanged,
    /// They are to be replaced: see [`Opener::place`].
    Rewritten,
}

/// Why a partition is answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) refusal: Refusal,
}

impl Failure {
    pub(crate) const UNKNOWN_TOPIC: Self =
        Self { code: Code::UnknownTopicId, refusal: Refusal::UnknownTopicId };
    const CORRUPT: Self = Self { code: Code::CorruptMessage, refusal: Refusal::Corrupt };
    const TOO_LARGE: Self = Self { code: Code::CorruptMessage, refusal: Refusal::TooLarge };
    const PLAINTEXT: Self = Self { code: Code::CorruptMessage, refusal: Refusal::PlaintextRejected };
    const HISTORY_UNKNOWN: Self = Self { code: Code::KafkaStorageError, refusal: Refusal::HistoryUnknown };
}

/// Where a part of the opened partition is.
enum Part {
    /// In the answer as it came.
    Frame(Range<usize>),
    /// In the side buffer of the answer as it goes on.
    Side(Range<usize>),
}

/// The opened partition; reused from partition to partition.
#[derive(Default)]
pub(crate) struct Opener {
    parts: Vec<Part>,
    keys: Vec<KnownKey>,
    legacy_keys: Vec<legacy::KnownKey>,
    /// Keys that were refused, where the rule goes on without.
    refused: Vec<RefusedKey>,
    deadline: Option<Instant>,
    room: Room,
    /// Why the partition is answered with an error, where that is known, and the record.
    cause: Option<String>,
    offset: Option<i64>,
    /// One for the whole answer.
    policy: Option<Arc<LoadedPolicy>>,
}

/// What the steps on one partition have in common.
struct Task<'a> {
    session: &'a Session,
    place: &'a Place<'a>,
    strictness: Strictness,
}

enum Step {
    Done(Opened),
    NeedKey(NeededKey),
    /// Bytes that the rewritten batch may take.
    NeedRoom(usize),
}

/// A key that is needed first.
enum NeededKey {
    /// That of an envelope header.
    Envelope(Vec<u8>),
    /// That of another program's record.
    Legacy(legacy::Wanted),
}

impl Opener {
    /// Begins with a new answer. Forgets the keys of the last one, so that none outlives the cache that revocation
    /// empties. All its partitions together wait at most for `patience` for keys that are not to be had.
    pub(crate) fn start(&mut self, session: &Session, patience: Duration) {
        self.keys.clear();
        self.refused.clear();
        self.policy = session.shared.live.policy();
        self.deadline = Some(Instant::now() + patience);
    }

    /// The answer is written: what it grew to is free again, and so are its keys, lest a connection that idles holds some.
    pub(crate) fn finish(&mut self) {
        self.room = Room::default();
        self.let_go_of_keys();
        self.refused.clear();
    }

    /// They are asked for again, which is no call while they are fresh.
    fn let_go_of_keys(&mut self) {
        self.keys.clear();
        self.legacy_keys.clear();
    }

    /// Opens a partition's records; no place means that its topic has no known name.
    pub(crate) async fn open(
        &mut self,
        session: &Session,
        place: Option<Place<'_>>,
        message: &mut [u8],
        records: Range<usize>,
        pieces: &mut Pieces,
    ) -> Result<Opened, Failure> {
        self.parts.clear();
        self.legacy_keys.clear();
        (self.cause, self.offset) = (None, None);
        let place = &place.ok_or(Failure::UNKNOWN_TOPIC)?;
        let task = Task {
            session,
            place,
            strictness: Strictness::of(self.policy.as_deref(), session.shared.live.histories(), place)?,
        };
        let mut opened = Opened::Unchanged;
        let mut at = records.start;
        while at < records.end {
            let entry = next_entry(message, at..records.end)?;
            let range = match entry {
                Entry::Batch(range) => range,
                Entry::OldMessage(range) => {
                    let entry = message.get(at + range.start..at + range.end).unwrap_or_default();
                    if let Err(failure) = task.strictness.check(|| old_message_offset(entry)) {
                        return self.stop(place, failure, pieces);
                    }
                    self.parts.push(Part::Frame(at + range.start..at + range.end));
                    at += range.end.max(1);
                    continue;
                }
                Entry::Tail(range) => {
                    self.parts.push(Part::Frame(at + range.start..at + range.end));
                    at += range.end.max(1);
                    continue;
                }
            };
            let batch = at + range.start..at + range.end;
            if turn::pass().await >= LONG {
                self.let_go_of_keys();
            }
            match self.batch(&task, message, batch.clone(), pieces).await {
                Ok(Some(Opened::Unchanged)) => {}
                Ok(Some(Opened::Rewritten)) => opened = Opened::Rewritten,
                // What is left comes with the next fetch.
                Ok(None) => return Ok(Opened::Rewritten),
                Err(failure) => return self.stop(place, failure, pieces),
            }
            at = batch.end;
        }
        Ok(opened)
    }

    /// What was opened before the failure still goes out; the failure comes again with the next fetch. Not so for
    /// `ShareFetch`, which says elsewhere which records it hands over.
    fn stop(&mut self, place: &Place<'_>, failure: Failure, pieces: &mut Pieces) -> Result<Opened, Failure> {
        self.give_back_unused(pieces.side_buffer());
        let any = !self.parts.is_empty() && place.fetch_version.is_some();
        if any { Ok(Opened::Rewritten) } else { Err(failure) }
    }

    /// Opens one batch; `None` when there is no room for it in this answer.
    async fn batch(
        &mut self,
        task: &Task<'_>,
        message: &mut [u8],
        batch: Range<usize>,
        pieces: &mut Pieces,
    ) -> Result<Option<Opened>, Failure> {
        let mut missed = 0;
        loop {
            // For each missing key the batch is begun anew.
            if missed > MOST_KEYS {
                return Err(Failure::CORRUPT);
            }
            let batch = batch.clone();
            let step = with_workbench(|bench| self.step(task, message, batch, &mut bench.scratch, pieces));
            match step? {
                Step::Done(opened) => return Ok(Some(opened)),
                Step::NeedKey(needed) => {
                    missed += 1;
                    let fetched = match &needed {
                        NeededKey::Envelope(header) => self.fetch_key(task, header).await,
                        NeededKey::Legacy(wanted) => self.fetch_legacy_key(task, wanted.clone()).await,
                    };
                    if let Err(failure) = fetched {
                        self.note_lacked(task, needed, failure);
                        return Err(failure);
                    }
                    turn::pass().await;
                }
                Step::NeedRoom(bytes) => {
                    if !self.make_room(task, bytes, pieces.side_buffer()).await? {
                        return Ok(None);
                    }
                    if self.keys.is_empty() {
                        missed = 0;
                    }
                }
            }
        }
    }

    /// Of a share group, whose records were handed over, no more are to be until the key is there. Other consumers just fetch
    /// them again.
    fn note_lacked(&self, task: &Task<'_>, needed: NeededKey, failure: Failure) {
        if let (None, Some(id), Some(policy)) = (task.place.fetch_version, task.place.id, &self.policy)
            && failure != Failure::CORRUPT
        {
            let lacked = LackedKey { topic: task.place.topic.into(), needed, generation: policy.generation };
            task.session.shared.lacked.note(id, lacked);
        }
    }

    /// Why the partition is answered with an error, and at which record, as far as that is known.
    pub(crate) fn cause(&self) -> (Option<&str>, Option<i64>) {
        (self.cause.as_deref(), self.offset)
    }

    /// Bytes of the opened partition.
    pub(crate) fn length(&self) -> usize {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Frame(range) | Part::Side(range) => range.len(),
            })
            .sum()
    }

    /// Puts the opened partition in its place.
    pub(crate) fn place(&self, pieces: &mut Pieces) {
        for part in &self.parts {
            match part {
                Part::Frame(range) => pieces.frame(range.clone()),
                Part::Side(range) => pieces.stored(range.clone()),
            }
        }
    }
}

fn next_entry(message: &[u8], range: Range<usize>) -> Result<Entry, Failure> {
    let bytes = message.get(range).unwrap_or_default();
    entries(bytes).next().unwrap_or(Ok(Entry::Tail(0..bytes.len()))).map_err(|_| Failure::CORRUPT)
}

#[cfg(test)]
mod tests;
