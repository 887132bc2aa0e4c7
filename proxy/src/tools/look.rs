//! Looks into one entry of a log, without keys.

use super::content::{Content, Damage, Format, Predecessor, Protection, Run};
use super::offsets;
use super::old_messages;
use super::version::Versions;
use super::{MAX_DECOMPRESSED, Piece, PieceKind};
use proxy_crypto::{
    EnvelopeHeader, Format as EnvelopeFormat, KROXYLICIOUS_HEADER_NAME, KroxyliciousV2, TopicEncryptionV1,
    data_key_id,
};
use proxy_records::{
    BATCH_HEADER_LEN, BatchHeader, Codec, Codecs, Kind, Location, Recognised, Record, Records, Scratch,
    SealedBatch, crc_matches, kind, recognise,
};
use std::sync::Arc;

/// Looks into entries; reused from entry to entry.
pub(crate) struct Looker {
    scratch: Scratch,
    codecs: Codecs,
    names: Names,
}

/// Makes protections of envelopes. Most have the data key of the one before.
struct Names {
    versions: Versions,
    with_data_keys: bool,
    last: Option<(Vec<u8>, Protection)>,
}

/// Joins records of the same content.
struct Runs<'a, F: FnMut(Run)> {
    current: Option<Run>,
    report: &'a mut F,
}

impl Looker {
    /// Tells data keys apart or not.
    pub(crate) fn new(versions: Versions, with_data_keys: bool) -> Self {
        Self {
            scratch: Scratch::new(MAX_DECOMPRESSED),
            codecs: Codecs::new(MAX_DECOMPRESSED),
            names: Names { versions, with_data_keys, last: None },
        }
    }

    /// Reports what is in an entry, in order.
    pub(crate) fn look(&mut self, piece: &Piece, mut report: impl FnMut(Run)) {
        let bytes = &*piece.bytes;
        let mut runs = Runs { current: None, report: &mut report };
        match piece.kind {
            PieceKind::Batch | PieceKind::Aborted => self.batch(bytes, &mut runs),
            PieceKind::OldMessage => {
                let offset = offsets::first(bytes);
                let each = |message: old_messages::Message<'_>| {
                    let content = if message.value.is_none() { Content::Null } else { Content::Clear };
                    runs.add(content, 1, message.offset, message.offset);
                };
                if old_messages::messages(bytes, &mut self.codecs, each).is_err() {
                    runs.add(Content::Damaged(Damage::Malformed), 1, offset, offset);
                }
            }
            PieceKind::Truncated(_) => {}
            PieceKind::Unreadable(_, _) => {
                let offset = offsets::first(bytes);
                runs.add(Content::Damaged(Damage::Unreadable), 0, offset, offset);
            }
        }
        runs.end();
        self.scratch.trim();
    }

    fn batch<F: FnMut(Run)>(&mut self, batch: &[u8], runs: &mut Runs<'_, F>) {
        let Ok(header) = BatchHeader::parse(batch) else {
            let offset = offsets::first(batch);
            return runs.add(Content::Damaged(Damage::Malformed), 0, offset, offset);
        };
        let (first, last) = offsets::of_batch(&header);
        let count = u64::try_from(header.record_count).unwrap_or(0);
        let mut whole = |content, records| runs.add(content, records, first, last);
        if !crc_matches(batch) {
            return whole(Content::Damaged(Damage::Checksum), count);
        }
        let has_section = batch.len() > BATCH_HEADER_LEN;
        if header.record_count < 0 || header.record_count == 0 && has_section {
            return whole(Content::Damaged(Damage::Malformed), 0);
        }
        if header.attributes.is_control() {
            return whole(Content::Control, count);
        }
        if count == 0 {
            // Compaction left only the header.
            return;
        }
        match recognise(batch, &mut self.scratch) {
            Err(_) => whole(Content::Damaged(Damage::Malformed), count),
            Ok(Recognised::MisplacedEnvelope | Recognised::UnknownEnvelope) => {
                whole(Content::Damaged(Damage::Envelope), count);
            }
            Ok(Recognised::Batch(sealed)) => {
                let found = self.names.of_batch(&sealed, batch, self.scratch.decompressed());
                match found {
                    // What the cleaner left of the stubs says nothing about the records.
                    Some((content, records)) => whole(content, records),
                    None => whole(Content::Damaged(Damage::Envelope), count),
                }
            }
            Ok(Recognised::Records(_) | Recognised::Clear { .. }) => {
                let is_compressed = header.attributes.codec() != Ok(Codec::None);
                let section = if is_compressed {
                    self.scratch.decompressed()
                } else {
                    batch.get(BATCH_HEADER_LEN..).unwrap_or_default()
                };
                records(&header, section, &mut self.names, runs);
            }
        }
    }
}

