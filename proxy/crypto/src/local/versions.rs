//! The key-encryption keys that are loaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::directory::Listing;
use super::file::{Kek, KeyVersion};
use super::{FileProblem, LocalStatus};
use crate::name::KeyName;

/// One complete state; never changed once it is published.
#[derive(Default)]
pub(super) struct Loaded {
    epoch: u64,
    keys: BTreeMap<KeyName, BTreeMap<u32, Version>>,
    misnamed: Vec<FileProblem>,
    directory: Option<String>,
}

/// What the file of a version gave. A file that has become invalid counts with what it held before.
#[derive(Clone)]
struct Version {
    kek: Option<Arc<Kek>>,
    problem: Option<String>,
}

/// Why there is no key to work with.
pub(super) enum Lacking {
    /// The directory is not there, so nobody knows.
    Directory(String),
    /// The directory has no such key.
    Key(String),
    /// The directory has the key, and no longer this version of it.
    Version(String),
}

/// A key, its version, and what it is now.
pub(super) type Change<'a> = (&'a KeyName, u32, Option<&'a Kek>);

impl Loaded {
    /// The state after a look at the directory.
    pub(super) fn follow(&self, listing: Result<Listing, String>) -> Self {
        let mut after = Self { epoch: self.epoch, ..Self::default() };
        match listing {
            // The keys stay, so that a file which is invalid when the directory returns still has its value of before.
            Err(problem) => {
                after.keys.clone_from(&self.keys);
                after.misnamed.clone_from(&self.misnamed);
                after.directory = Some(problem);
            }
            Ok(listing) => {
                after.misnamed = listing.misnamed;
                for (KeyVersion { key, version }, kek) in listing.files {
                    let before = self.keys.get(&key).and_then(|versions| versions.get(&version));
                    after.keys.entry(key).or_default().insert(version, Version::follow(before, kek));
                }
            }
        }
        if !after.answers_as(self) {
            after.epoch = self.epoch.wrapping_add(1);
        }
        after
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether there is nothing new to publish, not even a problem.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.epoch == other.epoch && self.status() == other.status()
    }

    /// The version that wraps.
    pub(super) fn newest(&self, key: &KeyName) -> Result<(u32, &Kek), Lacking> {
        let versions = self.versions(key)?;
        let mut usable =
            versions.iter().rev().filter_map(|(version, file)| Some((*version, file.kek.as_deref()?)));
        usable.next().ok_or_else(|| {
            let newest = versions.last_key_value();
            Lacking::Key(newest.map_or_else(no_file, |(version, file)| unusable(key, *version, file)))
        })
    }

    /// A version that unwraps.
    pub(super) fn version(&self, key: &KeyName, version: u32) -> Result<&Kek, Lacking> {
        let versions = self.versions(key)?;
        let file = versions.get(&version).ok_or_else(|| {
            let cause = format!("no file {key}.v{version} in the key directory");
            // What is newer than all that is there may only not have come yet.
            let is_older = versions.last_key_value().is_some_and(|(newest, _)| version < *newest);
            if is_older { Lacking::Version(cause) } else { Lacking::Key(cause) }
        })?;
        file.kek.as_deref().ok_or_else(|| Lacking::Key(unusable(key, version, file)))
    }

    /// What another state has that this has not: versions with other keys, or `None` where there is no key any more.
    pub(super) fn changes<'a>(&'a self, after: &'a Self) -> impl Iterator<Item = Change<'a>> {
        let gone = self.usable().filter(|(name, version, _)| after.kek(name, *version).is_none());
        let gone = gone.map(|(name, version, _)| (name, version, None));
        let new = after.usable().filter(|(name, version, kek)| {
            !self.kek(name, *version).is_some_and(|before| before.same_as(kek))
        });
        gone.chain(new.map(|(name, version, kek)| (name, version, Some(kek))))
    }

    fn usable(&self) -> impl Iterator<Item = (&KeyName, u32, &Kek)> {
        self.keys.iter().flat_map(|(name, versions)| {
            versions.iter().filter_map(move |(version, file)| Some((name, *version, file.kek.as_deref()?)))
        })
    }

    fn kek(&self, name: &KeyName, version: u32) -> Option<&Kek> {
        self.keys.get(name)?.get(&version)?.kek.as_deref()
    }

    pub(super) fn status(&self) -> LocalStatus {
        let mut status = LocalStatus { directory: self.directory.clone(), ..LocalStatus::default() };
        for (key, versions) in &self.keys {
            let usable = versions.iter().filter(|(_, file)| file.kek.is_some()).map(|(version, _)| *version);
            status.keys.push((key.clone(), usable.collect()));
            status.problems.extend(versions.iter().filter_map(|(version, file)| {
                Some(FileProblem { file: format!("{key}.v{version}"), cause: file.problem.clone()? })
            }));
        }
        status.problems.extend(self.misnamed.iter().cloned());
        status
    }

    fn versions(&self, key: &KeyName) -> Result<&BTreeMap<u32, Version>, Lacking> {
        match &self.directory {
            Some(problem) => Err(Lacking::Directory(problem.clone())),
            None => self.keys.get(key).ok_or_else(|| Lacking::Key(no_file())),
        }
    }

    /// Whether every question gets the same answer from both.
    fn answers_as(&self, other: &Self) -> bool {
        self.directory.is_some() == other.directory.is_some()
            && self.keys.len() == other.keys.len()
            && self.keys.iter().zip(&other.keys).all(|((name, versions), (other_name, others))| {
                name == other_name
                    && versions.len() == others.len()
                    && versions.iter().zip(others).all(|((version, file), (other_version, other))| {
                        version == other_version && file.answers_as(other)
                    })
            })
    }
}

impl Version {
    fn follow(before: Option<&Self>, read: Result<Kek, String>) -> Self {
        let kept = before.and_then(|before| before.kek.clone());
        match (read, kept) {
            (Ok(kek), _) => Self { kek: Some(Arc::new(kek)), problem: None },
            (Err(problem), Some(kek)) => {
                Self { kek: Some(kek), problem: Some(format!("{problem}; what it held before is used")) }
            }
            (Err(problem), None) => Self { kek: None, problem: Some(problem) },
        }
    }

    fn answers_as(&self, other: &Self) -> bool {
        match (&self.kek, &other.kek) {
            (Some(kek), Some(other)) => kek.same_as(other),
            (None, None) => true,
            _ => false,
        }
    }
}

fn no_file() -> String {
    "no file NAME.vN in the key directory".to_owned()
}

fn unusable(key: &KeyName, version: u32, file: &Version) -> String {
    format!("file {key}.v{version} is invalid: {}", file.problem.as_deref().unwrap_or("no key"))
}
