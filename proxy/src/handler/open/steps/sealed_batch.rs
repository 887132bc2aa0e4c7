//! A batch that is sealed as a whole.

use super::note;
use crate::handler::open::{Failure, NeededKey, Opened, Opener, Part, Step, Task};
use crate::live::Unread;
use crate::metrics::labels::Format;
use crate::pieces::Pieces;
use proxy_crypto::{BatchContext, EnvelopeHeader, open_batch};
use proxy_records::{
    BATCH_HEADER_LEN, BatchHeader, Location, OriginalBatch, Scratch, SealedBatch, crc_matches,
    emptied_header, restored_header,
};
use std::ops::Range;

impl Opener {
    pub(super) fn sealed_batch(
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
