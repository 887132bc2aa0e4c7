//! `ShareFetch`: like Fetch, but the broker hands records over before the proxy can fail to open them, and records
//! that fail again and again are archived. So it is not asked while a key provider is out of reach, and opening waits
//! longer for a key.

use super::fetch::{Workspace, topic_name, unknown_ids};
use crate::connection::answers::Outcome;
use crate::connection::requests::Requests;
use crate::connection::{Close, Session};
use crate::handler::open::{Opened, Place};
use crate::handler::{addresses, body_offset, lookup};
use crate::pieces::Pieces;
use crate::wire::{self, RequestHead, write};
use kafka_protocol::messages::ApiKey;
use std::time::Duration;

const SHARE_FETCH: i16 = ApiKey::ShareFetch as i16;
/// Half of the broker's default acquisition lock (`group.share.record.lock.duration.ms`, 30 s).
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Waits while a key provider is out of reach, and learns the names behind topic ids.
pub(crate) async fn request(requests: &mut Requests, frame: &[u8], head: &RequestHead) -> Result<(), Close> {
    let waiting = async {
        while any_provider_out_of_reach(&requests.session) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    // The connection ends instead of an answer: nothing was acquired, and the client comes again.
    tokio::time::timeout(PATIENCE, waiting).await.map_err(|_| Close::KeysUnavailable)?;
    let body = frame.get(body_offset(head)?..).unwrap_or_default();
    wire::share_fetch_request(head.version, body, &mut requests.share_fetch).map_err(Close::Request)?;
    let topics = requests.share_fetch.topics.topics.iter().map(|topic| topic.key.of(body));
    let unknown = unknown_ids(&requests.session, topics);
    if unknown.is_empty() { Ok(()) } else { lookup::names(requests, &unknown).await }
}

fn any_provider_out_of_reach(session: &Session) -> bool {
    let live = &session.shared.live;
    live.policy().is_some_and(|policy| {
        policy.effective.policy().encrypt_rules().any(|rule| live.keys().is_open(&rule.provider))
    })
}

/// Opens what is encrypted in an answer. A partition is opened as a whole or not at all: what was acquired of it and
/// what is delivered must be the same records.
pub(crate) async fn answer(
    session: &Session,
    workspace: &mut Workspace,
    message: &mut [u8],
    version: i16,
    pieces: &mut Pieces,
) -> Result<Outcome, Close> {
    let base = addresses::body_start(ApiKey::ShareFetch, version, message)?;
    let Workspace { share_view: view, opener, .. } = workspace;
    wire::share_fetch_response(version, message.get(base..).unwrap_or_default(), view)
        .map_err(Close::Answer)?;
    opener.start(PATIENCE);
    for (topic, partitions) in view.topics.iter() {
        let name = topic_name(session, topic.key.of(message.get(base..).unwrap_or_default()));
        for partition in partitions {
            let Some(records) = partition.records.filter(|records| !records.is_empty()) else {
                continue;
            };
            let place =
                name.as_deref().map(|topic| Place { topic, partition: partition.index, fetch_version: None });
            match opener.open(session, place, message, records.shifted(base), pieces).await {
                Ok(Opened::Unchanged) => {}
                Ok(Opened::Rewritten) => {
                    pieces.keep_until(base + partition.records_field.start);
                    pieces.side(|side| write::records_prefix(SHARE_FETCH, version, opener.length(), side));
                    opener.place(pieces);
                    pieces.skip_until(base + partition.records_field.end);
                }
                Err(failure) => {
                    session.shared.metrics.records.refused.inc(failure.refusal);
                    let error = write::ShareError {
                        index: partition.index,
                        code: failure.code.value(),
                        message: None,
                    };
                    pieces.keep_until(base + partition.element.start);
                    pieces.side(|side| write::share_fetch_error_partition(&error, side));
                    pieces.skip_until(base + partition.element.end);
                }
            }
        }
    }
    let body = message.get(base..).unwrap_or_default();
    addresses::node_endpoints(session, body, base, &view.brokers, pieces);
    if pieces.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    pieces.keep_until(message.len());
    Ok(Outcome::Pieces)
}
