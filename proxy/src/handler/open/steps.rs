//! One try at one batch, with the keys and the room at hand. Nothing here waits.

use super::keys::{self, RefusedKey};
use super::records::{RecordFailure, RecordsOpener};
use super::{Failure, NeededKey, Opened, Opener, Part, Step, Task};
use crate::legacy::is_theirs;
use crate::live::Unread;
use crate::metrics::labels::{Direction, Format, Replacement};
use crate::pieces::Pieces;
use proxy_config::OnUnreadable;
use proxy_crypto::{BatchContext, Dek, EnvelopeHeader, RecordOpener, open_batch};
use proxy_records::{
    BATCH_HEADER_LEN, BatchHeader, Codec, ENVELOPE_HEADER_NAME, Location, OpenRecordsError, OriginalBatch,
    Recognised, Scratch, SealedBatch, Section, crc_matches, emptied_header, find_record, last_offset,
    open_records, recognise, restored_header,
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

    fn sealed_batch(
        &mut self,
        task: &Task<'_>,
        message: &mut [u8],
        batch: Range<usize>,
        sealed: &SealedBatch,
        scratch: &mut Scratch,
        pieces: &mut Pieces,
    ) -> Result<Step, Failure> {
        if sealed.location == Location::Scratch && sealed.sealed.len() > self.room.left {
            return Ok(Step::NeedRoom(sealed.sealed.len()));
        }
        let (header, payload) = match sealed.location {
            Location::InPlace => {
                let bytes = message.get_mut(batch.clone()).unwrap_or_default();
                split(bytes, &sealed.envelope_header, &sealed.sealed)?
            }
            Location::Scratch => split(scratch.decompressed_mut(), &sealed.envelope_header, &sealed.sealed)?,
        };
        let envelope = EnvelopeHeader::parse(header).map_err(|_| Failure::CORRUPT)?;
        let refused = self.refused(task).iter().position(|refused| refused.is(&envelope));
        let known = self.known(&envelope);
        if refused.is_none() && known.is_none() {
            return Ok(Step::NeedKey(NeededKey::Envelope(header.to_vec())));
        }
        if envelope.salt().first_chunk::<16>() != Some(&sealed.unique_key) {
            return Err(Failure::CORRUPT);
        }
        let Some(dek) = known else {
            return self.empty(task, message, batch, &sealed.header, refused);
        };
        let stored = &sealed.header;
        let context = BatchContext {
            topic: task.place.topic,
            partition: task.place.partition,
            producer_id: stored.producer_id,
            producer_epoch: stored.producer_epoch,
            base_sequence: stored.base_sequence,
            last_offset_delta: stored.last_offset_delta,
        };
        let length = open_batch(&dek, &envelope, &context, payload).map_err(|_| Failure::CORRUPT)?;
        let facts = envelope.batch_facts().ok_or(Failure::CORRUPT)?;
        let original = OriginalBatch {
            attributes: facts.attributes,
            record_count: facts.record_count,
            base_timestamp: facts.base_timestamp,
            max_timestamp: facts.max_timestamp,
        };
        let payload = payload.get(..length).ok_or(Failure::CORRUPT)?;
        let restored = restored_header(stored, &original, payload);
        task.session.shared.metrics.records.decrypted.count(
            Format::Batch,
            u64::try_from(facts.record_count).unwrap_or(0),
            u64::try_from(length).unwrap_or(0),
        );
        match sealed.location {
            Location::Scratch => {
                let range = pieces.store(|side| {
                    side.extend_from_slice(&restored);
                    side.extend_from_slice(payload);
                });
                self.rewrote(range);
            }
            // The envelope record's own bytes before the ciphertext leave room for the header.
            Location::InPlace => {
                let start = batch.start + sealed.sealed.start;
                let head = start.checked_sub(BATCH_HEADER_LEN).filter(|head| *head >= batch.start);
                let head = head.ok_or(Failure::CORRUPT)?;
                message.get_mut(head..start).ok_or(Failure::CORRUPT)?.copy_from_slice(&restored);
                self.parts.push(Part::Frame(head..start + length));
            }
        }
        Ok(Step::Done(Opened::Rewritten))
    }

    /// Leaves out a batch that nobody can read, header in place: consumers go on behind it. Its keys are sealed too, so
    /// there can be no tombstones. What is damaged is told as such, and not left out.
    fn empty(
        &mut self,
        task: &Task<'_>,
        message: &mut [u8],
        batch: Range<usize>,
        stored: &BatchHeader,
        refused: Option<usize>,
    ) -> Result<Step, Failure> {
        let bytes = message.get_mut(batch.clone()).unwrap_or_default();
        if !crc_matches(bytes) {
            return Err(Failure::CORRUPT);
        }
        *bytes.first_chunk_mut().ok_or(Failure::CORRUPT)? = emptied_header(stored);
        self.parts.push(Part::Frame(batch.start..batch.start + BATCH_HEADER_LEN));
        let records = u64::try_from(stored.record_count).unwrap_or(0);
        if let Some(key) = refused.and_then(|at| self.refused.get(at)) {
            note(task, key, Unread { skipped: records, tombstones: 0 });
        }
        Ok(Step::Done(Opened::Rewritten))
    }

    fn sealed_records(
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

/// The envelope header to read and the sealed bytes to open, which lie in one buffer.
fn split<'a>(
    bytes: &'a mut [u8],
    header: &Range<usize>,
    sealed: &Range<usize>,
) -> Result<(&'a [u8], &'a mut [u8]), Failure> {
    // A record's value stands before its headers.
    let (front, back) = bytes.split_at_mut_checked(sealed.end).ok_or(Failure::CORRUPT)?;
    let relative = |at: usize| at.checked_sub(sealed.end).ok_or(Failure::CORRUPT);
    let header = back.get(relative(header.start)?..relative(header.end)?).ok_or(Failure::CORRUPT)?;
    Ok((header, front.get_mut(sealed.start..).ok_or(Failure::CORRUPT)?))
}

/// Counts and tells what was left out.
fn note(task: &Task<'_>, key: &RefusedKey, unread: Unread) {
    let shared = &task.session.shared;
    shared.metrics.records.unreadable.add(Replacement::Skipped, unread.skipped);
    shared.metrics.records.unreadable.add(Replacement::Tombstone, unread.tombstones);
    shared.live.unreadable().note(task.place.topic, task.place.partition, &key.provider, &key.key, unread);
}
