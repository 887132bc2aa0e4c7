//! Opens stored batches into records, with keys.
//!
//! Unlike the proxy, which hands a batch out whole or not at all, this gets out what can be got out: a record whose key is gone
//! does not take others of its batch with it. What is not authentic is still never handed out.

mod data_keys;
mod legacy_keys;
mod record;
mod section;
mod unopened;

use super::offsets;
use super::old_messages;
use super::{MAX_DECOMPRESSED, Piece, PieceKind};
use crate::client::Place;
use bytes::Bytes;
use data_keys::DataKeys;
use legacy_keys::LegacyKeys;
use proxy_config::{EffectivePolicy, Legacy};
use proxy_crypto::{BatchContext, EnvelopeHeader, Keys, RecordOpener, open_batch};
use proxy_records::{
    Attributes, BATCH_HEADER_LEN, BatchHeader, Codec, Codecs, Location, Recognised, Scratch, SealedBatch,
    crc_matches, recognise,
};
use record::Origin;
use std::sync::Arc;

pub(super) use record::PlainRecord;
pub(crate) use unopened::{Cause, LostKey, Unopened};

/// A record or a gap.
pub(super) type Opened<'a> = Result<PlainRecord<'a>, Unopened>;

/// Opens entries of logs; reused from entry to entry.
pub(super) struct Opening {
    keys: DataKeys,
    scratch: Scratch,
    codecs: Codecs,
    section: Vec<u8>,
    opener: RecordOpener,
    plain: Vec<u8>,
    /// Those of one record, as its producer sent them.
    headers: Vec<u8>,
    legacy: Option<LegacyKeys>,
}

impl Opening {
    /// With a policy only under keys that it lets records be under.
    pub(super) fn new(keys: Arc<Keys>, policy: Option<Arc<EffectivePolicy>>) -> Self {
        Self {
            keys: DataKeys::new(keys, policy),
            scratch: Scratch::new(MAX_DECOMPRESSED),
            codecs: Codecs::new(MAX_DECOMPRESSED),
            section: Vec::new(),
            opener: RecordOpener::new(),
            plain: Vec::new(),
            headers: Vec::new(),
            legacy: None,
        }
    }

    /// What other programs encrypted in the topic of the entries to come.
    pub(super) fn expect_legacy(&mut self, legacy: Option<&Arc<Legacy>>) {
        let known = self.legacy.take().filter(|known| legacy.is_some_and(|legacy| known.is_of(legacy)));
        self.legacy = known.or_else(|| {
            legacy.map(|legacy| LegacyKeys::new(Arc::clone(self.keys.providers()), Arc::clone(legacy)))
        });
    }

