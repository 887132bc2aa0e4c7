//! One partition of a Produce request: its producer is followed, its batch is sealed or refused.

use super::plan::{self, SealPlan, TopicPlan, Treatment};
use super::{TopicKey, Tracked, keys};
use crate::connection::{Session, Shared};
use crate::frame::Frame;
use crate::handler::seal::{self, Sealed, Target};
use crate::handler::{Code, turn, with_workbench};
use crate::metrics::labels::Refusal;
use crate::pieces::Pieces;
use crate::sequences::{Admission, Producer};
use crate::wire::ProducePartition;
use proxy_crypto::DataKey;
use proxy_records::{BatchHeader, Codec};
use std::ops::Range;
use std::sync::Arc;
use tokio::time::Instant;

const MIB: usize = 1024 * 1024;
/// The first version whose batches may be compressed with Zstandard (KIP-110).
const FIRST_WITH_ZSTD: i16 = 7;

/// One partition of the request.
pub(super) struct Batch<'a> {
    pub(super) topic: &'a TopicKey,
    pub(super) partition: &'a ProducePartition,
    /// Where the request's body begins in the frame.
    pub(super) base: usize,
    pub(super) version: i16,
    pub(super) acknowledged: bool,
    pub(super) deadline: Instant,
}

impl Batch<'_> {
    fn records(&self) -> Option<Range<usize>> {
        self.partition.records.map(|records| records.shifted(self.base))
    }

    /// Whether the codec came with a later version. A broker refuses that, but in batch format it does not see the codec.
    fn is_ahead_of_its_version(&self, records: &[u8]) -> bool {
        let codec = || BatchHeader::parse(records).ok()?.attributes.codec().ok();
        self.version < FIRST_WITH_ZSTD && codec() == Some(Codec::Zstd)
    }
}

/// What becomes of it when it is not refused.
pub(super) enum Treated {
    Clear,
    /// What of it the reader of the answer must know, if there will be an answer.
    Sealed(Sealed, Option<Tracked>),
}

/// The producers of batches that are sealed or refused are followed, so that a refusal loses nothing.
pub(super) async fn treat(
    session: &Session,
    frame: &mut Frame,
    batch: &Batch<'_>,
    plan: &TopicPlan,
    pieces: &mut Pieces,
) -> Result<Treated, (Code, Refusal)> {
    if let Treatment::Clear = plan.treatment {
        return Ok(Treated::Clear);
    }
    turn::pass().await;
    let invalid = (Code::InvalidRecord, Refusal::InvalidRecord);
    let records = batch.records().ok_or(invalid)?;
    let bytes = frame.bytes.get(records.clone()).unwrap_or_default();
    // A name that is too long is not remembered here either.
    let followed = batch.acknowledged && (plan.name.is_some() || matches!(batch.topic, TopicKey::Id(_)));
    let name = plan.name.as_ref();
    let topic = name.map_or_else(|| batch.topic.clone(), |name| TopicKey::Name(Arc::clone(name)));
    let producer = plan::producer_of(&topic, batch.partition.index, bytes).filter(|_| followed);
    if let (Some((producer, _)), Some(_), TopicKey::Id(id)) = (&producer, name, batch.topic) {
        session.sequences.named(*id, producer);
    }
    let refuse = |(code, refusal): (Code, Refusal)| {
        if let Some((producer, sequence)) = &producer {
            session.sequences.refused(producer, *sequence, code);
        }
        Err((code, refusal))
    };
    let plan = match &plan.treatment {
        Treatment::Seal(plan) => plan,
        Treatment::Refuse(code, refusal) => return refuse((*code, *refusal)),
        Treatment::NoKey(error) => return refuse(keys::refusal(error)),
        Treatment::Behind => {
            if let Some((producer, sequence)) = &producer {
                admit(session, producer, *sequence, batch.deadline).await?;
                // Not behind after all: the batch comes again.
                session.sequences.answered(producer, false);
            }
            return Err((Code::NotEnoughReplicas, Refusal::Producer));
        }
        Treatment::Clear => return Ok(Treated::Clear),
    };
    if batch.is_ahead_of_its_version(bytes) {
        return refuse((Code::UnsupportedCompressionType, Refusal::InvalidRecord));
    }
    let name = name.ok_or((Code::UnknownTopicId, Refusal::UnknownTopicId))?;
    if let Some((producer, sequence)) = &producer {
        admit(session, producer, *sequence, batch.deadline).await?;
    }
    match seal_with_some_key(session, frame, records, name, batch, plan, pieces).await {
        Ok(sealed) => {
            if !batch.acknowledged && plan.if_compacted.is_some() {
                session.unanswered.note(name);
            }
            let tracked = batch.acknowledged.then(|| Tracked {
                topic: batch.topic.clone(),
                name: Arc::clone(name),
                index: batch.partition.index,
                producer,
                if_compacted: plan.if_compacted,
            });
            Ok(Treated::Sealed(sealed, tracked))
        }
        Err(refused) => {
            if let Some((producer, sequence)) = producer {
                session.sequences.refused(&producer, sequence, refused.0);
                session.sequences.answered(&producer, false);
            }
            Err(refused)
        }
    }
}

