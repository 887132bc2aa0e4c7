//! `ShareFetch`: like Fetch, but the broker hands records over before the proxy can fail to open them, and records
//! that fail again and again are archived. So it is not asked while a needed key is not to be had, as far as that is known before,
//! and opening waits longer for a key.

use super::fetching::{Workspace, lower, note_failure, topic_id, topic_name, unknown_ids};
use crate::connection::answers::Outcome;
use crate::connection::requests::Requests;
use crate::connection::{Close, Session};
use crate::handler::open::{Failure, Opened, Place};
use crate::handler::{addresses, body_offset, history, lookup};
use crate::live::{KeyState, LoadedPolicy, attempt};
use crate::pieces::Pieces;
use crate::topics::TopicId;
use crate::wire::{self, RequestHead, ShareFetchPartition, Span, TopicRef, write};
use kafka_protocol::messages::ApiKey;
use proxy_config::{Decision, EncryptRule, KeyRef, OnUnreadable};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

const SHARE_FETCH: i16 = ApiKey::ShareFetch as i16;
/// Half of the broker's default acquisition lock (`group.share.record.lock.duration.ms`, 30 s).
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Topics of one share session that are remembered; more than any client subscribes to.
const MAX_TOPICS: usize = 10_000;

/// What is remembered of a connection's share session: a request names only what changes.
#[derive(Default)]
pub(crate) struct Subscribed {
    view: wire::ShareFetchRequestView,
    topics: HashSet<TopicId>,
}

impl Subscribed {
    /// Takes over the topics of a request. Those that leave the session are kept until it ends, which is on the safe side.
    fn update(&mut self, version: i16, body: &[u8]) -> Result<(), Close> {
        wire::share_fetch_request(version, body, &mut self.view).map_err(Close::Request)?;
        if self.view.session_epoch <= 0 {
            self.topics.clear();
        }
        for topic in &self.view.topics.topics {
            if let TopicRef::Id(id) = topic.key.of(body)
                && self.topics.len() < MAX_TOPICS
            {
                self.topics.insert(id);
            }
        }
        Ok(())
    }

    /// A key of one of the topics whose provider is out of reach, or refuses it. A topic that was encrypted under an earlier
    /// policy, or has no known name, may need any.
    fn lacking(&self, session: &Session, policy: &LoadedPolicy) -> Option<KeyRef> {
        let keys = session.shared.live.keys();
        let known = policy.effective.policy().keys();
        let failing = known.into_iter().find(|key| keys.is_out_of_reach(&key.provider));
        let mut topics = self.topics.iter();
        topics.find_map(|id| match session.shared.topics.name(id) {
            None => failing.clone(),
            Some(name) => match policy.effective.decide(&name) {
                Decision::Encrypt(rule) => {
                    let is_lacking = keys.is_out_of_reach(&rule.provider) || is_refused(session, rule);
                    is_lacking.then(|| rule.key_ref())
                }
                Decision::Pending(key) => keys.is_out_of_reach(&key.provider).then(|| key.clone()),
                Decision::Retired(_) => failing.clone(),
                Decision::Disabled | Decision::Unmatched(_) | Decision::Internal => None,
            },
        })
    }

    /// Whether nobody knows where history ends in one of the topics: its clear records would be handed over and then refused.
    fn is_unheard(&self, session: &Session) -> bool {
        let live = &session.shared.live;
        let Some(policy) = live.policy().filter(|_| live.histories().is_active()) else { return false };
        self.topics.iter().any(|id| {
            let name = session.shared.topics.name(id);
            name.is_some_and(|name| {
                live.histories().is_unheard(&policy.effective, &name, proxy_config::TopicId(*id))
            })
        })
    }

