//! How far a copy got, in a file.

#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
pub(crate) mod fuzzing;

use super::super::write_atomically;
use super::batches::Digest;
use super::{Copied, CopyError};
use crate::client::{Bound, Cluster, Isolation, Place, ProducerId, Topic};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Raised whenever the layout changes: files of another version are refused.
const VERSION: u32 = 2;
/// A file of ours is smaller, however many partitions there are.
const MAX_BYTES: u64 = 1 << 28;

#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    version: u32,
    /// Cloned clusters have the same topics with the same ids.
    cluster: Option<String>,
    source: Identity,
    target: Identity,
    producer_id: i64,
    producer_epoch: i16,
    partitions: BTreeMap<i32, Position>,
}

/// A topic, and no later one of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    topic: String,
    id: String,
}

/// Where one partition is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Position {
    /// None before the first batch: from the start.
    pub(super) source_next: Option<i64>,
    pub(super) target_start: i64,
    pub(super) target_next: i64,
    /// Of the next batch.
    pub(super) sequence: i32,
    pub(super) records: u64,
    pub(super) skipped: u64,
    /// Over all records that were copied.
    pub(super) digest: Digest,
    pub(super) pending: Option<Pending>,
}

/// A batch that may or may not have arrived.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) source_next: i64,
    pub(super) records: u64,
    pub(super) skipped: u64,
    pub(super) digest: Digest,
}

#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    contents: Contents,
}

impl Position {
    /// A batch has arrived.
    pub(super) fn take(&mut self, pending: Pending) {
        self.source_next = Some(pending.source_next);
        self.target_next = pending.behind(self.target_next);
        let records = i64::try_from(pending.records).unwrap_or(i64::MAX);
        // Sequences go round within 31 bits.
        let sequence = i64::from(self.sequence).saturating_add(records).rem_euclid(1 << 31);
        self.sequence = i32::try_from(sequence).unwrap_or(0);
        self.records = self.records.saturating_add(pending.records);
        self.skipped = self.skipped.saturating_add(pending.skipped);
        self.digest = pending.digest;
    }
}

impl Pending {
    /// Where the target ends once the batch has arrived.
    pub(super) fn behind(&self, target_next: i64) -> i64 {
        target_next.saturating_add(i64::try_from(self.records).unwrap_or(i64::MAX))
    }
}

impl State {
    /// What an earlier run left. Without that the target must be empty.
    pub(super) async fn open(
        cluster: &mut Cluster,
        path: &Path,
        source: &Topic,
        target: &Topic,
    ) -> Result<Self, CopyError> {
        let identity = |topic: &Topic| Identity { topic: topic.name.to_string(), id: topic.id.clone() };
        let (source_identity, target_identity) = (identity(source), identity(target));
        if let Some(contents) = read(path)? {
            let is_same = contents.version == VERSION
                && contents.cluster.as_deref() == cluster.id()
                && contents.source == source_identity
                && contents.target == target_identity
                && contents.partitions.keys().eq(source.partitions.iter());
            let path = path.to_owned();
            return if is_same { Ok(Self { path, contents }) } else { Err(CopyError::OtherState(path)) };
        }
        let mut partitions = BTreeMap::new();
        for partition in &target.partitions {
            let place = Place { topic: target.name.clone(), partition: *partition };
            let failed = |error| CopyError::Read(place.clone(), error);
            let start = cluster.offset(&place, Bound::Start, Isolation::Uncommitted).await.map_err(failed)?;
            let end = cluster.offset(&place, Bound::End, Isolation::Uncommitted).await.map_err(failed)?;
            if start != end {
                return Err(CopyError::NotEmpty(place));
            }
            let position = Position {
                source_next: None,
                target_start: end,
                target_next: end,
                sequence: 0,
                records: 0,
                skipped: 0,
                digest: [0; 32],
                pending: None,
            };
            partitions.insert(*partition, position);
        }
        let ProducerId { id, epoch } = cluster.producer_id().await.map_err(CopyError::ProducerId)?;
        let contents = Contents {
            version: VERSION,
            cluster: cluster.id().map(str::to_owned),
            source: source_identity,
            target: target_identity,
            producer_id: id,
            producer_epoch: epoch,
            partitions,
        };
        Ok(Self { path: path.to_owned(), contents })
    }

    pub(super) fn save(&self) -> Result<(), CopyError> {
        let failed = |error| CopyError::WriteState(self.path.clone(), error);
        let bytes =
            serde_json::to_vec(&self.contents).map_err(|error| failed(std::io::Error::other(error)))?;
        write_atomically(&self.path, &bytes).map_err(failed)
    }

    pub(super) fn partitions(&self) -> Vec<i32> {
        self.contents.partitions.keys().copied().collect()
    }

    pub(super) fn producer(&self) -> ProducerId {
        ProducerId { id: self.contents.producer_id, epoch: self.contents.producer_epoch }
    }

    /// Of a partition that is among [`Self::partitions`].
    pub(super) fn get(&self, partition: i32) -> &Position {
        self.contents.partitions.get(&partition).expect("all partitions are there from the start")
    }

    pub(super) fn get_mut(&mut self, partition: i32) -> &mut Position {
        self.contents.partitions.get_mut(&partition).expect("all partitions are there from the start")
    }

    pub(super) fn copied(&self) -> Copied {
        let positions = self.contents.partitions.values();
        let mut copied = Copied { partitions: positions.len(), ..Copied::default() };
        for position in positions {
            copied.records = copied.records.saturating_add(position.records);
            copied.skipped = copied.skipped.saturating_add(position.skipped);
        }
        copied
    }
}

fn read(path: &Path) -> Result<Option<Contents>, CopyError> {
    let failed = |error| CopyError::ReadState(path.to_owned(), error);
    let size = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(failed)?.len(),
    };
    if size > MAX_BYTES {
        return Err(failed(ErrorKind::FileTooLarge.into()));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| CopyError::ParseState(path.to_owned(), error))
}