async fn admit(
    session: &Session,
    producer: &Producer,
    sequence: i32,
    deadline: Instant,
) -> Result<(), (Code, Refusal)> {
    let admitted = tokio::time::timeout_at(deadline, session.sequences.admitted(producer, sequence)).await;
    match admitted {
        Ok(Admission::Send) => Ok(()),
        Ok(Admission::Refuse(code)) => Err((code, Refusal::Producer)),
        Ok(Admission::Wait) | Err(_) => {
            session.sequences.refused(producer, sequence, Code::NotEnoughReplicas);
            Err((Code::NotEnoughReplicas, Refusal::Producer))
        }
    }
}

/// Bytes of decompressed records that may be sealed one by one. Ciphertext does not compress again, so that much more
/// than the topic takes is refused before memory is spent on it.
fn max_section(max_message_bytes: Option<usize>) -> usize {
    max_message_bytes.map_or(16 * MIB, |max| max.saturating_mul(16).max(MIB))
}

/// The data key of the plan may end before it is used; then the batch waits for the next one, as it would have before.
async fn seal_with_some_key(
    session: &Session,
    frame: &mut Frame,
    records: Range<usize>,
    topic: &str,
    batch: &Batch<'_>,
    plan: &SealPlan,
    pieces: &mut Pieces,
) -> Result<Sealed, (Code, Refusal)> {
    let mut key = Arc::clone(&plan.key);
    loop {
        let at = (topic, batch.partition.index);
        // Nothing of the batch was touched where the key is to blame.
        match seal_batch(frame, records.clone(), at, plan, &key, pieces, &session.shared) {
            Err((Code::NotEnoughReplicas, _)) if key.is_spent() && Instant::now() < batch.deadline => {
                key = keys::data_key(&session.shared, key.provider(), key.key(), batch.deadline)
                    .await
                    .map_err(|error| keys::refusal(&error))?;
            }
            sealed => return sealed,
        }
    }
}

fn seal_batch(
    frame: &mut Frame,
    records: Range<usize>,
    (topic, partition): (&str, i32),
    plan: &SealPlan,
    key: &DataKey,
    pieces: &mut Pieces,
    shared: &Shared,
) -> Result<Sealed, (Code, Refusal)> {
    let target = Target {
        topic,
        partition,
        key,
        format: plan.format,
        headers: &plan.headers,
        pseudonyms: plan.pseudonyms.as_deref(),
        max_bytes: plan.max_message_bytes,
        max_section: max_section(plan.max_message_bytes).min(shared.max_frame_bytes),
        max_side: shared.max_frame_bytes,
    };
    let sealed = with_workbench(|bench| seal::seal(&mut frame.bytes, records, &target, bench, pieces))?;
    shared.metrics.records.encrypted.count(plan.format, sealed.records, sealed.clear_bytes);
    Ok(sealed)
}
