//! Files and folders as brokers name them.

use super::{EXTENSION, SegmentError};
use crate::client::Place;
use std::path::{Path, PathBuf};

/// The segments in a folder, in the order of their offsets.
pub(super) fn segments(folder: &Path) -> Result<Vec<PathBuf>, SegmentError> {
    let mut files = list(folder)?;
    files.retain(|path| path.is_file() && path.extension().is_some_and(|extension| extension == EXTENSION));
    Ok(files)
}

/// The folders of partitions in a data folder.
pub(super) fn folders(folder: &Path) -> Result<Vec<PathBuf>, SegmentError> {
    let mut folders = list(folder)?;
    folders.retain(|path| {
        let own = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"__"));
        path.is_dir() && !own && folder_place(path).is_some()
    });
    Ok(folders)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, SegmentError> {
    let failed = |error| SegmentError::Read(folder.to_owned(), error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    // Names of segments have leading zeros.
    paths.sort();
    Ok(paths)
}

/// Topic and partition by the name of a segment's folder.
pub(super) fn place_of(segment: &Path) -> Option<Place> {
    let folder = match segment.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.canonicalize(),
        _ => std::env::current_dir(),
    };
    folder_place(&folder.ok()?)
}

pub(super) fn folder_place(folder: &Path) -> Option<Place> {
    let (topic, partition) = folder.file_name()?.to_str()?.rsplit_once('-')?;
    let partition = partition.parse().ok().filter(|partition: &i32| *partition >= 0)?;
    // Names come to terminals, and brokers have no others.
    let topic = proxy_config::TopicName::new(topic).ok()?;
    Some(Place { topic: topic.as_str().into(), partition })
}