/// Every record by itself.
fn records<F: FnMut(Run)>(header: &BatchHeader, section: &[u8], names: &mut Names, runs: &mut Runs<'_, F>) {
    for record in Records::new(section, header.record_count) {
        let Ok(record) = record else {
            let (_, last) = offsets::of_batch(header);
            return runs.add(Content::Damaged(Damage::Malformed), 0, last, last);
        };
        let content = match kind(&record) {
            Ok(Kind::Value(envelope) | Kind::Headers(envelope)) => match EnvelopeHeader::parse(envelope) {
                Ok(envelope) => {
                    let has_pseudonym = envelope.format() == EnvelopeFormat::Pseudonyms;
                    let format = if has_pseudonym { Format::Pseudonyms } else { Format::Record };
                    Content::Sealed(names.of(&envelope, format))
                }
                Err(_) => Content::Damaged(Damage::Envelope),
            },
            // The marker says null, and nobody vouches for it.
            Ok(Kind::Marker) if record.value.is_some() => Content::Damaged(Damage::Envelope),
            Ok(Kind::Marker) => Content::Null,
            Ok(Kind::Clear) if record.is_bare() => Content::Damaged(Damage::Stub),
            // Without a key it deletes nothing: what it has are headers, in clear.
            Ok(Kind::Clear) if record.value.is_none() && record.key.is_some() => Content::Null,
            Ok(Kind::Clear) => predecessor(&record).map_or(Content::Clear, Content::Legacy),
            Ok(Kind::Batch(_) | Kind::Unknown) | Err(_) => Content::Damaged(Damage::Envelope),
        };
        let offset = header.base_offset.saturating_add(i64::from(record.offset_delta));
        runs.add(content, 1, offset, offset);
    }
}

/// The program that seems to have encrypted a record. No policy says here where to expect what, so only what is whole counts:
/// anything else is data of its client, or damaged, and in clear for all that can be told.
fn predecessor(record: &Record<'_>) -> Option<Predecessor> {
    if let Ok(Some((name, marker))) = record.headers.first()
        && name == KROXYLICIOUS_HEADER_NAME.as_bytes()
    {
        return KroxyliciousV2::parse(marker, record.value).ok().map(|_| Predecessor::KroxyliciousV2);
    }
    let value = record.value.filter(|value| TopicEncryptionV1::begins(value))?;
    TopicEncryptionV1::parse(value).ok().map(|_| Predecessor::TopicEncryptionV1)
}

impl Names {
    /// The content of a batch envelope, and its count of records.
    fn of_batch(&mut self, sealed: &SealedBatch, batch: &[u8], scratch: &[u8]) -> Option<(Content, u64)> {
        let bytes = match sealed.location {
            Location::InPlace => batch,
            Location::Scratch => scratch,
        };
        let envelope = EnvelopeHeader::parse(bytes.get(sealed.envelope_header.clone())?).ok()?;
        let facts = envelope.batch_facts()?;
        if envelope.salt().first_chunk::<16>() != Some(&sealed.unique_key) {
            return None;
        }
        let records = u64::try_from(facts.record_count).unwrap_or(0);
        Some((Content::Sealed(self.of(&envelope, Format::Batch)), records))
    }

    fn of(&mut self, envelope: &EnvelopeHeader<'_>, format: Format) -> Protection {
        if let Some((wrapped, last)) = &self.last
            && wrapped == envelope.wrapped()
            && *last.provider == *envelope.provider()
            && *last.key == *envelope.key()
            && last.format == format
        {
            return last.clone();
        }
        let data_key = self.with_data_keys.then(|| Arc::from(data_key_id(envelope.wrapped())));
        let protection = Protection {
            provider: Arc::from(envelope.provider()),
            key: Arc::from(envelope.key()),
            version: self.versions.of(envelope),
            format,
            data_key,
        };
        self.last = Some((envelope.wrapped().to_vec(), protection.clone()));
        protection
    }
}

impl<F: FnMut(Run)> Runs<'_, F> {
    fn add(&mut self, content: Content, records: u64, first: i64, last: i64) {
        if let Some(current) = &mut self.current
            && current.content == content
        {
            current.records = current.records.saturating_add(records);
            current.last = current.last.max(last);
            return;
        }
        self.end();
        self.current = Some(Run { content, records, first, last });
    }

    fn end(&mut self) {
        if let Some(run) = self.current.take() {
            (self.report)(run);
        }
    }
}
