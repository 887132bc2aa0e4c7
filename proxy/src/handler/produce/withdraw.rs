//! What a request waited for may have taken long: behind the last wait, keys and policy are looked at once more.

use super::plan::{self, TopicPlan, Treatment};
use super::{Refused, Sent, TopicKey, Verdict, keys};
use crate::connection::Session;
use crate::handler::Code;
use crate::live::LoadedPolicy;
use crate::metrics::labels::{Direction, Refusal};
use crate::refusals;
use crate::wire::ProduceView;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Why a topic's batches do not go out after all. They come again.
pub(super) struct Withdrawn {
    /// The topic's place in the request.
    at: usize,
    code: Code,
    refusal: Refusal,
    cause: Option<String>,
}

/// What is sealed must be so under a key that is still good, and what passes in clear by the policy in force when it is sent.
pub(super) async fn withdrawn(
    session: &Session,
    planned_by: Option<&Arc<LoadedPolicy>>,
    plans: &[TopicPlan],
    waited: bool,
) -> Vec<Withdrawn> {
    let (live, mut withdrawn) = (&session.shared.live, Vec::new());
    for (at, plan) in plans.iter().enumerate() {
        // The same data key, without a call, unless it has to be verified or has ended. A request that did not wait may have used up
        // the data key, and needs no other.
        if waited
            && let Treatment::Seal(plan) = &plan.treatment
            && let Err(error) = live.keys().data_key(plan.key.provider(), plan.key.key()).await
        {
            let (code, refusal) = keys::refusal(&error);
            withdrawn.push(Withdrawn { at, code, refusal, cause: Some(error.to_string()) });
        }
    }
    let now = live.policy();
    if now.as_ref().map(Arc::as_ptr) != planned_by.map(Arc::as_ptr) {
        let passes = |plan: &TopicPlan| match (&plan.treatment, &plan.name) {
            (Treatment::Clear, Some(name)) => plan::is_clear(now.as_deref(), name),
            _ => true,
        };
        let clear = plans.iter().enumerate().filter(|(_, plan)| !passes(plan));
        withdrawn.extend(clear.map(|(at, _)| {
            let (code, refusal) = (Code::NotEnoughReplicas, Refusal::KeyUnavailable);
            Withdrawn { at, code, refusal, cause: None }
        }));
    }
    withdrawn
}

/// Refuses what of these topics was not refused already.
pub(super) fn refuse(
    session: &Session,
    withdrawn: &[Withdrawn],
    view: &ProduceView,
    plans: &[TopicPlan],
    body: &[u8],
    verdicts: &mut [Verdict],
    sent: &mut Sent,
) {
    // In the order of the request, as refusals are written into the answer.
    let mut before = std::mem::take(&mut sent.refused).into_iter();
    let reasons: HashMap<usize, &Withdrawn> = withdrawn.iter().map(|reason| (reason.at, reason)).collect();
    let mut gone = HashSet::new();
    for (place, (topic, plan)) in view.topics.topics.iter().zip(plans).enumerate() {
        let reason = reasons.get(&place);
        for at in topic.partitions.clone() {
            let (Some(verdict), Some(partition)) = (verdicts.get_mut(at), view.topics.partitions.get(at))
            else {
                continue;
            };
            match (&verdict, reason, &plan.name) {
                (Verdict::Refused, ..) => sent.refused.extend(before.next()),
                (Verdict::Clear | Verdict::Sealed(_), Some(reason), Some(name)) => {
                    let index = partition.index;
                    let records = partition.records.map_or(&[][..], |records| records.of(body));
                    let followed = plan::producer_of(&TopicKey::Name(Arc::clone(name)), index, records);
                    if let Some((producer, sequence)) = followed {
                        session.sequences.refused(&producer, sequence, reason.code);
                        if matches!(verdict, Verdict::Sealed(_)) {
                            session.sequences.answered(&producer, false);
                        }
                    }
                    gone.insert((&**name, index));
                    let cause = reason.cause.as_deref();
                    session.shared.refusals.count(&refused(plan, index, reason.refusal, cause));
                    *verdict = Verdict::Refused;
                    let topic = TopicKey::from(topic.key.of(body));
                    sent.refused.push(Refused { topic, index, code: reason.code });
                }
                _ => {}
            }
        }
    }
    sent.tracked.retain(|tracked| !gone.contains(&(&*tracked.name, tracked.index)));
}

/// What the audit log is told.
pub(super) fn refused<'a>(
    plan: &'a TopicPlan,
    partition: i32,
    reason: Refusal,
    cause: Option<&'a str>,
) -> refusals::Refused<'a> {
    refusals::Refused {
        direction: Direction::Produce,
        reason,
        topic: plan.name.as_deref(),
        partition,
        offset: None,
        cause,
    }
}

#[cfg(test)]
mod tests;
