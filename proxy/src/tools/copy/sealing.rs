//! Makes the batches of the target, as a proxy would have made them of what a producer sent.

use super::CopyError;
use super::batches::{Limits, PlainBatch};
use crate::client::{Place, ProducerId};
use crate::handler::seal::{self, Target};
use crate::handler::{Code, with_workbench};
use crate::metrics::labels::Format;
use crate::pieces::Pieces;
use bytes::{Bytes, BytesMut};
use proxy_config::EncryptRule;
use proxy_crypto::{DataKey, Keys, ProviderError, Pseudonyms};
use proxy_records::{Attributes, BatchHeader, Codecs};
use std::sync::Arc;

/// Batches larger than a usual producer's gain nothing.
const WANTED: usize = 512 * 1024;
/// Before compression.
const MAX_SECTION: usize = 128 * 1024 * 1024;
/// Envelope header with the longest names and a wrapped key of usual length, tag, record framing.
const ENVELOPE: usize = 1_200;
/// Index and length of a header's value where it is sealed, and what is left in its place.
const HEADER: usize = 10;
/// What a pseudonym has more than its key, and the length of the sealed key.
const PSEUDONYM: usize = 24;
/// A stub with its deltas.
const STUB: usize = 24;
/// A data key may reach its limit between its choice and its use.
const TRIES: u32 = 3;

/// How the target is protected.
pub(super) enum Protection {
    Sealed {
        rule: Arc<EncryptRule>,
        format: Format,
    },
    /// As the target's rule says, and whoever copies has agreed to.
    Clear,
}

pub(super) struct Sealing {
    keys: Arc<Keys>,
    protection: Protection,
    max_bytes: usize,
    codecs: Codecs,
    pieces: Pieces,
}

impl Sealing {
    pub(super) fn new(keys: Arc<Keys>, target: &str, protection: Protection, max_bytes: usize) -> Self {
        if let Protection::Sealed { rule, .. } = &protection {
            keys.serve([(rule.provider.as_str(), rule.key.as_str(), format!("name {target}"))]);
        }
        Self { keys, protection, max_bytes, codecs: Codecs::new(MAX_SECTION), pieces: Pieces::default() }
    }

    /// Whether the target is encrypted.
    pub(super) fn seals(&self) -> bool {
        matches!(self.protection, Protection::Sealed { .. })
    }

    pub(super) fn limits(&self) -> Limits {
        let keys_twice =
            matches!(&self.protection, Protection::Sealed { rule, .. } if rule.pseudonym_key.is_some());
        let (for_batch, for_record, for_header) = match &self.protection {
            Protection::Clear => (100, 0, 0),
            Protection::Sealed { format: Format::Batch, .. } => (ENVELOPE, STUB, 0),
            Protection::Sealed { format: Format::Record, rule } => {
                let for_key = if keys_twice { PSEUDONYM } else { 0 };
                (100, ENVELOPE + for_key, if rule.headers.is_empty() { 0 } else { HEADER })
            }
        };
        Limits { bytes: self.max_bytes.min(WANTED), for_batch, for_record, for_header, keys_twice }
    }

    /// The batch as the broker gets it.
    pub(super) async fn seal(
        &mut self,
        place: &Place,
        batch: &PlainBatch,
        producer: ProducerId,
        sequence: i32,
    ) -> Result<Bytes, CopyError> {
        let plain = self.plain(batch, producer, sequence)?;
        let (rule, format) = match &self.protection {
            Protection::Clear => return Ok(plain.freeze()),
            Protection::Sealed { rule, format } => (Arc::clone(rule), *format),
        };
        for _ in 0..TRIES {
            let key = self.keys.data_key(rule.provider.as_str(), rule.key.as_str()).await;
            let key = key.map_err(CopyError::Key)?;
            let pseudonyms = self.pseudonyms(&rule, &place.topic).await.map_err(CopyError::Key)?;
            match self.seal_with(place, plain.clone(), (&key, pseudonyms.as_deref()), format, &rule) {
                Ok(sealed) => return Ok(sealed),
                Err(Code::NotEnoughReplicas) => {}
                Err(Code::MessageTooLarge) => {
                    let (records, max) = (batch.count, self.max_bytes);
                    return Err(CopyError::TooLarge { records, topic: place.topic.to_string(), max });
                }
                Err(_) => break,
            }
        }
        Err(CopyError::Seal(place.clone(), batch.source_next.saturating_sub(1)))
    }

    async fn pseudonyms(
        &self,
        rule: &EncryptRule,
        topic: &str,
    ) -> Result<Option<Arc<Pseudonyms>>, ProviderError> {
        let Some(wrapped) = &rule.pseudonym_key else { return Ok(None) };
        self.keys.pseudonyms(&rule.provider, &rule.key, wrapped.as_bytes(), topic).await.map(Some)
    }

    fn seal_with(
        &mut self,
        place: &Place,
        mut plain: BytesMut,
        (key, pseudonyms): (&DataKey, Option<&Pseudonyms>),
        format: Format,
        rule: &EncryptRule,
    ) -> Result<Bytes, Code> {
        let target = Target {
            topic: &place.topic,
            partition: place.partition,
            key,
            format,
            headers: &rule.headers,
            pseudonyms,
            max_bytes: Some(self.max_bytes),
            max_section: MAX_SECTION,
            max_side: usize::MAX,
        };
        self.pieces.clear();
        let range = 0..plain.len();
        let pieces = &mut self.pieces;
        let sealed = with_workbench(|bench| seal::seal(&mut plain, range, &target, bench, pieces));
        let sealed = sealed.map_err(|(code, _)| code)?;
        sealed.place(&mut self.pieces);
        let mut bytes = BytesMut::with_capacity(self.pieces.len());
        self.pieces.slices(&plain).for_each(|slice| bytes.extend_from_slice(slice));
        self.pieces.trim();
        Ok(bytes.freeze())
    }

    /// The batch as a producer would send it.
    fn plain(
        &mut self,
        batch: &PlainBatch,
        producer: ProducerId,
        sequence: i32,
    ) -> Result<BytesMut, CopyError> {
        let mut section = Vec::new();
        self.codecs.compress(batch.codec, &batch.section, &mut section).map_err(CopyError::Compress)?;
        let mut header = BatchHeader {
            base_offset: 0,
            length: 0,
            leader_epoch: -1,
            crc: 0,
            attributes: Attributes(0).with_codec(batch.codec),
            last_offset_delta: batch.count.saturating_sub(1),
            base_timestamp: batch.base_timestamp,
            max_timestamp: batch.max_timestamp,
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            base_sequence: sequence,
            record_count: batch.count,
        };
        let header = header.complete(&[&section]);
        let mut bytes = BytesMut::with_capacity(header.len().saturating_add(section.len()));
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&section);
        Ok(bytes)
    }
}