    /// Waits until no key is lacking that the topics are known to need. Asks providers that are out of reach, as far as they may be
    /// asked; keys that are refused are tried again in the background.
    async fn wait_for_keys(&self, session: &Session) {
        let live = &session.shared.live;
        loop {
            if let Some(policy) = live.policy() {
                match self.lacking(session, &policy) {
                    Some(key) if live.keys().is_out_of_reach(&key.provider) => {
                        attempt(live.keys(), &key).await;
                    }
                    Some(_) => {}
                    None if session.shared.lacked.still_lacks(live, &policy, self.topics.iter()).await => {}
                    None => return,
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// Whether the rule's key is refused, unless the rule says what becomes of records whose key is gone.
fn is_refused(session: &Session, rule: &EncryptRule) -> bool {
    let attempt = || session.shared.live.key_attempt(&rule.key_ref());
    rule.on_unreadable == OnUnreadable::Error && matches!(attempt().tried.key, KeyState::Refused(_))
}

/// Learns the names behind topic ids, and waits while keys of the session's topics are not to be had.
pub(crate) async fn request(
    requests: &mut Requests,
    frame: &mut [u8],
    head: &RequestHead,
) -> Result<(), Close> {
    let base = body_offset(head)?;
    let body = frame.get(base..).unwrap_or_default();
    requests.share_fetch.update(head.version, body)?;
    let topics = requests.share_fetch.view.topics.topics.iter().map(|topic| topic.key.of(body));
    let unknown = unknown_ids(&requests.session, topics);
    let view = &mut requests.share_fetch.view;
    lower(view.max_bytes, requests.session.shared.fetch_max_bytes, view.max_bytes_field, base, frame);
    view.topics.trim();
    if !unknown.is_empty() {
        lookup::names(requests, &unknown).await?;
    }
    // Brokers hand nothing over with it, and who waits longer loses what is to be kept.
    if requests.share_fetch.view.is_renewal {
        return Ok(());
    }
    let session = Arc::clone(&requests.session);
    let topics = requests.share_fetch.topics.iter().filter_map(|id| session.shared.topics.name(id));
    let due = history::due(&session, topics);
    history::take(requests, due).await?;
    if requests.share_fetch.is_unheard(&session) {
        return Err(Close::KeysUnavailable);
    }
    let waiting = requests.share_fetch.wait_for_keys(&requests.session);
    // The connection ends instead of an answer: nothing was acquired, and the client comes again.
    tokio::time::timeout(PATIENCE, waiting).await.map_err(|_| Close::KeysUnavailable)
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
    opener.start(session, PATIENCE);
    for (topic, partitions) in view.topics.iter() {
        let key = topic.key.of(message.get(base..).unwrap_or_default());
        let (name, id) = (topic_name(session, key), topic_id(session, key));
        for partition in partitions {
            let Some(records) = partition.records.filter(|records| !records.is_empty()) else {
                continue;
            };
            let place = name.as_deref().map(|topic| Place {
                topic,
                id,
                partition: partition.index,
                fetch_version: None,
            });
            match opener.open(session, place, message, records.shifted(base), pieces).await {
                Ok(Opened::Unchanged) => {}
                Ok(Opened::Rewritten) => {
                    pieces.keep_until(base + partition.records_field.start);
                    pieces.side(|side| write::records_prefix(SHARE_FETCH, version, opener.length(), side));
                    opener.place(pieces);
                    pieces.skip_until(base + partition.records_field.end);
                }
                Err(failure) => {
                    note_failure(session, (name.as_deref(), id), partition.index, failure, opener);
                    refuse(partition, failure, base, pieces);
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

/// An error in the place of records. What the broker says of acknowledgements stays: those were taken or not, whatever
/// becomes of the records.
fn refuse(partition: &ShareFetchPartition, failure: Failure, base: usize, pieces: &mut Pieces) {
    let mut replace = |field: Span, write: &dyn Fn(&mut Vec<u8>)| {
        pieces.keep_until(base + field.start);
        pieces.side(write);
        pieces.skip_until(base + field.end);
    };
    replace(partition.error_field, &|side| side.extend_from_slice(&failure.code.value().to_be_bytes()));
    replace(partition.error_message_field, &|side| write::nullable_string(true, None, side));
    replace(partition.records_field, &|side| write::count(true, 0, side));
    replace(partition.acquired_field, &|side| write::count(true, 0, side));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::Code;
    use crate::metrics::labels::Refusal;
    use bytes::{Bytes, BytesMut};
    use kafka_protocol::messages::ShareFetchResponse;
    use kafka_protocol::messages::share_fetch_response::{
        AcquiredRecords, PartitionData, ShareFetchableTopicResponse,
    };
    use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

    #[test]
    fn a_refused_partition_keeps_what_the_broker_says_of_acknowledgements() {
        let partition = PartitionData::default()
            .with_partition_index(4)
            .with_acknowledge_error_code(121)
            .with_acknowledge_error_message(Some(StrBytes::from_static_str("too late")))
            .with_records(Some(Bytes::from_static(b"sealed")))
            .with_acquired_records(vec![AcquiredRecords::default().with_last_offset(9)]);
        let other = PartitionData::default().with_partition_index(5).with_records(Some(Bytes::new()));
        let topic =
            ShareFetchableTopicResponse::default().with_partitions(vec![partition.clone(), other.clone()]);
        let mut body = BytesMut::new();
        ShareFetchResponse::default().with_responses(vec![topic]).encode(&mut body, 1).unwrap();
        let mut view = wire::ShareFetchView::default();
        wire::share_fetch_response(1, &body, &mut view).unwrap();

        let mut pieces = Pieces::default();
        let failure = Failure { code: Code::CorruptMessage, refusal: Refusal::Corrupt };
        refuse(&view.topics.partitions[0], failure, 0, &mut pieces);
        pieces.keep_until(body.len());
        let refused: Vec<u8> = pieces.slices(&body).flatten().copied().collect();

        let decoded = ShareFetchResponse::decode(&mut Bytes::from(refused), 1).unwrap();
        let expected = partition
            .with_error_code(Code::CorruptMessage.value())
            .with_records(Some(Bytes::new()))
            .with_acquired_records(Vec::new());
        assert_eq!(decoded.responses[0].partitions, [expected, other]);
    }
}