    /// Hands out what an entry holds, in order. Nothing of control batches, of empty ones, and of a truncated end.
    pub(super) async fn open<E>(
        &mut self,
        piece: &Piece,
        mut each: impl FnMut(Opened<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match piece.kind {
            PieceKind::Batch | PieceKind::Aborted => self.batch(&piece.place, &piece.bytes, each).await,
            PieceKind::OldMessage => {
                let mut result = Ok(());
                let read = old_messages::messages(&piece.bytes, &mut self.codecs, |message| {
                    if result.is_ok() {
                        result = each(Ok(PlainRecord::from(message)));
                    }
                });
                result?;
                if read.is_err() {
                    let offset = offsets::first(&piece.bytes);
                    each(Err(Unopened { first: offset, last: offset, records: 1, cause: Cause::Malformed }))?;
                }
                Ok(())
            }
            PieceKind::Truncated(_) => Ok(()),
            PieceKind::Unreadable(_, _) => {
                let offset = offsets::first(&piece.bytes);
                each(Err(Unopened { first: offset, last: offset, records: 0, cause: Cause::Unreadable }))?;
                Ok(())
            }
        }
    }

    async fn batch<E>(
        &mut self,
        place: &Place,
        batch: &Bytes,
        mut each: impl FnMut(Opened<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Ok(header) = BatchHeader::parse(batch) else {
            let offset = offsets::first(batch);
            each(Err(Unopened { first: offset, last: offset, records: 0, cause: Cause::Malformed }))?;
            return Ok(());
        };
        let is_empty = batch.len() <= BATCH_HEADER_LEN;
        if header.record_count >= 0 && is_empty || header.record_count > 0 && header.attributes.is_control() {
            return Ok(());
        }
        let (first, last) = offsets::of_batch(&header);
        let records = u64::try_from(header.record_count).unwrap_or(0);
        let all = |cause| Err(Unopened { first, last, records, cause });
        if !crc_matches(batch) {
            each(all(Cause::Checksum))?;
            return Ok(());
        }
        let recognised = recognise(batch, &mut self.scratch);
        let opened = match recognised {
            Err(_) => Err(Cause::Malformed),
            Ok(Recognised::MisplacedEnvelope) => Err(Cause::Misplaced),
            Ok(Recognised::UnknownEnvelope) => Err(Cause::Unknown),
            Ok(Recognised::Batch(sealed)) => {
                let opened = self.sealed_batch(place, batch, &sealed).await;
                opened.map(|(original, codec)| (original, codec, Origin::Sealed))
            }
            Ok(found @ (Recognised::Records(_) | Recognised::Clear { .. })) => {
                let codec = header.attributes.codec().unwrap_or(Codec::None);
                self.section.clear();
                self.section.extend_from_slice(match codec {
                    Codec::None => batch.get(BATCH_HEADER_LEN..).unwrap_or_default(),
                    _ => self.scratch.decompressed(),
                });
                self.fetch_keys(&place.topic, &header).await;
                let mut is_mixed = matches!(found, Recognised::Records(_));
                if let Some(legacy) = &mut self.legacy {
                    is_mixed |= legacy.fetch(&place.topic, &self.section, &header).await;
                }
                Ok((header, codec, if is_mixed { Origin::Mixed } else { Origin::Clear }))
            }
        };
        self.scratch.trim();
        let (original, codec, origin) = match opened {
            Ok(opened) => opened,
            Err(cause) => {
                each(all(cause))?;
                return Ok(());
            }
        };
        self.records(place, &original, (codec, origin), &mut each)
    }

    /// Opens the whole into the section, and gives the header that its producer had sent with the broker's offsets.
    async fn sealed_batch(
        &mut self,
        place: &Place,
        batch: &[u8],
        sealed: &SealedBatch,
    ) -> Result<(BatchHeader, Codec), Cause> {
        let bytes = match sealed.location {
            Location::InPlace => batch,
            Location::Scratch => self.scratch.decompressed(),
        };
        let envelope = bytes.get(sealed.envelope_header.clone()).ok_or(Cause::Malformed)?.to_vec();
        let mut payload = bytes.get(sealed.sealed.clone()).ok_or(Cause::Malformed)?.to_vec();
        let envelope = EnvelopeHeader::parse(&envelope).map_err(Cause::Envelope)?;
        if envelope.salt().first_chunk::<16>() != Some(&sealed.unique_key) {
            return Err(Cause::Misplaced);
        }
        let dek = self.keys.get(&envelope, &place.topic).await?;
        let stored = &sealed.header;
        let context = BatchContext {
            topic: &place.topic,
            partition: place.partition,
            producer_id: stored.producer_id,
            producer_epoch: stored.producer_epoch,
            base_sequence: stored.base_sequence,
            last_offset_delta: stored.last_offset_delta,
        };
        let length = open_batch(&dek, &envelope, &context, &mut payload).map_err(Cause::Open)?;
        let facts = envelope.batch_facts().ok_or(Cause::Misplaced)?;
        let codec = Attributes(facts.attributes).codec().map_err(|_| Cause::Malformed)?;
        let payload = payload.get(..length).ok_or(Cause::Malformed)?;
        self.codecs.decompress(codec, payload, &mut self.section).map_err(|_| Cause::Malformed)?;
        let log_append_time = stored.attributes.has_log_append_time();
        let original = BatchHeader {
            attributes: Attributes(facts.attributes).with_log_append_time(log_append_time),
            record_count: facts.record_count,
            base_timestamp: facts.base_timestamp,
            max_timestamp: if log_append_time { stored.max_timestamp } else { facts.max_timestamp },
            ..*stored
        };
        Ok((original, codec))
    }
}
