//! Log segment files, as a broker left them or is still writing them.

mod folders;
#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;

use super::{Piece, PieceKind};
use crate::client::Place;
use bytes::Bytes;
use folders::{folders, place_of, segments};
use proxy_records::{EntriesError, entries};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::PathBuf;
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
        let kind = if magic < 2 { PieceKind::OldMessage } else { PieceKind::Batch };
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
