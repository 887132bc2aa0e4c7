//! What an interrupted audit knows already, in a file.

#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
pub(crate) mod fuzzing;

use super::super::write_atomically;
use super::reading::seconds_now;
use super::{Audited, Plan};
use crate::client::Place;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;

/// Raised whenever the layout changes: files of another version are refused.
const VERSION: u32 = 3;
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

/// An older file is not believed: keys may have come into use again since.
const MAX_AGE_SECONDS: u64 = 24 * 60 * 60;

/// Options that a run must have in common with the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Options {
    version: u32,
    topics: Vec<String>,
    every: u64,
    max_ranges: usize,
    versions_are_certain: bool,
    /// Brokers of cloned clusters have the same topics with the same ids.
    cluster: Option<String>,
    /// Providers that are named otherwise tell other versions.
    providers: String,
}

#[derive(Debug, Deserialize)]
struct Contents {
    options: Options,
    begun: u64,
    partitions: Vec<Audited>,
}

/// The same, borrowed.
#[derive(Serialize)]
struct Written<'a> {
    options: &'a Options,
    begun: u64,
    partitions: Vec<&'a Audited>,
}

#[derive(Debug)]
pub(super) struct State {
    path: Option<PathBuf>,
    options: Options,
    /// When the first of the runs began, in seconds since 1970.
    begun: u64,
    /// Of the run before, and not yet taken over.
    earlier: BTreeMap<(Arc<str>, i32), Audited>,
    done: Vec<Audited>,
    saved: Option<Instant>,
}

impl State {
    /// Reads what an earlier run left, if it did.
    pub(super) fn open(plan: &Plan, cluster: Option<&str>) -> Result<Self, StateError> {
        let options = Options {
            version: VERSION,
            topics: plan.topics.clone(),
            every: plan.every,
            max_ranges: plan.max_ranges,
            versions_are_certain: plan.versions.are_certain(),
            cluster: cluster.map(str::to_owned),
            providers: plan.providers.digest(),
        };
        let earlier = match &plan.state {
            Some(path) => read(path, &options)?,
            None => None,
        };
        let (begun, earlier) = earlier
            .map_or_else(|| (seconds_now(), Vec::new()), |earlier| (earlier.begun, earlier.partitions));
        let key = |audited: Audited| ((Arc::clone(&audited.topic), audited.partition), audited);
        let earlier = earlier.into_iter().map(key).collect();
        Ok(Self { path: plan.state.clone(), options, begun, earlier, done: Vec::new(), saved: None })
    }

    /// What is known of a partition, if its log still begins where it did. It stays in the file until more is known.
    ///
    /// Nothing is taken over where brokers are too old to tell ids: a topic that was created again looks the same.
    pub(super) fn find(&mut self, place: &Place, topic_id: &str, start: i64, end: i64) -> Option<Audited> {
        let key = (Arc::clone(&place.topic), place.partition);
        let known = self.earlier.get(&key)?;
        let has_id = topic_id.chars().any(|digit| digit != '0' && digit != '-');
        let is_same = has_id && known.topic_id == topic_id;
        if is_same && known.start == start && end >= known.end && (start..=end).contains(&known.next) {
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
        let written = serde_json::to_vec(&Written { options: &self.options, begun: self.begun, partitions });
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

fn read(path: &Path, options: &Options) -> Result<Option<Contents>, StateError> {
    let failed = |error| StateError::Read(path.to_owned(), error);
    let size = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
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
    if seconds_now().checked_sub(contents.begun).is_none_or(|age| age > MAX_AGE_SECONDS) {
        tracing::warn!(path = %path.display(), "the state file is older than a day: everything is read again");
        return Ok(None);
    }
    Ok(Some(contents))
}

#[cfg(test)]
mod tests {
    use super::super::providers::{Kind, Providers};
    use super::*;
    use crate::tools::Versions;
    use crate::tools::tally::Tally;
    use std::collections::BTreeSet;

    const TOPIC_ID: &str = "00000000-0000-0000-0000-00000000000a";

    fn plan(folder: &tempfile::TempDir) -> Plan {
        Plan {
            topics: Vec::new(),
            named: BTreeSet::new(),
            every: 1,
            max_ranges: 10,
            state: Some(folder.path().join("state")),
            versions: Versions::Guessed,
            providers: Providers::default(),
            held: None,
        }
    }

    fn place() -> Place {
        Place { topic: "t".into(), partition: 0 }
    }

    /// What a run left that had read up to offset 5 of 9.
    fn interrupted(folder: &tempfile::TempDir, topic_id: &str) -> Plan {
        let plan = plan(folder);
        let audited = Audited {
            topic: "t".into(),
            topic_id: topic_id.to_owned(),
            partition: 0,
            start: 0,
            next: 5,
            end: 9,
            end_taken_at: 1,
            lost: 0,
            tally: Tally::new(10),
        };
        State::open(&plan, Some("c")).unwrap().save(Some(&audited)).unwrap();
        plan
    }

    #[test]
    fn what_was_read_is_taken_over_only_from_the_same_log() {
        let folder = tempfile::tempdir().unwrap();
        let plan = interrupted(&folder, TOPIC_ID);
        let find = |id: &str, start: i64, end: i64| {
            let found = State::open(&plan, Some("c")).unwrap().find(&place(), id, start, end);
            found.map(|known| known.next)
        };
        assert_eq!(find(TOPIC_ID, 0, 20), Some(5));
        assert_eq!(find(TOPIC_ID, 1, 20), None, "retention removed what was counted");
        assert_eq!(find(TOPIC_ID, 0, 8), None, "the log is shorter than it was");
        assert_eq!(find("00000000-0000-0000-0000-00000000000b", 0, 20), None);
        let nameless = "00000000-0000-0000-0000-000000000000";
        let plan = interrupted(&folder, nameless);
        let mut state = State::open(&plan, Some("c")).unwrap();
        assert!(state.find(&place(), nameless, 0, 20).is_none(), "a topic without id may be another one");
    }

    #[test]
    fn a_file_of_another_cluster_or_other_providers_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let plan = interrupted(&folder, TOPIC_ID);
        assert!(matches!(State::open(&plan, Some("clone")), Err(StateError::Other(_))));
        let providers = Providers::fake(&[("default", Kind::Local, "a")]);
        assert!(matches!(State::open(&Plan { providers, ..plan }, Some("c")), Err(StateError::Other(_))));
    }

    #[test]
    fn a_file_of_yesterday_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let plan = interrupted(&folder, TOPIC_ID);
        let path = folder.path().join("state");
        let mut contents: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for begun in [seconds_now() - MAX_AGE_SECONDS - 1, seconds_now() + 1_000] {
            contents["begun"] = begun.into();
            std::fs::write(&path, contents.to_string()).unwrap();
            let mut state = State::open(&plan, Some("c")).unwrap();
            assert!(state.find(&place(), TOPIC_ID, 0, 20).is_none());
        }
    }
}
