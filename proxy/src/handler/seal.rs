//! Seals one produced batch: in place for batch format, into the side buffer for record format.

use super::Workbench;
use crate::handler::Code;
use crate::metrics::labels::{Format, Refusal};
use crate::pieces::Pieces;
use proxy_config::SealedHeaders;
use proxy_crypto::{
    BatchContext, BatchFacts, BatchSealer, DataKey, EnvelopeHeader, HeadersSealer, PlainRecord, Pseudonyms,
    RecordsSealer, SealedParts,
};
use proxy_records::{
    BATCH_HEADER_LEN, BatchHeader, Codec, ENVELOPE_HEADER_NAME, Headers, InvalidBatch, Produced, Record,
    RecordSealer, SealRecordsError, crc_matches, find_record, header_count, seal_records,
    seal_records_with_headers, validate_produced,
};
use std::ops::Range;

/// Where the batch goes and how it is sealed.
pub(crate) struct Target<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) key: &'a DataKey,
    pub(crate) format: Format,
    /// Whose values are sealed with the records' values; only in record format.
    pub(crate) headers: &'a SealedHeaders,
    /// What keys of records are replaced by; only in record format.
    pub(crate) pseudonyms: Option<&'a Pseudonyms>,
    /// `max.message.bytes`, where it is known.
    pub(crate) max_bytes: Option<usize>,
    /// Bytes of decompressed records that may be sealed one by one, and of these when they are sealed, before compression:
    /// ciphertext does not compress again.
    pub(crate) max_section: usize,
    /// Bytes of the side buffer that all batches of a request may take together.
    pub(crate) max_side: usize,
}

/// Bytes of a decompressed record, at least.
const SMALLEST_RECORD: usize = 7;
/// Bytes of what stands for a record beside a sealed batch, at least: however alike two are, their offsets differ, and LZ4 has
/// no shorter way to say so.
const SMALLEST_STUB: usize = 4;
/// What the side buffer may keep beyond what is in it, when a batch is refused.
const SPARE: usize = 1024 * 1024;

/// A sealed batch, in parts.
pub(crate) struct Sealed {
    /// Bytes of the batch that the broker gets.
    pub(crate) length: usize,
    pub(crate) records: u64,
    pub(crate) clear_bytes: u64,
    /// In the side buffer.
    front: Range<usize>,
    /// In the frame; empty for record format.
    ciphertext: Range<usize>,
    /// In the side buffer.
    back: Range<usize>,
}

impl Sealed {
    /// Puts the batch in its place.
    pub(crate) fn place(&self, pieces: &mut Pieces) {
        pieces.stored(self.front.clone());
        if !self.ciphertext.is_empty() {
            pieces.frame(self.ciphertext.clone());
        }
        pieces.stored(self.back.clone());
    }
}

type Refused = (Code, Refusal);
const INVALID: Refused = (Code::InvalidRecord, Refusal::InvalidRecord);
const TOO_LARGE: Refused = (Code::MessageTooLarge, Refusal::TooLarge);
/// The data key's budget ended between its choice and its use, or randomness failed: the next try finds another key.
const NO_KEY: Refused = (Code::NotEnoughReplicas, Refusal::KeyUnavailable);

/// Checks a batch as a broker would and seals it.
pub(crate) fn seal(
    frame: &mut [u8],
    records: Range<usize>,
    target: &Target<'_>,
    workbench: &mut Workbench,
    pieces: &mut Pieces,
) -> Result<Sealed, Refused> {
    let batch = frame.get_mut(records.clone()).ok_or(INVALID)?;
    if has_too_many(batch, target) {
        return Err(TOO_LARGE);
    }
    let produced = validate_produced(batch, &mut workbench.scratch).map_err(|error| match error {
        InvalidBatch::Crc => (Code::CorruptMessage, Refusal::Corrupt),
        InvalidBatch::Malformed(_) => INVALID,
    })?;
    if produced.has_foreign_envelope && holds_envelope(batch, workbench)? {
        return Err(INVALID);
    }
    let before = pieces.side_buffer().len();
    let parts = match target.format {
        Format::Batch => seal_batch(batch, records.start, &produced, target, workbench, pieces),
        Format::Record => {
            seal_each(batch, &produced, target, workbench, pieces).map(|stored| (stored, 0..0, 0..0))
        }
    };
    let (front, ciphertext, back) = parts.inspect_err(|_| {
        let side = pieces.side_buffer();
        side.truncate(before);
        side.shrink_to(before.saturating_add(SPARE));
    })?;
    let length = front.len() + ciphertext.len() + back.len();
    let records = u64::try_from(produced.header.record_count).unwrap_or(0);
    let clear_bytes = u64::try_from(batch.len()).unwrap_or(0);
    Ok(Sealed { length, records, clear_bytes, front, ciphertext, back })
}

