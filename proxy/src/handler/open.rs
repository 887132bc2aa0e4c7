//! Opens what is encrypted in one partition of a Fetch answer, in place where the batch allows it.

use crate::connection::Session;
use crate::handler::{Code, with_workbench};
use crate::metrics::labels::{Direction, Format, Refusal};
use crate::pieces::Pieces;
use proxy_config::{Decision, OnPlaintext};
use proxy_crypto::{BatchContext, Dek, EnvelopeHeader, OpenError, ProviderError, RecordOpener, open_batch};
use proxy_records::{
    BATCH_HEADER_LEN, BatchHeader, Entry, Location, OpenRecordsError, OriginalBatch, Recognised, Scratch,
    SealedBatch, Section, entries, open_records, recognise, restored_header,
};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What one answer may grow to by batches that must be rewritten. More comes with the next fetch.
const MAX_REWRITTEN_BYTES: usize = 64 * 1024 * 1024;
/// Between two tries for a key that is not to be had.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// The first version of Fetch whose answers carry record headers, thus envelopes.
const FIRST_VERSION: i16 = 4;

/// Which partition.
pub(crate) struct Place<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    /// Of the Fetch request; none for `ShareFetch`.
    pub(crate) fetch_version: Option<i16>,
}

/// What became of a partition's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    /// They may go on as they are.
    Unchanged,
    /// They are to be replaced: see [`Opener::place`].
    Rewritten,
}

/// Why a partition is answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) refusal: Refusal,
}

impl Failure {
    pub(crate) const UNKNOWN_TOPIC: Self = Self {
        code: Code::UnknownTopicId,
        refusal: Refusal::UnknownTopicId,
    };
    const CORRUPT: Self = Self {
        code: Code::CorruptMessage,
        refusal: Refusal::Corrupt,
    };
    const PLAINTEXT: Self = Self {
        code: Code::CorruptMessage,
        refusal: Refusal::PlaintextRejected,
    };
}

/// Where a part of the opened partition is.
enum Part {
    Frame(Range<usize>),
    Rewritten(Range<usize>),
}

/// The opened partition; reused from partition to partition.
#[derive(Default)]
pub(crate) struct Opener {
    parts: Vec<Part>,
    rewritten: Vec<u8>,
    keys: Vec<KnownKey>,
    deadline: Option<Instant>,
    /// Bytes rewritten for partitions of the same answer that are done.
    rewritten_before: usize,
}

/// A data key that this answer needed already.
struct KnownKey {
    provider: Box<str>,
    key: Box<str>,
    wrapped: Box<[u8]>,
    dek: Arc<Dek>,
}

/// What the rule of the topic says about what is not encrypted.
#[derive(Clone, Copy)]
struct Strictness {
    reject_clear: bool,
    /// The topic is or was encrypted: a record without key, value and headers is a stub without its envelope.
    stubs_are_orphans: bool,
}

enum Step {
    Done(Opened),
    /// The envelope header whose data key is needed first.
    NeedKey(Vec<u8>),
}

impl Opener {
    /// Begins with a new answer. Forgets the keys of the last one, so that none outlives the cache that revocation
    /// empties. All its partitions together wait at most for `patience` for keys that are not to be had.
    pub(crate) fn start(&mut self, patience: Duration) {
        self.keys.clear();
        self.rewritten_before = 0;
        self.rewritten.clear();
        self.deadline = Some(Instant::now() + patience);
    }

