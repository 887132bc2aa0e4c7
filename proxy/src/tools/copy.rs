//! `copy`: writes the records of a topic into another, sealed with the keys that the other's rule names now.
//!
//! Only what is committed is copied, each record once. Before a batch is sent, the state file says so; a copy that was
//! interrupted looks at the end of the target to see whether it got there, and goes on. That needs a target that nobody
//! else writes to meanwhile, which is checked with every batch.

mod arrival;
mod batches;
mod care;
mod error;
mod pace;
mod sealing;
pub(super) mod state;
mod target;
mod verify;

use super::opening::{Opened, Opening};
use super::progress::Progress;
use super::{Log, Piece, PieceKind};
use crate::client::{Appended, Cluster, Isolation, Place};
use batches::{Batches, PlainBatch};
use care::Care;
use pace::Pace;
use proxy_config::{EffectivePolicy, History};
use proxy_crypto::Keys;
use state::{Pending, State};
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use super::opening::LostKey;
pub(crate) use error::CopyError;
pub(crate) use verify::Verified;

use self::sealing::Sealing;

/// What is copied, and how.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Plan {
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) state: PathBuf,
    /// Go on behind records that nobody can open any more.
    pub(crate) skip_unopened: bool,
    /// Keys that are destroyed, so that what needs them is among these records.
    pub(crate) lost_keys: Vec<LostKey>,
    /// Seal what is in clear in the source, whoever wrote it.
    pub(crate) seal_clear: bool,
    /// Where the source's records in clear end, as a proxy noted it.
    pub(crate) history: History,
    /// Go on behind records that retention removed before they were read.
    pub(crate) skip_removed: bool,
    /// Let the target be in clear where its rule says so.
    pub(crate) allow_clear: bool,
    /// Bytes a second.
    pub(crate) rate_limit: Option<u64>,
}

/// What was done, by all runs together.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Copied {
    pub(crate) records: u64,
    pub(crate) skipped: u64,
    pub(crate) partitions: usize,
    /// Records of this run that were in clear in the source.
    pub(crate) clear: u64,
    /// Offsets of this run that were gone before they were read.
    pub(crate) removed: u64,
}

/// A copy under way.
pub(crate) struct Copier<'a> {
    cluster: &'a mut Cluster,
    keys: Arc<Keys>,
    policy: Arc<EffectivePolicy>,
    plan: &'a Plan,
    opening: Opening,
    sealing: Sealing,
    state: State,
    pace: Pace,
    care: Care,
    clear: u64,
    removed: u64,
}

impl<'a> Copier<'a> {
    /// Checks both topics and finds out how far an earlier run got.
    pub(crate) async fn start(
        cluster: &'a mut Cluster,
        keys: Arc<Keys>,
        policy: Arc<EffectivePolicy>,
        plan: &'a Plan,
    ) -> Result<Self, CopyError> {
        if plan.source == plan.target {
            return Err(CopyError::SameTopic);
        }
        let (source, target) = target::topics(cluster, &plan.source, &plan.target).await?;
        let sealing = target::sealing(cluster, Arc::clone(&keys), &policy, plan).await?;
        let state = State::open(cluster, &plan.state, &source, &target).await?;
        let mut opening = Opening::new(Arc::clone(&keys), Some(Arc::clone(&policy)));
        opening.expect_legacy(policy.explain(&plan.source).legacy);
        let pace = Pace::new(plan.rate_limit);
        let care = Care::of(&policy, plan, &source, sealing.seals());
        Ok(Self { cluster, keys, policy, plan, opening, sealing, state, pace, care, clear: 0, removed: 0 })
    }

    /// Copies what the source has now.
    pub(crate) async fn run(&mut self, quiet: bool) -> Result<Copied, CopyError> {
        let mut logs = Vec::new();
        for partition in self.state.partitions() {
            self.resolve(partition).await?;
            let place = Arc::new(Place { topic: self.plan.source.as_str().into(), partition });
            let from = self.state.get(partition).source_next;
            let log = Log::open(self.cluster, Arc::clone(&place), Isolation::Committed, from).await;
            logs.push(log.map_err(|error| CopyError::Read(Place::clone(&place), error))?);
        }
        let left = |log: &Log| u64::try_from(log.end().saturating_sub(log.position())).unwrap_or(0);
        let mut progress = Progress::new("copy", logs.iter().map(left).fold(0, u64::saturating_add), quiet);
        let mut done = 0_u64;
        for log in logs {
            let total = left(&log);
            let result = self.partition(log, &mut progress, done).await;
            if let Err(error) = result {
                progress.end();
                return Err(error);
            }
            done = done.saturating_add(total);
        }
        progress.end();
        self.state.save()?;
        Ok(Copied { clear: self.clear, removed: self.removed, ..self.state.copied() })
    }