/// Whether it is of more records than can be stored sealed. Some KiB may be millions, and all that is done is done for each, so
/// they are counted before they are decompressed.
fn has_too_many(batch: &[u8], target: &Target<'_>) -> bool {
    let (smallest, most) = match target.format {
        Format::Batch => (SMALLEST_STUB, target.max_bytes.unwrap_or(target.max_section)),
        Format::Record => (SMALLEST_RECORD, target.max_section),
    };
    BatchHeader::parse(batch).is_ok_and(|header| {
        let records = usize::try_from(header.record_count).unwrap_or(0);
        let are_too_many = records.saturating_mul(smallest) > most;
        // What is not compressed is no smaller than its records, or invalid; so is what has a wrong number.
        are_too_many && header.attributes.codec() != Ok(Codec::None) && crc_matches(batch)
    })
}

/// Whether there is room for so many bytes beside those of other batches of the request.
fn fits(bytes: usize, others: usize, target: &Target<'_>) -> Result<(), Refused> {
    match others {
        _ if bytes.saturating_add(others) <= target.max_side => Ok(()),
        0 => Err(TOO_LARGE),
        // It comes again, with fewer others.
        _ => Err((Code::NotEnoughReplicas, Refusal::TooLarge)),
    }
}

/// Whether some record is an envelope, as it comes from a broker past its proxy: sealed once more it would be handed out as data,
/// ciphertext and all. A client's own header of that name is none.
#[cold]
fn holds_envelope(batch: &[u8], workbench: &mut Workbench) -> Result<bool, Refused> {
    let is_envelope = |record: &Record<'_>| has_envelope(&record.headers);
    let found = find_record(batch, &mut workbench.scratch, is_envelope).map_err(|_| INVALID)?;
    Ok(found.is_some())
}

/// Whether these are the headers of an envelope, which is never sealed.
pub(crate) fn has_envelope(headers: &Headers<'_>) -> bool {
    headers.iter().any(|header| {
        let value = header.ok().filter(|(name, _)| *name == ENVELOPE_HEADER_NAME.as_bytes());
        value.and_then(|(_, value)| value).is_some_and(|value| EnvelopeHeader::parse(value).is_ok())
    })
}

type Parts = (Range<usize>, Range<usize>, Range<usize>);

fn seal_batch(
    batch: &mut [u8],
    start: usize,
    produced: &Produced,
    target: &Target<'_>,
    workbench: &mut Workbench,
    pieces: &mut Pieces,
) -> Result<Parts, Refused> {
    let header = &produced.header;
    let facts = BatchFacts {
        attributes: header.attributes.0,
        record_count: header.record_count,
        base_timestamp: header.base_timestamp,
        max_timestamp: header.max_timestamp,
    };
    let context = BatchContext {
        topic: target.topic,
        partition: target.partition,
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        last_offset_delta: header.last_offset_delta,
    };
    let Workbench { scratch, surround, header: envelope } = workbench;
    let end = start + batch.len();
    let payload = batch.get_mut(BATCH_HEADER_LEN..).ok_or(INVALID)?;
    let sealer = BatchSealer::new(target.key, payload.len()).map_err(|_| NO_KEY)?;
    envelope.clear();
    sealer.header(&facts, envelope);
    let length =
        surround.prepare(produced, scratch.stubs(), &sealer.unique_key(), envelope).map_err(|_| TOO_LARGE)?;
    if target.max_bytes.is_some_and(|max| length > max) {
        return Err(TOO_LARGE);
    }
    fits(surround.prefix().len() + surround.suffix().len(), pieces.side_buffer().len(), target)?;
    let tag = sealer.seal(envelope, &context, payload).map_err(|_| NO_KEY)?;
    surround.finish(payload, &tag);
    let front = pieces.store(|side| side.extend_from_slice(surround.prefix()));
    let back = pieces.store(|side| side.extend_from_slice(surround.suffix()));
    Ok((front, start + BATCH_HEADER_LEN..end, back))
}