    /// Opens a partition's records; no place means that its topic has no known name.
    pub(crate) async fn open(
        &mut self,
        session: &Session,
        place: Option<Place<'_>>,
        message: &mut [u8],
        records: Range<usize>,
    ) -> Result<Opened, Failure> {
        self.parts.clear();
        self.rewritten_before += self.rewritten.len();
        self.rewritten.clear();
        let place = &place.ok_or(Failure::UNKNOWN_TOPIC)?;
        let strictness = strictness(session, place)?;
        let mut opened = Opened::Unchanged;
        let mut at = records.start;
        while at < records.end {
            let entry = next_entry(message, at..records.end)?;
            let range = match entry {
                Entry::Batch(range) => range,
                Entry::Legacy(_) if strictness.reject_clear => return self.stop(place, Failure::PLAINTEXT),
                Entry::Legacy(range) | Entry::Tail(range) => {
                    self.parts.push(Part::Frame(at + range.start..at + range.end));
                    at += range.end.max(1);
                    continue;
                }
            };
            let batch = at + range.start..at + range.end;
            if self.rewritten_before + self.rewritten.len() > MAX_REWRITTEN_BYTES
                && place.fetch_version.is_some()
            {
                return Ok(Opened::Rewritten);
            }
            match self
                .batch(session, place, message, batch.clone(), strictness)
                .await
            {
                Ok(Opened::Unchanged) => {}
                Ok(Opened::Rewritten) => opened = Opened::Rewritten,
                Err(failure) => return self.stop(place, failure),
            }
            at = batch.end;
        }
        Ok(opened)
    }

    /// What was opened before the failure still goes out; the failure comes again with the next fetch. Not so for
    /// `ShareFetch`, which says elsewhere which records it hands over.
    fn stop(&self, place: &Place<'_>, failure: Failure) -> Result<Opened, Failure> {
        let any = !self.parts.is_empty() && place.fetch_version.is_some();
        if any { Ok(Opened::Rewritten) } else { Err(failure) }
    }

    async fn batch(
        &mut self,
        session: &Session,
        place: &Place<'_>,
        message: &mut [u8],
        batch: Range<usize>,
        strictness: Strictness,
    ) -> Result<Opened, Failure> {
        loop {
            let step = with_workbench(|bench| {
                self.step(
                    session,
                    place,
                    message,
                    batch.clone(),
                    strictness,
                    &mut bench.scratch,
                )
            });
            match step? {
                Step::Done(opened) => return Ok(opened),
                Step::NeedKey(header) => self.fetch_key(session, &header).await?,
            }
        }
    }

    async fn fetch_key(&mut self, session: &Session, header: &[u8]) -> Result<(), Failure> {
        let envelope = EnvelopeHeader::parse(header).map_err(|_| Failure::CORRUPT)?;
        let dek = self
            .unwrap(session, &envelope)
            .await
            .map_err(|error| match error {
                ProviderError::Unavailable { .. } => Failure {
                    code: Code::KafkaStorageError,
                    refusal: Refusal::KeyUnavailable,
                },
                ProviderError::Refused { .. } => Failure {
                    code: Code::TopicAuthorizationFailed,
                    refusal: Refusal::KeyRefused,
                },
                ProviderError::Corrupt { .. } => Failure::CORRUPT,
            })?;
        self.keys.push(KnownKey {
            provider: envelope.provider().into(),
            key: envelope.key().into(),
            wrapped: envelope.wrapped().into(),
            dek,
        });
        Ok(())
    }

