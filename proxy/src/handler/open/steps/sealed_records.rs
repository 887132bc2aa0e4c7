//! A batch whose records are sealed one by one, or some of them.

use super::note;
use crate::handler::open::records::{RecordFailure, RecordsOpener};
use crate::handler::open::{Failure, Opened, Opener, Step, Task};
use crate::metrics::labels::Format;
use crate::pieces::Pieces;
use proxy_config::OnUnreadable;
use proxy_crypto::RecordOpener;
use proxy_records::{BatchHeader, OpenRecordsError, Scratch, Section, last_offset, open_records};

impl Opener {
    pub(super) fn sealed_records(
        &mut self,
        task: &Task<'_>,
        batch: &[u8],
        section: Section,
        scratch: &mut Scratch,
        pieces: &mut Pieces,
    ) -> Result<Step, Failure> {
        let need = match section {
            Section::Batch => batch.len(),
            Section::Scratch(_) => batch.len().max(scratch.decompressed().len()),
        };
        if need > self.room.left {
            return Ok(Step::NeedRoom(need));
        }
        let side = pieces.side_buffer();
        let start = side.len();
        let mut records = RecordsOpener {
            keys: &self.keys,
            refused: self.refused(task),
            tombstones: task.strictness.on_unreadable == OnUnreadable::Tombstone,
            unread: Vec::new(),
            topic: task.place.topic,
            opener: RecordOpener::default(),
            legacy: task.strictness.legacy.as_deref(),
            legacy_keys: &self.legacy_keys,
            base_offset: BatchHeader::parse(batch).map_or(0, |header| header.base_offset),
            offset: None,
        };
        match open_records(batch, section, scratch, &mut records, side) {
            Ok(stats) => {
                if task.strictness.concerns_some(&stats)
                    && let Err(failure) = task.strictness.check(|| last_offset(batch, scratch))
                {
                    side.truncate(start);
                    return Err(failure);
                }
                if task.strictness.stubs_are_orphans && stats.may_be_stub {
                    side.truncate(start);
                    return Err(Failure::CORRUPT);
                }
                for (at, unread) in std::mem::take(&mut records.unread) {
                    if let Some(key) = self.refused.get(at) {
                        note(task, key, unread);
                    }
                }
                let bytes = side.len() - start;
                self.rewrote(start..start + bytes);
                task.session.shared.metrics.records.legacy.inc_by(u64::try_from(stats.foreign).unwrap_or(0));
                task.session.shared.metrics.records.decrypted.count(
                    Format::Record,
                    u64::try_from(stats.encrypted.saturating_add(stats.markers)).unwrap_or(0),
                    u64::try_from(bytes).unwrap_or(0),
                );
                Ok(Step::Done(Opened::Rewritten))
            }
            Err(error) => {
                side.truncate(start);
                let offset = records.offset;
                match error {
                    OpenRecordsError::Opener(RecordFailure::NeedKey(key)) => {
                        // Should the key not be to be had, this is the record that needs it.
                        self.offset = offset;
                        Ok(Step::NeedKey(key))
                    }
                    OpenRecordsError::Opener(RecordFailure::Legacy(unopened)) => {
                        (self.cause, self.offset) = (Some(unopened.to_string()), offset);
                        Err(Failure::CORRUPT)
                    }
                    _ => Err(Failure::CORRUPT),
                }
            }
        }
    }
}