fn seal_each(
    batch: &[u8],
    produced: &Produced,
    target: &Target<'_>,
    workbench: &mut Workbench,
    pieces: &mut Pieces,
) -> Result<Range<usize>, Refused> {
    let records = u64::try_from(produced.header.record_count).unwrap_or(u64::MAX);
    let bytes = match produced.header.attributes.codec() {
        Ok(Codec::None) => batch.len(),
        _ => batch.len().max(workbench.scratch.decompressed().len()),
    };
    if bytes > target.max_section {
        return Err(TOO_LARGE);
    }
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    let mut result = Ok(());
    let (scratch, max) = (&mut workbench.scratch, target.max_section);
    let stored = if target.headers.is_empty() && target.pseudonyms.is_none() {
        let sealer = RecordsSealer::new(target.key, records, bytes).map_err(|_| NO_KEY)?;
        let mut sealer = EachValue { sealer, topic: target.topic };
        pieces.store(|side| result = seal_records(produced, batch, scratch, &mut sealer, max, side))
    } else {
        let headers = header_count(produced, batch, scratch).map_err(|_| INVALID)?;
        let replaces_keys = target.pseudonyms.is_some();
        let for_key = if replaces_keys { HeadersSealer::KEY_BYTES } else { 0 };
        let overhead = records
            .saturating_mul(HeadersSealer::RECORD_BYTES.saturating_add(for_key))
            .saturating_add(headers.saturating_mul(HeadersSealer::HEADER_BYTES));
        let bytes = bytes.saturating_add(overhead);
        let sealer = HeadersSealer::new(target.key, target.pseudonyms, records, bytes).map_err(|_| NO_KEY)?;
        let mut sealer = EachRecord { sealer, topic: target.topic, headers: target.headers, replaces_keys };
        pieces.store(|side| {
            result = seal_records_with_headers(produced, batch, scratch, &mut sealer, max, side);
        })
    };
    result.map_err(|error| match error {
        SealRecordsError::Sealer(()) => NO_KEY,
        SealRecordsError::Record(_) | SealRecordsError::TooLarge => TOO_LARGE,
        SealRecordsError::Codec(_) => INVALID,
    })?;
    if target.max_bytes.is_some_and(|max| stored.len() > max) {
        return Err(TOO_LARGE);
    }
    fits(stored.len(), stored.start, target)?;
    Ok(stored)
}

struct EachValue<'a> {
    sealer: RecordsSealer,
    topic: &'a str,
}

impl RecordSealer for EachValue<'_> {
    type Error = ();

    fn seal(
        &mut self,
        key: Option<&[u8]>,
        value: &[u8],
        timestamp: i64,
        header: &mut Vec<u8>,
        sealed: &mut Vec<u8>,
    ) -> Result<(), ()> {
        self.sealer.seal(self.topic, key, timestamp, value, header, sealed).map_err(|_| ())
    }
}

/// Values with values of headers, and keys where these are replaced.
struct EachRecord<'a> {
    sealer: HeadersSealer,
    topic: &'a str,
    headers: &'a SealedHeaders,
    replaces_keys: bool,
}

impl proxy_records::HeadersSealer for EachRecord<'_> {
    type Error = ();

    fn seals(&self, name: &[u8]) -> bool {
        self.headers.has(name)
    }

    fn replaces_keys(&self) -> bool {
        self.replaces_keys
    }

    fn seal(
        &mut self,
        record: &Record<'_>,
        timestamp: i64,
        out: proxy_records::SealedParts<'_>,
    ) -> Result<(), ()> {
        let names = self.headers;
        let headers = record.headers.iter().map_while(Result::ok);
        let plain = PlainRecord {
            topic: self.topic,
            key: record.key,
            timestamp,
            value: record.value,
            headers: headers.map(|header| (header, names.has(header.0))),
        };
        let mut parts = SealedParts { header: out.header, value: out.value, pseudonym: out.key };
        self.sealer.seal(&plain, &mut parts).map_err(|_| ())
    }
}

#[cfg(test)]
mod tests;