    async fn unwrap(
        &self,
        session: &Session,
        envelope: &EnvelopeHeader<'_>,
    ) -> Result<Arc<Dek>, ProviderError> {
        loop {
            match session.shared.live.keys().unwrap(envelope).await {
                Err(ProviderError::Unavailable { .. })
                    if self
                        .deadline
                        .is_some_and(|deadline| Instant::now() + RETRY_PAUSE < deadline) =>
                {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                decided => return decided,
            }
        }
    }

    /// One try with the keys at hand.
    fn step(
        &mut self,
        session: &Session,
        place: &Place<'_>,
        message: &mut [u8],
        batch: Range<usize>,
        strictness: Strictness,
        scratch: &mut Scratch,
    ) -> Result<Step, Failure> {
        let bytes = message.get(batch.clone()).unwrap_or_default();
        let recognised = recognise(bytes, scratch).map_err(|_| Failure::CORRUPT)?;
        match recognised {
            Recognised::Clear { may_be_stub } => {
                if strictness.reject_clear && !is_control(bytes) {
                    return Err(Failure::PLAINTEXT);
                }
                if may_be_stub && strictness.stubs_are_orphans {
                    return Err(Failure::CORRUPT);
                }
                session.shared.metrics.records.clear_batches.inc(Direction::Fetch);
                self.parts.push(Part::Frame(batch));
                Ok(Step::Done(Opened::Unchanged))
            }
            Recognised::MisplacedEnvelope | Recognised::UnknownEnvelope => Err(Failure::CORRUPT),
            Recognised::Batch(sealed) => self.sealed_batch(session, place, message, batch, &sealed, scratch),
            Recognised::Records(section) => {
                let batch = message.get(batch).unwrap_or_default();
                self.sealed_records(session, place, batch, section, strictness, scratch)
            }
        }
    }

    fn sealed_batch(
        &mut self,
        session: &Session,
        place: &Place<'_>,
        message: &mut [u8],
        batch: Range<usize>,
        sealed: &SealedBatch,
        scratch: &mut Scratch,
    ) -> Result<Step, Failure> {
        let (header, payload) = match sealed.location {
            Location::InPlace => {
                let bytes = message.get_mut(batch.clone()).unwrap_or_default();
                split(bytes, &sealed.envelope_header, &sealed.sealed)?
            }
            Location::Scratch => split(
                scratch.decompressed_mut(),
                &sealed.envelope_header,
                &sealed.sealed,
            )?,
        };
        let envelope = EnvelopeHeader::parse(header).map_err(|_| Failure::CORRUPT)?;
        let Some(dek) = self.known(&envelope) else {
            return Ok(Step::NeedKey(header.to_vec()));
        };
        if envelope.salt().first_chunk::<16>() != Some(&sealed.unique_key) {
            return Err(Failure::CORRUPT);
        }
        let stored = &sealed.header;
        let context = BatchContext {
            topic: place.topic,
            partition: place.partition,
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
        session.shared.metrics.records.decrypted.count(
            Format::Batch,
            u64::try_from(facts.record_count).unwrap_or(0),
            u64::try_from(length).unwrap_or(0),
        );
        match sealed.location {
            Location::Scratch => {
                let start = self.rewritten.len();
                self.rewritten.extend_from_slice(&restored);
                self.rewritten.extend_from_slice(payload);
                self.parts.push(Part::Rewritten(start..self.rewritten.len()));
            }
            // The envelope record's own bytes before the ciphertext leave room for the header.
            Location::InPlace => {
                let start = batch.start + sealed.sealed.start;
                let head = start
                    .checked_sub(BATCH_HEADER_LEN)
                    .filter(|head| *head >= batch.start);
                let head = head.ok_or(Failure::CORRUPT)?;
                message
                    .get_mut(head..start)
                    .ok_or(Failure::CORRUPT)?
                    .copy_from_slice(&restored);
                self.parts.push(Part::Frame(head..start + length));
            }
        }
        Ok(Step::Done(Opened::Rewritten))
    }

    fn sealed_records(
        &mut self,
        session: &Session,
        place: &Place<'_>,
        batch: &[u8],
        section: Section,
        strictness: Strictness,
        scratch: &mut Scratch,
    ) -> Result<Step, Failure> {
        let start = self.rewritten.len();
        let mut records = RecordsOpener {
            keys: &self.keys,
            topic: place.topic,
            opener: RecordOpener::default(),
        };
        match open_records(batch, section, scratch, &mut records, &mut self.rewritten) {
            Ok(stats) => {
                if strictness.reject_clear && stats.clear > 0 {
                    return Err(Failure::PLAINTEXT);
                }
                if strictness.stubs_are_orphans && stats.may_be_stub {
                    return Err(Failure::CORRUPT);
                }
                let bytes = self.rewritten.len() - start;
                self.parts.push(Part::Rewritten(start..self.rewritten.len()));
                session.shared.metrics.records.decrypted.count(
                    Format::Record,
                    u64::try_from(stats.encrypted).unwrap_or(0),
                    u64::try_from(bytes).unwrap_or(0),
                );
                Ok(Step::Done(Opened::Rewritten))
            }
            Err(error) => {
                self.rewritten.truncate(start);
                match error {
                    OpenRecordsError::Opener(RecordFailure::NeedKey(header)) => Ok(Step::NeedKey(header)),
                    _ => Err(Failure::CORRUPT),
                }
            }
        }
    }

    fn known(&self, envelope: &EnvelopeHeader<'_>) -> Option<Arc<Dek>> {
        find(&self.keys, envelope)
    }

    /// Bytes of the opened partition.
    pub(crate) fn length(&self) -> usize {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Frame(range) | Part::Rewritten(range) => range.len(),
            })
            .sum()
    }

