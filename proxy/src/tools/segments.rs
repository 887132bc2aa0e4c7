//! Log segment files, as a broker left them or is still writing them.

use super::{Piece, PieceKind};
use crate::client::Place;
use bytes::Bytes;
use proxy_records::{EntriesError, entries};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Up to the magic of an entry.
const HEAD: usize = 17;
/// Before them again.
const BACK: i64 = -17;
/// Offset and length, which the length does not count.
const PREFIX: u64 = 12;
/// No broker takes a batch like that.
const MAX_ENTRY: u64 = 512 * 1024 * 1024;
const EXTENSION: &str = "log";

#[derive(Debug, Error)]
pub(crate) enum SegmentError {
    #[error("failed to read {}", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    #[error("there is no segment file (*.{EXTENSION}) in {}", .0.display())]
    Empty(PathBuf),
    #[error(
        "the folder of {} does not tell topic and partition as TOPIC-PARTITION: give them as options",
        .0.display()
    )]
    Unnamed(PathBuf),
}

/// Some files, read one after the other.
#[derive(Debug)]
pub(crate) struct Segments {
    files: VecDeque<(PathBuf, Arc<Place>)>,
    open: Option<Open>,
    total: u64,
    read: u64,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    place: Arc<Place>,
    file: BufReader<File>,
    /// As long as the file was when it was opened.
    left: u64,
}

impl Segments {
    /// The files among these paths: files as they are, of a partition's folder its segments, of a data folder those of all
    /// its topics but Kafka's own. Where topic and partition are not given, the folder's name tells them.
    pub(crate) fn find(paths: &[PathBuf], given: Option<&Place>) -> Result<Self, SegmentError> {
        let mut files = Vec::new();
        for path in paths {
            if !path.is_dir() {
                files.push(path.clone());
                continue;
            }
            let mut found = segments(path)?;
            for folder in folders(path)? {
                found.extend(segments(&folder)?);
            }
            if found.is_empty() {
                return Err(SegmentError::Empty(path.clone()));
            }
            files.extend(found);
        }
        let mut total = 0_u64;
        let mut named = VecDeque::with_capacity(files.len());
        for file in files {
            let place = match given {
                Some(place) => place.clone(),
                None => place_of(&file).ok_or_else(|| SegmentError::Unnamed(file.clone()))?,
            };
            let size = file.metadata().map_err(|error| SegmentError::Read(file.clone(), error))?.len();
            total = total.saturating_add(size);
            named.push_back((file, Arc::new(place)));
        }
        Ok(Self { files: named, open: None, total, read: 0 })
    }

    /// Bytes of all files, and of those entries that were read.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.read, self.total)
    }

    /// The next entry of the files.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, SegmentError> {
        loop {
            if let Some(open) = &mut self.open {
                let before = open.left;
                let piece = open.next().map_err(|error| SegmentError::Read(open.path.clone(), error))?;
                self.read = self.read.saturating_add(before.saturating_sub(open.left));
                if piece.is_some() {
                    return Ok(piece);
                }
            }
            let Some((path, place)) = self.files.pop_front() else { return Ok(None) };
            let failed = |error| SegmentError::Read(path.clone(), error);
            let file = File::open(&path).map_err(failed)?;
            let left = file.metadata().map_err(failed)?.len();
            self.open = Some(Open { path, place, file: BufReader::with_capacity(1 << 18, file), left });
        }
    }
}

impl Open {
    fn next(&mut self) -> std::io::Result<Option<Piece>> {
        if self.left == 0 {
            return Ok(None);
        }
        let Some(head) = self.head()? else { return Ok(Some(self.end(PieceKind::Truncated(self.left)))) };
        let length =
            head.get(8..).and_then(<[u8]>::first_chunk).map_or(0, |length| i32::from_be_bytes(*length));
        let magic = head.get(16).copied().unwrap_or_default();
        // A preallocated file ends in zeros.
        if head.iter().all(|byte| *byte == 0) {
            return Ok(Some(self.end(PieceKind::Truncated(self.left))));
        }
        let size = u64::try_from(length).unwrap_or(0).saturating_add(PREFIX);
        let wrong = match entries(&head).next() {
            Some(Err(error)) => Some(error),
            _ if size > MAX_ENTRY => Some(EntriesError::Length(length)),
            _ => None,
        };
        if let Some(error) = wrong {
            let mut piece = self.end(PieceKind::Unreadable(error, self.left));
            // It tells the offset that it was to have.
            piece.bytes = Bytes::copy_from_slice(&head);
            return Ok(Some(piece));
        }
        if size > self.left {
            return Ok(Some(self.end(PieceKind::Truncated(self.left))));
        }
        // The file is that long, so memory is taken for what is there.
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        self.file.read_exact(&mut bytes)?;
        self.left = self.left.saturating_sub(size);
        let kind = if magic < 2 { PieceKind::Legacy } else { PieceKind::Batch };
        Ok(Some(Piece { place: Arc::clone(&self.place), kind, bytes: bytes.into() }))
    }

