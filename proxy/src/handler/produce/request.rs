//! The request side of Produce.

use super::plan::{self, SealPlan, TopicPlan, Treatment};
use super::{HOLD_LIMIT, Refused, Sent, TopicKey, Tracked};
use crate::connection::expected::Answer;
use crate::connection::requests::Requests;
use crate::connection::{Close, Session};
use crate::frame::Frame;
use crate::handler::seal::{self, Sealed, Target};
use crate::handler::{Code, body_offset, with_workbench};
use crate::metrics::labels::{Direction, Refusal};
use crate::pieces::Pieces;
use crate::sequences::{Admission, Producer};
use crate::wire::{self, Count, ProducePartition, ProduceView, RequestHead, Span, Topic, write};
use kafka_protocol::messages::ApiKey;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const MIB: usize = 1024 * 1024;

/// Reused from request to request of one connection.
#[derive(Default)]
pub(crate) struct Workspace {
    view: ProduceView,
    pieces: Pieces,
    verdicts: Vec<Verdict>,
}

/// One partition's fate.
enum Verdict {
    Clear,
    Sealed(Sealed),
    Refused,
}

/// Handles one Produce request.
pub(crate) async fn request(requests: &mut Requests, frame: Frame, head: &RequestHead) -> Result<(), Close> {
    // Taken out for the time of the request, so that it can be borrowed beside the connection.
    let mut workspace = std::mem::take(&mut requests.produce);
    let result = handle(requests, &mut workspace, frame, head).await;
    workspace.pieces.trim();
    requests.produce = workspace;
    result
}

async fn handle(
    requests: &mut Requests,
    workspace: &mut Workspace,
    mut frame: Frame,
    head: &RequestHead,
) -> Result<(), Close> {
    let (version, base) = (head.version, body_offset(head)?);
    let body = frame.bytes.get(base..).unwrap_or_default();
    wire::produce_request(version, body, &mut workspace.view).map_err(Close::Request)?;
    if requests.session.sequences.overflows() {
        return Err(Close::TooManyProducers);
    }
    // One for the whole request: its partitions do not wait one after the other.
    let deadline = Instant::now() + hold_time(workspace.view.timeout_ms);
    let acknowledged = workspace.view.acks != 0;
    let plans = plan::plan(requests, &workspace.view, body, version, deadline).await?;

    let mut sent = Sent { version, refused: Vec::new(), tracked: Vec::new() };
    workspace.pieces.clear();
    workspace.verdicts.clear();
    let session = Arc::clone(&requests.session);
    let Workspace { view, pieces, verdicts } = workspace;
    for ((topic, partitions), plan) in view.topics.iter().zip(&plans) {
        let key = topic_key(topic.key.of(frame.bytes.get(base..).unwrap_or_default()));
        for partition in partitions {
            let batch = Batch { partition, base, acknowledged, deadline };
            let treated = treat(&session, &mut frame, &batch, plan, pieces).await;
            verdicts.push(match treated {
                Ok(Treated::Clear) => {
                    session.shared.metrics.records.clear_batches.inc(Direction::Produce);
                    Verdict::Clear
                }
                Ok(Treated::Sealed(sealed, tracked)) => {
                    sent.tracked.extend(tracked.map(|(name, producer, if_compacted)| Tracked {
                        topic: key.clone(),
                        name,
                        index: partition.index,
                        producer,
                        if_compacted,
                    }));
                    Verdict::Sealed(sealed)
                }
                Err((code, refusal)) => {
                    session.shared.metrics.records.refused.inc(refusal);
                    sent.refused.push(Refused { topic: key.clone(), index: partition.index, code });
                    Verdict::Refused
                }
            });
        }
    }
    if !sent.refused.is_empty() && sent.refused.len() == verdicts.len() {
        return refuse_all(requests, head, acknowledged, &sent.refused).await;
    }
    assemble(view, verdicts, version, base, pieces);
    pieces.keep_until(frame.bytes.len());
    let refused = !sent.refused.is_empty();
    if acknowledged {
        requests.expect(head.correlation_id, Answer::Produce(Box::new(sent))).await?;
    }
    requests.send_pieces(frame, pieces).await?;
    if refused && !acknowledged { Err(Close::RefusedUnacknowledged) } else { Ok(()) }
}

async fn refuse_all(
    requests: &mut Requests,
    head: &RequestHead,
    acknowledged: bool,
    refused: &[Refused],
) -> Result<(), Close> {
    if !acknowledged {
        return Err(Close::RefusedUnacknowledged);
    }
    let mut body = Vec::new();
    super::answer::refuse_all(head.version, refused, &mut body);
    requests.answer(head.correlation_id, |out| out.extend_from_slice(&body)).await
}

/// One partition of the request.
struct Batch<'a> {
    partition: &'a ProducePartition,
    /// Where the request's body begins in the frame.
    base: usize,
    acknowledged: bool,
    deadline: Instant,
}

impl Batch<'_> {
    fn records(&self) -> Option<Range<usize>> {
        self.partition.records.map(|records| records.shifted(self.base))
    }
}

type Admitted = Option<(Producer, i32)>;
type Remembered = Option<(Arc<str>, Admitted, Option<Code>)>;