    /// Puts the opened partition in its place.
    pub(crate) fn place(&self, pieces: &mut Pieces) {
        for part in &self.parts {
            match part {
                Part::Frame(range) => pieces.frame(range.clone()),
                Part::Rewritten(range) => {
                    pieces.side(|side| {
                        side.extend_from_slice(self.rewritten.get(range.clone()).unwrap_or_default())
                    });
                }
            }
        }
    }
}

fn is_control(batch: &[u8]) -> bool {
    BatchHeader::parse(batch).is_ok_and(|header| header.attributes.is_control())
}

fn find(keys: &[KnownKey], envelope: &EnvelopeHeader<'_>) -> Option<Arc<Dek>> {
    keys.iter()
        .rev()
        .find(|known| {
            *known.wrapped == *envelope.wrapped()
                && *known.provider == *envelope.provider()
                && *known.key == *envelope.key()
        })
        .map(|known| Arc::clone(&known.dek))
}

fn strictness(session: &Session, place: &Place<'_>) -> Result<Strictness, Failure> {
    let policy = session.shared.live.policy();
    let unavailable = Failure {
        code: Code::KafkaStorageError,
        refusal: Refusal::KeyUnavailable,
    };
    let policy = policy.as_ref().ok_or(unavailable)?;
    let (encrypted, reject_clear) = match policy.effective.decide(place.topic) {
        Decision::Encrypt(rule) => (true, rule.on_plaintext == OnPlaintext::Reject),
        Decision::Retired => (true, false),
        Decision::Disabled | Decision::Unmatched(_) | Decision::Internal => (false, false),
    };
    if encrypted && place.fetch_version.is_some_and(|version| version < FIRST_VERSION) {
        return Err(Failure {
            code: Code::UnsupportedVersion,
            refusal: Refusal::UnsupportedVersion,
        });
    }
    Ok(Strictness {
        reject_clear,
        stubs_are_orphans: encrypted,
    })
}

fn next_entry(message: &[u8], range: Range<usize>) -> Result<Entry, Failure> {
    let bytes = message.get(range).unwrap_or_default();
    entries(bytes)
        .next()
        .unwrap_or(Ok(Entry::Tail(0..bytes.len())))
        .map_err(|_| Failure::CORRUPT)
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
    let header = back
        .get(relative(header.start)?..relative(header.end)?)
        .ok_or(Failure::CORRUPT)?;
    Ok((header, front.get_mut(sealed.start..).ok_or(Failure::CORRUPT)?))
}

/// Opens the values of one batch with the keys at hand.
struct RecordsOpener<'a> {
    keys: &'a [KnownKey],
    topic: &'a str,
    opener: RecordOpener,
}

enum RecordFailure {
    NeedKey(Vec<u8>),
    Open,
}

impl proxy_records::RecordOpener for RecordsOpener<'_> {
    type Error = RecordFailure;

    fn open(
        &mut self,
        header: &[u8],
        key: Option<&[u8]>,
        sealed: &[u8],
        timestamp: Option<i64>,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordFailure> {
        let envelope = EnvelopeHeader::parse(header).map_err(|_| RecordFailure::Open)?;
        let Some(dek) = find(self.keys, &envelope) else {
            return Err(RecordFailure::NeedKey(header.to_vec()));
        };
        self.opener
            .open(&dek, &envelope, self.topic, key, timestamp, sealed, out)
            .map_err(|_: OpenError| RecordFailure::Open)
    }
}