    /// The first bytes of the next entry, which are then read again.
    fn head(&mut self) -> std::io::Result<Option<[u8; HEAD]>> {
        if self.left < HEAD as u64 {
            return Ok(None);
        }
        let mut head = [0; HEAD];
        self.file.read_exact(&mut head)?;
        // Within the buffer where that is possible.
        self.file.seek_relative(BACK)?;
        Ok(Some(head))
    }

    /// Gives up what is left of the file.
    fn end(&mut self, kind: PieceKind) -> Piece {
        self.left = 0;
        // Nobody reads on, so it does not matter where the file stands.
        let _ = self.file.seek(SeekFrom::End(0));
        Piece { place: Arc::clone(&self.place), kind, bytes: Bytes::new() }
    }
}

/// The segments in a folder, in the order of their offsets.
fn segments(folder: &Path) -> Result<Vec<PathBuf>, SegmentError> {
    let mut files = list(folder)?;
    files.retain(|path| path.is_file() && path.extension().is_some_and(|extension| extension == EXTENSION));
    Ok(files)
}

/// The folders of partitions in a data folder.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, SegmentError> {
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
fn place_of(segment: &Path) -> Option<Place> {
    let folder = match segment.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.canonicalize(),
        _ => std::env::current_dir(),
    };
    folder_place(&folder.ok()?)
}

fn folder_place(folder: &Path) -> Option<Place> {
    let (topic, partition) = folder.file_name()?.to_str()?.rsplit_once('-')?;
    let partition = partition.parse().ok().filter(|partition: &i32| *partition >= 0)?;
    // Names come to terminals, and brokers have no others.
    let topic = proxy_config::TopicName::new(topic).ok()?;
    Some(Place { topic: topic.as_str().into(), partition })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_as_brokers_name_them() {
        let place = |name: &str| folder_place(Path::new(name)).map(|place| place.to_string());
        assert_eq!(place("/data/a-topic-3").as_deref(), Some("a-topic-3"));
        for other in ["/data/\u{1b}[2Jtopic-0", "/data/-0", "/data/a topic-0", "/data/..-0/x"] {
            assert_eq!(place(other), None, "{other:?}");
        }
    }

    fn entry(length: i32, magic: u8) -> Vec<u8> {
        let mut bytes = 5_i64.to_be_bytes().to_vec();
        bytes.extend(length.to_be_bytes());
        bytes.resize(12 + usize::try_from(length.max(5)).unwrap(), 0);
        bytes[16] = magic;
        bytes
    }

    fn kinds(bytes: &[u8]) -> Vec<PieceKind> {
        let folder = tempfile::tempdir().unwrap();
        let partition = folder.path().join("a-topic-3");
        std::fs::create_dir(&partition).unwrap();
        std::fs::write(partition.join("00000000000000000000.log"), bytes).unwrap();
        let mut segments = Segments::find(&[folder.path().to_owned()], None).unwrap();
        let mut kinds = Vec::new();
        while let Some(piece) = segments.next().unwrap() {
            assert_eq!(piece.place.to_string(), "a-topic-3");
            kinds.push(piece.kind);
        }
        let (read, total) = segments.progress();
        assert_eq!(read, total);
        kinds
    }

    #[test]
    fn entries_come_one_by_one_and_a_cut_or_empty_end_is_told() {
        let mut file = entry(49, 2);
        file.extend(entry(14, 1));
        assert_eq!(kinds(&file), [PieceKind::Batch, PieceKind::Legacy]);
        file.extend(&entry(60, 2)[..40]);
        assert_eq!(kinds(&file)[2..], [PieceKind::Truncated(40)]);
        file.truncate(61);
        file.extend([0; 5]);
        assert_eq!(kinds(&file)[1..], [PieceKind::Truncated(5)]);
        file.extend([0; 500]);
        assert_eq!(kinds(&file)[1..], [PieceKind::Truncated(505)]);
    }

    #[test]
    fn what_is_no_entry_ends_the_file() {
        for (bytes, error) in [
            (entry(13, 0), EntriesError::Length(13)),
            (entry(-1, 2), EntriesError::Length(-1)),
            (entry(60, 9), EntriesError::Magic(9)),
        ] {
            let left = bytes.len() as u64;
            assert_eq!(kinds(&[entry(49, 2), bytes].concat())[1..], [PieceKind::Unreadable(error, left)]);
        }
        let mut huge = entry(60, 2);
        huge[8..12].copy_from_slice(&i32::MAX.to_be_bytes());
        assert!(matches!(kinds(&huge)[..], [PieceKind::Unreadable(EntriesError::Length(i32::MAX), _)]));
    }

    #[test]
    fn folders_tell_topic_and_partition() {
        let place = |name: &str| folder_place(Path::new(name)).map(|place| place.to_string());
        assert_eq!(place("/data/a.b-c-12").as_deref(), Some("a.b-c-12"));
        for other in ["/data/a", "/data/a-", "/data/-1", "/data/a-1x"] {
            assert_eq!(place(other), None, "{other}");
        }
    }
}