enum Treated {
    Clear,
    Sealed(Sealed, Remembered),
}

async fn treat(
    session: &Session,
    frame: &mut Frame,
    batch: &Batch<'_>,
    plan: &TopicPlan,
    pieces: &mut Pieces,
) -> Result<Treated, (Code, Refusal)> {
    let Treatment::Clear = plan.treatment else {
        return treat_encrypted(session, frame, batch, plan, pieces).await;
    };
    Ok(Treated::Clear)
}

/// Batches of topics that are encrypted or refused: their producers are followed, so that a refusal loses nothing.
async fn treat_encrypted(
    session: &Session,
    frame: &mut Frame,
    batch: &Batch<'_>,
    plan: &TopicPlan,
    pieces: &mut Pieces,
) -> Result<Treated, (Code, Refusal)> {
    let invalid = (Code::InvalidRecord, Refusal::InvalidRecord);
    let records = batch.records().ok_or(invalid)?;
    let bytes = frame.bytes.get(records.clone()).unwrap_or_default();
    let Some(name) = &plan.name else {
        return Err((Code::UnknownTopicId, Refusal::UnknownTopicId));
    };
    let producer = plan::producer_of(name, batch.partition.index, bytes).filter(|_| batch.acknowledged);
    let plan = match &plan.treatment {
        Treatment::Seal(plan) => plan,
        Treatment::Refuse(code, refusal) => {
            if let Some((producer, sequence)) = &producer {
                session.sequences.refused(producer, *sequence, *code);
            }
            return Err((*code, *refusal));
        }
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
    if let Some((producer, sequence)) = &producer {
        admit(session, producer, *sequence, batch.deadline).await?;
    }
    let sealed = seal_batch(frame, records, name, batch.partition.index, plan, pieces, &session.shared);
    match (sealed, producer) {
        (Ok((sealed, if_compacted)), producer) => {
            let remembered = batch.acknowledged.then(|| (Arc::clone(name), producer, if_compacted));
            Ok(Treated::Sealed(sealed, remembered))
        }
        (Err(refused), producer) => {
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

fn seal_batch(
    frame: &mut Frame,
    records: Range<usize>,
    topic: &str,
    partition: i32,
    plan: &SealPlan,
    pieces: &mut Pieces,
    shared: &crate::connection::Shared,
) -> Result<(Sealed, Option<Code>), (Code, Refusal)> {
    let target = Target {
        topic,
        partition,
        key: &plan.key,
        format: plan.format,
        max_bytes: plan.max_message_bytes,
        max_section: max_section(plan.max_message_bytes).min(shared.max_frame_bytes),
    };
    let sealed = with_workbench(|bench| seal::seal(&mut frame.bytes, records, &target, bench, pieces))?;
    shared.metrics.records.encrypted.count(plan.format, sealed.records, sealed.clear_bytes);
    Ok((sealed, plan.if_compacted))
}

/// Puts the request together: sealed batches in the place of clear ones, refused partitions left out.
fn assemble(view: &ProduceView, verdicts: &[Verdict], version: i16, base: usize, pieces: &mut Pieces) {
    let topics = &view.topics;
    let kept = |topic: &Topic| {
        let verdicts = verdicts.get(topic.partitions.clone()).unwrap_or_default();
        verdicts.iter().filter(|verdict| !matches!(verdict, Verdict::Refused)).count()
    };
    let replace_count = |pieces: &mut Pieces, field: Count, elements: usize| {
        pieces.keep_until(base + field.span.start);
        pieces.side(|side| write::count(field.compact, elements, side));
        pieces.skip_until(base + field.span.end);
    };
    let left_out = |pieces: &mut Pieces, element: Span| {
        pieces.keep_until(base + element.start);
        pieces.skip_until(base + element.end);
    };
    let count = topics.topics.iter().filter(|topic| kept(topic) > 0).count();
    if count < topics.topics.len() {
        replace_count(pieces, topics.count, count);
    }
    for (topic, partitions) in topics.iter() {
        let left = kept(topic);
        if left == 0 {
            left_out(pieces, topic.element);
            continue;
        }
        if left < partitions.len() {
            replace_count(pieces, topic.count, left);
        }
        for (at, partition) in topic.partitions.clone().zip(partitions) {
            match verdicts.get(at) {
                None | Some(Verdict::Clear) => {}
                Some(Verdict::Refused) => left_out(pieces, partition.element),
                Some(Verdict::Sealed(sealed)) => {
                    pieces.keep_until(base + partition.records_field.start);
                    pieces.side(|side| {
                        write::records_prefix(ApiKey::Produce as i16, version, sealed.length, side);
                    });
                    sealed.place(pieces);
                    pieces.skip_until(base + partition.records_field.end);
                }
            }
        }
    }
}

fn topic_key(topic: wire::TopicRef<'_>) -> TopicKey {
    match topic {
        wire::TopicRef::Name(name) => TopicKey::Name(name.into()),
        wire::TopicRef::Id(id) => TopicKey::Id(id),
    }
}

fn hold_time(timeout_ms: i32) -> Duration {
    let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
    (timeout / 2).min(HOLD_LIMIT)
}
