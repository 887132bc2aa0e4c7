//! A partition's log, read from its leader.

use super::committed::Committed;
use super::offsets;
use super::{Piece, PieceKind};
use crate::client::{Bound, ClientError, Cluster, Isolation, Place};
use bytes::Bytes;
use proxy_records::{Entry, entries};
use std::sync::Arc;

/// A fetch, unless one batch is larger.
const FETCH_BYTES: i32 = 4 * 1024 * 1024;
/// Answers in a row without anything new before the log is given up.
const MAX_EMPTY: u32 = 20;

/// A log between two offsets. What is added meanwhile is not read.
#[derive(Debug)]
pub(crate) struct Log {
    place: Arc<Place>,
    isolation: Isolation,
    next: i64,
    end: i64,
    chunk: Bytes,
    committed: Committed,
    empty: u32,
    /// Only one fetch of so many is read, for a sample.
    every: i64,
    chunk_start: i64,
    /// Offsets that were gone when it was their turn.
    lost: i64,
}

impl Log {
    /// From an offset, or the start, to what is the end now.
    pub(crate) async fn open(
        cluster: &mut Cluster,
        place: Arc<Place>,
        isolation: Isolation,
        from: Option<i64>,
    ) -> Result<Self, ClientError> {
        let start = match from {
            Some(from) => from,
            None => cluster.offset(&place, Bound::Start, isolation).await?,
        };
        let end = cluster.offset(&place, Bound::End, isolation).await?;
        if end < start {
            return Err(ClientError::Bounds(Place::clone(&place), start, end));
        }
        Ok(Self::between(place, isolation, start, end))
    }

    /// Between two known offsets.
    pub(crate) fn between(place: Arc<Place>, isolation: Isolation, start: i64, end: i64) -> Self {
        Self {
            place,
            isolation,
            next: start,
            end,
            chunk: Bytes::new(),
            committed: Committed::default(),
            empty: 0,
            every: 1,
            chunk_start: start,
            lost: 0,
        }
    }

    /// Skips all but one fetch of so many.
    pub(crate) fn sample(mut self, every: i64) -> Self {
        self.every = every.max(1);
        self
    }

    pub(crate) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// The offset that is read next.
    pub(crate) fn position(&self) -> i64 {
        self.next.min(self.end)
    }

    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Offsets that retention removed before they were read.
    pub(crate) fn lost(&self) -> i64 {
        self.lost
    }

    /// The next entry before the end.
    pub(crate) async fn next(&mut self, cluster: &mut Cluster) -> Result<Option<Piece>, ClientError> {
        loop {
            if self.next >= self.end {
                return Ok(None);
            }
            match self.take() {
                Some(Taken::Piece(piece)) => return Ok(Some(piece)),
                Some(Taken::Old) => {}
                None => self.fetch(cluster).await?,
            }
        }
    }

    /// The next entry of what was fetched.
    fn take(&mut self) -> Option<Taken> {
        let first = entries(&self.chunk).next()?;
        let (kind, range) = match first {
            Ok(Entry::Batch(range)) => (PieceKind::Batch, range),
            Ok(Entry::OldMessage(range)) => (PieceKind::OldMessage, range),
            Ok(Entry::Tail(_)) => {
                self.chunk.clear();
                return None;
            }
            Err(error) => {
                // The rest cannot be cut, nor can any later fetch begin behind it.
                let bytes = std::mem::take(&mut self.chunk);
                let left = u64::try_from(self.end.saturating_sub(self.next)).unwrap_or(0);
                self.next = self.end;
                let kind = PieceKind::Unreadable(error, left);
                return Some(Taken::Piece(Piece { place: Arc::clone(&self.place), kind, bytes }));
            }
        };
        let bytes = self.chunk.split_to(range.end);
        let last = offsets::last(&bytes);
        let aborted = kind == PieceKind::Batch && self.committed.is_aborted(&bytes);
        if last < self.next {
            return Some(Taken::Old);
        }
        if offsets::first(&bytes) >= self.end {
            self.next = self.end;
            return Some(Taken::Old);
        }
        self.next = last.saturating_add(1);
        self.empty = 0;
        let kind = if aborted { PieceKind::Aborted } else { kind };
        Some(Taken::Piece(Piece { place: Arc::clone(&self.place), kind, bytes }))
    }

    async fn fetch(&mut self, cluster: &mut Cluster) -> Result<(), ClientError> {
        let read = self.next.saturating_sub(self.chunk_start);
        self.next = self.next.saturating_add(read.saturating_mul(self.every.saturating_sub(1)));
        self.chunk_start = self.next;
        if self.next >= self.end {
            return Ok(());
        }
        self.empty = self.empty.saturating_add(1);
        if self.empty > MAX_EMPTY {
            return Err(ClientError::Stalled(Place::clone(&self.place), self.next));
        }
        match cluster.fetch(&self.place, self.next, self.isolation, FETCH_BYTES).await {
            Ok(fetched) => {
                self.chunk = fetched.records;
                self.committed.start(fetched.aborted);
                Ok(())
            }
            Err(error) => {
                // Retention was faster.
                let start = cluster.offset(&self.place, Bound::Start, self.isolation).await?;
                if start <= self.next {
                    return Err(error);
                }
                self.lost = self.lost.saturating_add(start.min(self.end).saturating_sub(self.next));
                self.next = start;
                self.chunk_start = start;
                Ok(())
            }
        }
    }
}

enum Taken {
    Piece(Piece),
    /// Before the offset that was asked for, or behind the end.
    Old,
}
