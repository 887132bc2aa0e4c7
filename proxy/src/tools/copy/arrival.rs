//! How far the target got.

use super::{Copier, CopyError};
use crate::client::{Bound, Isolation, Place, ProducerId};
use crate::tools::{Log, PieceKind};
use proxy_records::BatchHeader;
use std::ops::Range;
use std::sync::Arc;

impl Copier<'_> {
    /// Whether a batch that was being sent when the last run ended has arrived.
    pub(super) async fn resolve(&mut self, partition: i32) -> Result<(), CopyError> {
        let (place, found) = (self.target_place(partition), self.target_end(partition).await?);
        let position = self.state.get(partition);
        let (start, sequence) = (position.target_next, position.sequence);
        let arrived = match position.pending {
            Some(pending) if found == pending.behind(start) => {
                self.is_ours(&place, start..found, sequence).await?
            }
            _ => false,
        };
        let position = self.state.get_mut(partition);
        if let Some(pending) = position.pending.take().filter(|_| arrived) {
            position.take(pending);
        }
        let expected = position.target_next;
        if found == expected { Ok(()) } else { Err(CopyError::Foreign { place, found, expected }) }
    }

    /// Whether these records are one batch that this copy has sent: as many records may be somebody else's.
    pub(super) async fn is_ours(
        &mut self,
        place: &Place,
        range: Range<i64>,
        sequence: i32,
    ) -> Result<bool, CopyError> {
        let failed = |error| CopyError::Read(place.clone(), error);
        let shared = Arc::new(place.clone());
        let mut log = Log::between(shared, Isolation::Uncommitted, range.start, range.end);
        let Some(piece) = log.next(self.cluster).await.map_err(failed)? else { return Ok(false) };
        let ProducerId { id, epoch } = self.state.producer();
        let Ok(header) = BatchHeader::parse(&piece.bytes) else { return Ok(false) };
        let last = header.base_offset.saturating_add(i64::from(header.last_offset_delta));
        Ok(piece.kind == PieceKind::Batch
            && (header.producer_id, header.producer_epoch, header.base_sequence) == (id, epoch, sequence)
            && (header.base_offset, last.saturating_add(1)) == (range.start, range.end))
    }

    pub(super) async fn target_end(&mut self, partition: i32) -> Result<i64, CopyError> {
        let place = self.target_place(partition);
        let end = self.cluster.offset(&place, Bound::End, Isolation::Uncommitted).await;
        end.map_err(|error| CopyError::Read(place, error))
    }

    pub(super) fn target_place(&self, partition: i32) -> Place {
        Place { topic: self.plan.target.as_str().into(), partition }
    }
}
