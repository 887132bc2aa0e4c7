//! Topics whose rule says that a later policy tells how to encrypt them: their batches wait for it.

use super::are_behind;
use crate::connection::requests::Requests;
use crate::live::LoadedPolicy;
use crate::wire::ProduceView;
use proxy_config::Decision;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// The policy for the whole request: the first under which none of its topics waits any more, or the one in force at
/// the deadline.
pub(super) async fn settled(
    requests: &Requests,
    names: &[Option<Arc<str>>],
    view: &ProduceView,
    body: &[u8],
    deadline: Instant,
) -> Option<Arc<LoadedPolicy>> {
    let live = &requests.session.shared.live;
    // Before the first look, so that no policy is missed between the two.
    let mut generations = live.generations();
    loop {
        let policy = live.policy()?;
        if !waits(requests, &policy, names, view, body) {
            return Some(policy);
        }
        match timeout_at(deadline, generations.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Some(policy),
        }
    }
}

/// Whether some batch must wait; not those behind a refused one of their producer, which are refused whatever comes.
fn waits(
    requests: &Requests,
    policy: &LoadedPolicy,
    names: &[Option<Arc<str>>],
    view: &ProduceView,
    body: &[u8],
) -> bool {
    let acknowledged = view.acks != 0;
    names.iter().zip(view.topics.iter()).any(|(name, (_, partitions))| {
        name.as_ref().is_some_and(|name| {
            matches!(policy.effective.decide(name), Decision::Pending(_))
                && !(acknowledged && are_behind(requests, name, partitions, body))
        })
    })
}
