//! Fetch: encrypted batches in an answer are opened in place; a partition that cannot be opened gets an error of its
//! own, the others are unharmed.

use super::fetching::{Workspace, lower, note_failure, topic_id, topic_name, unknown_ids};
use crate::connection::answers::Outcome;
use crate::connection::requests::Requests;
use crate::connection::{Close, Session};
use crate::frame::Frame;
use crate::handler::open::{Opened, Place};
use crate::handler::{Code, addresses, body_offset, history, lookup};
use crate::pieces::Pieces;
use crate::topics::TopicId;
use crate::wire::{self, FetchPartition, RequestHead, write};
use kafka_protocol::messages::ApiKey;
use std::sync::atomic::Ordering;
use std::time::Duration;

const FETCH: i16 = ApiKey::Fetch as i16;
/// An answer that only says that keys are not to be had is held for at most so long, so that clients do not storm.
const HOLD_LIMIT: Duration = Duration::from_secs(1);

/// What is remembered of a request until its answer comes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked {
    version: i16,
    max_wait: Duration,
    /// One batch was asked for, to see whether keys are to be had again.
    probe: bool,
}

/// Learns the names behind topic ids and bounds the answer's size. The request goes on as it is otherwise.
pub(crate) async fn request(
    requests: &mut Requests,
    frame: &mut Frame,
    head: &RequestHead,
) -> Result<(), Close> {
    let base = body_offset(head)?;
    let body = frame.bytes.get(base..).unwrap_or_default();
    wire::fetch_request(head.version, body, &mut requests.fetch).map_err(Close::Request)?;
    let topics = requests.fetch.topics.topics.iter().map(|topic| topic.key.of(body));
    let unknown = unknown_ids(&requests.session, topics);
    // What cannot be opened should not be fetched again and again: one batch tells whether that has changed. The partitions
    // stay in the request, since to take them out would change the client's fetch session at the broker (KIP-227).
    let probe = requests.session.only_keys_lacked.load(Ordering::Relaxed);
    let limit = if probe { 1 } else { requests.session.shared.fetch_max_bytes };
    if let Some(asked) = requests.fetch.max_bytes {
        lower(asked, limit, requests.fetch.max_bytes_field, base, &mut frame.bytes);
    }
    let max_wait = Duration::from_millis(u64::try_from(requests.fetch.max_wait_ms).unwrap_or(0));
    requests.asked = Asked { version: head.version, max_wait: max_wait.min(HOLD_LIMIT), probe };
    if !unknown.is_empty() {
        lookup::names(requests, &unknown).await?;
    }
    let body = frame.bytes.get(base..).unwrap_or_default();
    let topics = requests.fetch.topics.topics.iter();
    let topics = topics.filter_map(|topic| topic_name(&requests.session, topic.key.of(body)));
    let due = history::due(&requests.session, topics);
    requests.fetch.topics.trim();
    history::take(requests, due).await
}

/// Where a partition begins tells how much of its history is left.
fn note_start(session: &Session, id: Option<TopicId>, partition: &FetchPartition) {
    let histories = session.shared.live.histories();
    if let (Some(id), Some(start)) = (id, partition.log_start)
        && histories.is_active()
    {
        histories.note_start(proxy_config::TopicId(id), partition.index, start);
    }
}

/// Opens what is encrypted in an answer.
pub(crate) async fn answer(
    session: &Session,
    workspace: &mut Workspace,
    message: &mut [u8],
    asked: &Asked,
    pieces: &mut Pieces,
) -> Result<Outcome, Close> {
    let base = addresses::body_start(ApiKey::Fetch, asked.version, message)?;
    let Workspace { view, opener, .. } = workspace;
    wire::fetch_response(asked.version, message.get(base..).unwrap_or_default(), view)
        .map_err(Close::Answer)?;
    opener.start(session, Duration::ZERO);
    let (mut unavailable, mut readable) = (false, false);
    for (topic, partitions) in view.topics.iter() {
        let key = topic.key.of(message.get(base..).unwrap_or_default());
        let (name, id) = (topic_name(session, key), topic_id(session, key));
        history::recheck(session, key);
        for partition in partitions {
            note_start(session, id, partition);
            let Some(records) = partition.records.filter(|records| !records.is_empty()) else {
                continue;
            };
            let place = name.as_deref().map(|topic| Place {
                topic,
                id,
                partition: partition.index,
                fetch_version: Some(asked.version),
            });
            let opened = opener.open(session, place, message, records.shifted(base), pieces).await;
            match opened {
                Ok(Opened::Unchanged) => readable = true,
                Ok(Opened::Rewritten) => {
                    readable = true;
                    pieces.keep_until(base + partition.records_field.start);
                    pieces.side(|side| write::records_prefix(FETCH, asked.version, opener.length(), side));
                    opener.place(pieces);
                    pieces.skip_until(base + partition.records_field.end);
                }
                Err(failure) => {
                    note_failure(session, (name.as_deref(), id), partition.index, failure, opener);
                    unavailable |= failure.code == Code::KafkaStorageError;
                    let error = write::FetchError { index: partition.index, code: failure.code.value() };
                    pieces.keep_until(base + partition.element.start);
                    pieces.side(|side| write::fetch_error_partition(asked.version, error, side));
                    pieces.skip_until(base + partition.element.end);
                }
            }
        }
    }
    let body = message.get(base..).unwrap_or_default();
    addresses::node_endpoints(session, body, base, &view.brokers, pieces);
    // Never two probes in a row: other partitions may have data again.
    session.only_keys_lacked.store(unavailable && !readable && !asked.probe, Ordering::Relaxed);
    if unavailable && !readable {
        tokio::time::sleep(asked.max_wait).await;
    }
    if pieces.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    pieces.keep_until(message.len());
    Ok(Outcome::Pieces)
}
