//! The client's side: requests of all kinds, and what becomes of them.

use super::promises::AtClient;
use super::script::{Input, Step};
use super::share::Asked;
use super::stage::Stage;
use super::{PLAINTEXT, broker};
use crate::api_versions;
use crate::fuzzing::{Sequence, batch};
use crate::wire::{self, Direction, write};
use bytes::BytesMut;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ApiKey, FetchRequest, ProduceRequest, TopicName};
use kafka_protocol::protocol::{Encodable, StrBytes};
use proxy_records::Codec;
use std::cell::RefCell;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Clients wait no longer for anything.
const PATIENCE: Duration = Duration::from_mins(20);
/// At the end, for the last answers.
const REST: Duration = Duration::from_mins(2);

const KEYS: [i16; 14] = [0, 1, 3, 18, 78, 79, 10, 60, 17, 36, 22, 2, 12, 32];
const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
pub(super) const APIS: u8 = 14;

/// A request, as the input chooses it.
pub(super) struct Request {
    key: i16,
    version: i16,
    /// Topic in the lower bits, partition in the upper ones.
    place: u8,
    /// Codec in the lower bits, acks in the upper ones; of Fetch, what it does in its session; of share groups see [`Asked`].
    how: u8,
    /// Producer and sequence.
    who: u8,
}

impl Request {
    pub(super) fn parse(input: &mut Input<'_>) -> Self {
        let (api, version) = (input.byte(), input.byte());
        let key = match KEYS.get(usize::from(api % 16)) {
            Some(key) => *key,
            // Any other, which may be unknown or none of clients'.
            None => i16::from(api),
        };
        let max = api_versions::find(key).map_or(0, |api| api.max);
        // Beyond the newest, too.
        let version = if version == u8::MAX { -1 } else { i16::from(version) % (max + 3) };
        Self { key, version, place: input.byte(), how: input.byte(), who: input.byte() }
    }

    pub(super) fn frame(&self, correlation_id: i32) -> Vec<u8> {
        let mut rest = vec![0, 1, b'c'];
        let api = ApiKey::try_from(self.key);
        if api.is_ok_and(|api| api.request_header_version(self.version) >= 2) {
            rest.push(0);
        }
        rest.extend(self.body());
        write::request(self.key, self.version, correlation_id, &rest)
    }

    fn body(&self) -> Vec<u8> {
        let seed = u64::from(self.place) << 8 | u64::from(self.who);
        let own = match self.key {
            0 => self.produce(),
            1 => self.fetch(),
            17 => Some(self.handshake()),
            78 => self.asked().fetch(),
            79 => self.asked().acknowledge(),
            _ => None,
        };
        own.or_else(|| wire::fuzzing::body(self.key, self.version, Direction::Request, seed))
            .unwrap_or_else(|| vec![0; usize::from(self.how)])
    }

    fn topic(&self) -> (TopicName, Uuid) {
        let (name, id) = broker::TOPICS[usize::from(self.place) % broker::TOPICS.len()];
        (TopicName(StrBytes::from_static_str(name)), Uuid::from_bytes([id; 16]))
    }

    fn partition(&self) -> i32 {
        i32::from(self.place >> 6)
    }

    fn produce(&self) -> Option<Vec<u8>> {
        let codec = CODECS[usize::from(self.how) % CODECS.len()];
        let value = [PLAINTEXT, &[self.who; 30]].concat();
        let values = [Some(&value[..]), None, Some(&value[..]), Some(b"")];
        let values = &values[..=usize::from(self.who % 4)];
        let sequence = match self.how >> 6 {
            0 => Sequence::NONE,
            epoch => Sequence { producer: 7, epoch: epoch.into(), first: i32::from(self.who >> 2) },
        };
        let records = batch(values, codec, sequence);
        let partition =
            PartitionProduceData::default().with_index(self.partition()).with_records(Some(records.into()));
        let (name, id) = self.topic();
        let topic = TopicProduceData::default()
            .with_name(name)
            .with_topic_id(id)
            .with_partition_data(vec![partition]);
        let acks = [-1, 1, 0, -1][usize::from(self.how >> 4 & 3)];
        let request =
            ProduceRequest::default().with_acks(acks).with_timeout_ms(30_000).with_topic_data(vec![topic]);
        encoded(&request, self.version)
    }