    /// Reads the target and compares it with what was read from the source.
    pub(crate) async fn verify(&mut self, quiet: bool) -> Result<Verified, CopyError> {
        let opened_with = (Arc::clone(&self.keys), Arc::clone(&self.policy));
        verify::verify(self.cluster, opened_with, &self.plan.target, &self.state, quiet).await
    }

    async fn partition(&mut self, mut log: Log, progress: &mut Progress, done: u64) -> Result<(), CopyError> {
        let place = Arc::clone(log.place());
        let partition = place.partition;
        let start = log.position();
        let mut batches = Batches::new(self.sealing.limits(), self.state.get(partition).digest);
        while let Some(piece) =
            log.next(self.cluster).await.map_err(|error| CopyError::Read(Place::clone(&place), error))?
        {
            self.check_removed(&log)?;
            if piece.kind == PieceKind::Aborted {
                continue;
            }
            self.take(&piece, start, &mut batches).await?;
            for batch in batches.take_full() {
                self.send(partition, batch).await?;
            }
            let read = u64::try_from(log.position().saturating_sub(start)).unwrap_or(0);
            progress.at(done.saturating_add(read), &place);
        }
        self.check_removed(&log)?;
        self.removed = self.removed.saturating_add(u64::try_from(log.lost()).unwrap_or(0));
        for batch in batches.take_all() {
            self.send(partition, batch).await?;
        }
        let position = self.state.get_mut(partition);
        // Markers and aborted records behind the last batch.
        position.source_next = Some(log.end());
        position.skipped = position.skipped.saturating_add(batches.skipped());
        Ok(())
    }

    /// Takes the records of one entry that are to be copied.
    async fn take(&mut self, piece: &Piece, start: i64, batches: &mut Batches) -> Result<(), CopyError> {
        let (care, lost_keys, place) = (&self.care, &self.plan.lost_keys, &piece.place);
        let mut clear = 0_u64;
        let each = |opened: Opened<'_>| match opened {
            // The batch that holds the first offset comes whole, and may have been copied in part.
            Ok(record) if record.offset < start => Ok(()),
            Err(unopened) if unopened.last < start => Ok(()),
            Ok(record) => {
                care.permits(place, &record)?;
                clear = clear.saturating_add(u64::from(care.is_clear(&record)));
                batches.add(&record)
            }
            Err(unopened) if care.skip_unopened && unopened.cause.is_lost(lost_keys) => {
                batches.skip(unopened.records);
                Ok(())
            }
            Err(unopened) => Err(care.stop(place, unopened)),
        };
        let taken = self.opening.open(piece, each).await;
        self.clear = self.clear.saturating_add(clear);
        taken
    }

    /// What was never read is not copied, and the source's own end cannot show it.
    fn check_removed(&self, log: &Log) -> Result<(), CopyError> {
        if log.lost() > 0 && !self.plan.skip_removed {
            return Err(CopyError::Removed(Place::clone(log.place()), log.lost()));
        }
        Ok(())
    }

    /// Appends a batch to the target.
    async fn send(&mut self, partition: i32, batch: PlainBatch) -> Result<(), CopyError> {
        let place = self.target_place(partition);
        let producer = self.state.producer();
        let sequence = self.state.get(partition).sequence;
        let sealed = self.sealing.seal(&place, &batch, producer, sequence).await?;
        let size = sealed.len();
        let records = batch.records();
        let (source_next, skipped, digest) = (batch.source_next, batch.skipped, batch.digest);
        let pending = Pending { source_next, records, skipped, digest };
        self.state.get_mut(partition).pending = Some(pending);
        self.state.save()?;
        let expected = self.state.get(partition).target_next;
        let appended = self.cluster.produce(&place, sealed).await;
        let (found, expected) = match appended.map_err(|error| CopyError::Write(place.clone(), error))? {
            Appended::At(offset) => (offset, expected),
            Appended::Before => (self.target_end(partition).await?, pending.behind(expected)),
        };
        if found != expected {
            return Err(CopyError::Foreign { place, found, expected });
        }
        let position = self.state.get_mut(partition);
        if let Some(pending) = position.pending.take() {
            position.take(pending);
        }
        self.pace.wait(size).await;
        Ok(())
    }
}
