//! One try at one batch, with the keys and the room at hand. Nothing here waits.

mod sealed_batch;
mod sealed_records;

use super::keys::{self, RefusedKey};
use super::{Failure, Opened, Opener, Part, Step, Task};
use crate::legacy::is_theirs;
use crate::live::Unread;
use crate::metrics::labels::{Direction, Replacement};
use crate::pieces::Pieces;
use proxy_config::OnUnreadable;
use proxy_crypto::{Dek, EnvelopeHeader};
use proxy_records::{
    BatchHeader, Codec, ENVELOPE_HEADER_NAME, Recognised, Scratch, find_record, last_offset, recognise,
};
use std::ops::Range;
use std::sync::Arc;

impl Opener {
    /// One try with the keys at hand.
    pub(super) fn step(
        &mut self,
        task: &Task<'_>,
        message: &mut [u8],
        batch: Range<usize>,
        scratch: &mut Scratch,
        pieces: &mut Pieces,
    ) -> Result<Step, Failure> {
        let bytes = message.get(batch.clone()).unwrap_or_default();
        let recognised = recognise(bytes, scratch).map_err(|_| Failure::CORRUPT)?;
        match recognised {
            Recognised::Clear { may_be_stub, content } => {
                if is_control(bytes) && (names_envelope(bytes) || is_compressed(bytes)) {
                    return Err(Failure::CORRUPT);
                }
                if !is_control(bytes)
                    && let Some(legacy) = &task.strictness.legacy
                    && let Some(section) = find_record(bytes, scratch, |record| is_theirs(legacy, record))
                        .map_err(|_| Failure::CORRUPT)?
                {
                    return self.sealed_records(task, bytes, section, scratch, pieces);
                }
                if !is_control(bytes) && task.strictness.concerns(content) {
                    task.strictness.check(|| last_offset(bytes, scratch))?;
                }
                if may_be_stub && task.strictness.stubs_are_orphans {
                    return Err(Failure::CORRUPT);
                }
                task.session.shared.metrics.records.clear_batches.inc(Direction::Fetch);
                self.parts.push(Part::Frame(batch));
                Ok(Step::Done(Opened::Unchanged))
            }
            Recognised::MisplacedEnvelope | Recognised::UnknownEnvelope => Err(Failure::CORRUPT),
            Recognised::Batch(sealed) => self.sealed_batch(task, message, batch, &sealed, scratch, pieces),
            Recognised::Records(section) => {
                let batch = message.get(batch).unwrap_or_default();
                self.sealed_records(task, batch, section, scratch, pieces)
            }
        }
    }

    fn rewrote(&mut self, range: Range<usize>) {
        self.room.left = self.room.left.saturating_sub(range.len());
        self.room.used = self.room.used.saturating_add(range.len());
        self.parts.push(Part::Side(range));
    }

    /// Keys that this topic's rule goes on without. Others in the same answer may have the same keys, and a rule that does not.
    fn refused(&self, task: &Task<'_>) -> &[RefusedKey] {
        match task.strictness.on_unreadable {
            OnUnreadable::Error => &[],
            OnUnreadable::Skip | OnUnreadable::Tombstone => &self.refused,
        }
    }

    fn known(&self, envelope: &EnvelopeHeader<'_>) -> Option<Arc<Dek>> {
        keys::find(&self.keys, envelope)
    }
}

/// Brokers write control batches, without headers: one that names ours is an envelope that clients would skip. One that
/// is compressed, which brokers never do, may hide the name.
fn names_envelope(batch: &[u8]) -> bool {
    let name = ENVELOPE_HEADER_NAME.as_bytes();
    batch.windows(name.len()).any(|window| window == name)
}

fn is_compressed(batch: &[u8]) -> bool {
    BatchHeader::parse(batch).is_ok_and(|header| header.attributes.codec() != Ok(Codec::None))
}

fn is_control(batch: &[u8]) -> bool {
    BatchHeader::parse(batch).is_ok_and(|header| header.attributes.is_control())
}

/// Counts and tells what was left out.
fn note(task: &Task<'_>, key: &RefusedKey, unread: Unread) {
    let shared = &task.session.shared;
    shared.metrics.records.unreadable.add(Replacement::Skipped, unread.skipped);
    shared.metrics.records.unreadable.add(Replacement::Tombstone, unread.tombstones);
    shared.live.unreadable().note(task.place.topic, task.place.partition, &key.provider, &key.key, unread);
}