    fn asked(&self) -> Asked {
        let (_, topic) = self.topic();
        let Self { version, how, who, .. } = *self;
        Asked { version, topic, partition: self.partition(), how, who }
    }

    fn handshake(&self) -> Vec<u8> {
        let mut body = Vec::new();
        write::string(
            false,
            broker::MECHANISMS[usize::from(self.place) % broker::MECHANISMS.len()],
            &mut body,
        );
        body
    }

    fn fetch(&self) -> Option<Vec<u8>> {
        let partition = FetchPartition::default()
            .with_partition(self.partition())
            .with_current_leader_epoch(-1)
            .with_partition_max_bytes(1 << 20);
        let (name, id) = self.topic();
        let topic =
            FetchTopic::default().with_topic(name.clone()).with_topic_id(id).with_partitions(vec![partition]);
        let forgotten = ForgottenTopic::default()
            .with_topic(name)
            .with_topic_id(id)
            .with_partitions(vec![self.partition()]);
        // Outside any session; or one that opens, goes on, or goes on without a word of what it has.
        let (session, epoch, topics, forgotten) = match self.how & 7 {
            1 => (0, 0, vec![topic], Vec::new()),
            2 => (broker::SESSION, 1, vec![topic], vec![forgotten]),
            3 => (broker::SESSION, 2, Vec::new(), Vec::new()),
            _ => (0, -1, vec![topic], Vec::new()),
        };
        let mut request = FetchRequest::default()
            .with_max_wait_ms(500)
            .with_max_bytes(1 << 20)
            .with_session_epoch(-1)
            .with_topics(topics);
        if self.version >= 7 {
            request = request
                .with_session_id(session)
                .with_session_epoch(epoch)
                .with_forgotten_topics_data(forgotten);
        }
        encoded(&request, self.version)
    }
}

pub(super) fn encoded(message: &impl Encodable, version: i16) -> Option<Vec<u8>> {
    let mut out = BytesMut::new();
    message.encode(&mut out, version).ok()?;
    Some(out.to_vec())
}

/// What a mechanism of SASL could say, or a request in its place.
pub(super) fn token(input: &mut Input<'_>) -> Vec<u8> {
    match input.byte() % 4 {
        0 => b"\0user\0password".to_vec(),
        1 => b"n,,n=user,r=nonce".to_vec(),
        2 => vec![0x60, 0x82],
        _ => Request { key: 0, version: 9, place: 0, how: 0, who: 0 }.frame(0),
    }
}

pub(super) struct Client<'a> {
    pub(super) script: Vec<Step>,
    pub(super) stage: &'a Stage,
    pub(super) drain: CancellationToken,
    pub(super) promises: &'a RefCell<AtClient>,
}

impl Client<'_> {
    /// Takes its steps, waits for what may still come, and ends. One that waits for too long gives up.
    pub(super) async fn write(self, mut to: impl AsyncWrite + Unpin, gave_up: &CancellationToken) {
        let script = async {
            for step in self.script {
                match step {
                    Step::Wait(time) => tokio::time::sleep(time).await,
                    Step::Mood(mood) => self.stage.mood(mood),
                    Step::Reload(policy) => self.stage.reload(policy),
                    Step::Drain => self.drain.cancel(),
                    Step::Send(bytes, chunk) => {
                        self.promises.borrow_mut().sends(&bytes);
                        for chunk in bytes.chunks(chunk) {
                            if to.write_all(chunk).await.is_err() {
                                return;
                            }
                        }
                    }
                }
            }
            tokio::time::sleep(REST).await;
            let _ = to.shutdown().await;
        };
        if tokio::time::timeout(PATIENCE + Duration::from_hours(10), script).await.is_err() {
            gave_up.cancel();
        }
    }
}

/// Reads answers until the proxy ends.
pub(super) async fn read(mut from: impl AsyncRead + Unpin, promises: &RefCell<AtClient>) {
    while let Some(frame) = next_frame(&mut from).await {
        promises.borrow_mut().receives(&frame);
    }
}

/// The next message; none at the end, or where one is cut off.
pub(super) async fn next_frame(from: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let length = from.read_i32().await.ok()?;
    let mut frame = vec![0; usize::try_from(length).expect("the proxy writes no negative length")];
    from.read_exact(&mut frame).await.ok()?;
    Some(frame)
}
