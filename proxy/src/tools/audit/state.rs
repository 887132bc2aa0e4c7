//! What an interrupted audit knows already, in a file.

use super::super::write_atomically;
use super::{Audited, Plan};
use crate::client::Place;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;

/// Another layout of the file.
const VERSION: u32 = 1;
/// A file of ours is smaller, however many partitions there are.
const MAX_BYTES: u64 = 1 << 30;

#[derive(Debug, Error)]
pub(crate) enum StateError {
    #[error("failed to read the state file {}", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    #[error("{} is no state file of an audit by this version", .0.display())]
    Parse(PathBuf, #[source] serde_json::Error),
    #[error("{} is of an audit with other options: give the same ones, or remove it", .0.display())]
    Other(PathBuf),
    #[error("failed to write the state file {}", .0.display())]
    Write(PathBuf, #[source] std::io::Error),
}

/// Between two writes.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// Options that a run must have in common with the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Options {
    version: u32,
    topics: Vec<String>,
    every: u64,
    max_ranges: usize,
    versions_are_certain: bool,
}

#[derive(Debug, Deserialize)]
struct Contents {
    options: Options,
    partitions: Vec<Audited>,
}

/// The same, borrowed.
#[derive(Serialize)]
struct Written<'a> {
    options: &'a Options,
    partitions: Vec<&'a Audited>,
}

#[derive(Debug)]
pub(super) struct State {
    path: Option<PathBuf>,
    options: Options,
    /// Of the run before, and not yet taken over.
    earlier: BTreeMap<(Arc<str>, i32), Audited>,
    done: Vec<Audited>,
    saved: Option<Instant>,
}

impl State {
    /// Reads what an earlier run left, if it did.
    pub(super) fn open(plan: &Plan) -> Result<Self, StateError> {
        let options = Options {
            version: VERSION,
            topics: plan.topics.clone(),
            every: plan.every,
            max_ranges: plan.max_ranges,
            versions_are_certain: plan.versions.are_certain(),
        };
        let earlier = match &plan.state {
            Some(path) => read(path, &options)?,
            None => Vec::new(),
        };
        let key = |audited: Audited| ((Arc::clone(&audited.topic), audited.partition), audited);
        let earlier = earlier.into_iter().map(key).collect();
        Ok(Self { path: plan.state.clone(), options, earlier, done: Vec::new(), saved: None })
    }

    /// What is known of a partition, if its log still begins where it did. It stays in the file until more is known.
    pub(super) fn find(&mut self, place: &Place, topic_id: &str, start: i64) -> Option<Audited> {
        let key = (Arc::clone(&place.topic), place.partition);
        let known = self.earlier.get(&key)?;
        if known.topic_id == topic_id && known.start == start {
            return Some(known.clone());
        }
        // Another topic of that name, or retention removed what was counted.
        self.earlier.remove(&key);
        None
    }

    /// A partition was read to its end.
    pub(super) fn done(&mut self, audited: Audited) -> Result<(), StateError> {
        self.earlier.remove(&(Arc::clone(&audited.topic), audited.partition));
        self.done.push(audited);
        self.save(None)
    }

    /// Writes what is known, with a partition that is being read.
    ///
    /// At first at once, then only now and then: the file grows with the number of partitions.
    pub(super) fn save(&mut self, current: Option<&Audited>) -> Result<(), StateError> {
        let Some(path) = &self.path else { return Ok(()) };
        if self.saved.is_some_and(|saved| saved.elapsed() < SAVE_EVERY) {
            return Ok(());
        }
        self.saved = Some(Instant::now());
        let is_current = |known: &&Audited| {
            current
                .is_some_and(|current| current.topic == known.topic && current.partition == known.partition)
        };
        let rest = self.earlier.values().filter(|known| !is_current(known));
        let partitions = self.done.iter().chain(current).chain(rest).collect();
        let written = serde_json::to_vec(&Written { options: &self.options, partitions });
        let failed = |error| StateError::Write(path.clone(), error);
        let bytes = written.map_err(|error| failed(std::io::Error::other(error)))?;
        write_atomically(path, &bytes).map_err(failed)
    }

    /// The audit is complete: the next one begins anew.
    pub(super) fn finish(self) -> Result<Vec<Audited>, StateError> {
        if let Some(path) = &self.path {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StateError::Write(path.clone(), error));
                }
                _ => {}
            }
        }
        Ok(self.done)
    }
}

fn read(path: &Path, options: &Options) -> Result<Vec<Audited>, StateError> {
    let failed = |error| StateError::Read(path.to_owned(), error);
    let size = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        metadata => metadata.map_err(failed)?.len(),
    };
    if size > MAX_BYTES {
        return Err(failed(ErrorKind::FileTooLarge.into()));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let contents: Contents =
        serde_json::from_slice(&bytes).map_err(|error| StateError::Parse(path.to_owned(), error))?;
    if contents.options != *options {
        return Err(StateError::Other(path.to_owned()));
    }
    Ok(contents.partitions)
}
