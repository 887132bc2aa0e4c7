//! The request side of Produce.

use super::assemble::assemble;
use super::plan::{self, Plan};
use super::treat::{Batch, Treated, treat};
use super::withdraw::{self, refused, withdrawn};
use super::{HOLD_LIMIT, Refused, Sent, TopicKey, Verdict};
use crate::budget::Grant;
use crate::connection::Close;
use crate::connection::expected::Answer;
use crate::connection::requests::Requests;
use crate::frame::Frame;
use crate::handler::body_offset;
use crate::handler::open::LONG;
use crate::metrics::labels::Direction;
use crate::pieces::Pieces;
use crate::wire::{self, ProduceView, RequestHead};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What is kept from request to request.
const KEEP_VERDICTS: usize = 1_000;

/// Reused from request to request of one connection.
#[derive(Default)]
pub(crate) struct Workspace {
    view: ProduceView,
    pieces: Pieces,
    verdicts: Vec<Verdict>,
}

impl Workspace {
    /// The request is sent: what it needed is free again.
    fn trim(&mut self) {
        self.pieces.trim();
        self.view.topics.trim();
        if self.verdicts.capacity() > KEEP_VERDICTS {
            self.verdicts = Vec::new();
        }
    }
}

/// Handles one Produce request.
pub(crate) async fn request(requests: &mut Requests, frame: Frame, head: &RequestHead) -> Result<(), Close> {
    // Taken out for the time of the request, so that it can be borrowed beside the connection.
    let mut workspace = std::mem::take(&mut requests.produce);
    let result = handle(requests, &mut workspace, frame, head).await;
    workspace.trim();
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
    // One for the whole request: its partitions do not wait one after the other.
    let started = Instant::now();
    let deadline = started + hold_time(workspace.view.timeout_ms);
    let acknowledged = workspace.view.acks != 0;
    let Plan { policy, topics: plans } =
        plan::plan(requests, &workspace.view, body, version, deadline).await?;

    let mut sent = Sent { version, grant: Grant::default(), refused: Vec::new(), tracked: Vec::new() };
    workspace.pieces.clear();
    workspace.verdicts.clear();
    let session = Arc::clone(&requests.session);
    let Workspace { view, pieces, verdicts } = workspace;
    for ((topic, partitions), plan) in view.topics.iter().zip(&plans) {
        let key = TopicKey::from(topic.key.of(frame.bytes.get(base..).unwrap_or_default()));
        for partition in partitions {
            let batch = Batch { topic: &key, partition, base, version, acknowledged, deadline };
            let treated = treat(&session, &mut frame, &batch, plan, pieces).await;
            if session.sequences.has_overflown() {
                return Err(Close::TooManyProducers);
            }
            verdicts.push(match treated {
                Ok(Treated::Clear) => {
                    session.shared.metrics.records.clear_batches.inc(Direction::Produce);
                    Verdict::Clear
                }
                Ok(Treated::Sealed(sealed, tracked)) => {
                    sent.tracked.extend(tracked);
                    Verdict::Sealed(sealed)
                }
                Err((code, refusal)) => {
                    let cause = plan.cause();
                    session.shared.refusals.count(&refused(plan, partition.index, refusal, cause.as_deref()));
                    sent.refused.push(Refused { topic: key.clone(), index: partition.index, code });
                    Verdict::Refused
                }
            });
        }
    }
    if acknowledged {
        sent.grant = session.queued.grant(sent.bytes()).await;
    }
    requests.renew().await?;
    let withdrawn = withdrawn(&session, policy.as_ref(), &plans, started.elapsed() >= LONG).await;
    if !withdrawn.is_empty() {
        let body = frame.bytes.get(base..).unwrap_or_default();
        withdraw::refuse(&session, &withdrawn, view, &plans, body, verdicts, &mut sent);
    }
    if session.sequences.has_overflown() {
        return Err(Close::TooManyProducers);
    }
    if !sent.refused.is_empty() && sent.refused.len() == verdicts.len() {
        // The answer has a share of its own, which must not wait for this one.
        drop(std::mem::take(&mut sent.grant));
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

fn hold_time(timeout_ms: i32) -> Duration {
    let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
    (timeout / 2).min(HOLD_LIMIT)
}
