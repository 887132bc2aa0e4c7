//! The half of a connection that reads requests and passes them on.

mod own;
mod silence;
mod tokens;

use super::expected::{Answer, Expected, Queue};
use super::{Close, Session};
use crate::api_versions::{self, AsItself, Handling};
use crate::frame::{Frame, FrameReader};
use crate::handler::{fetch, produce, sasl, share_fetch};
use crate::io::Writer;
use crate::metrics::labels::{Flow, Message};
use crate::pieces::Pieces;
use crate::wire::{self, RequestHead};
use kafka_protocol::messages::ApiKey;
use silence::Silence;
pub(crate) use silence::Timeouts;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One request needs so many places in the queue of answers: its own, and those of the look-ups made for it.
const PLACES: usize = 6;

/// How reading ended.
pub(crate) enum End {
    /// The client sends nothing more.
    Client,
    /// The proxy takes no more.
    Drained,
}

pub(crate) struct Requests {
    pub(crate) session: Arc<Session>,
    client: FrameReader,
    broker: Writer,
    expect: Queue,
    injected: i32,
    silence: Silence,
    /// What was read ahead.
    held: Option<Frame>,
    /// When the connection is authenticated again, if the proxy has to.
    renew_at: Option<Instant>,
    pub(crate) produce: produce::Workspace,
    pub(crate) fetch: wire::FetchRequestView,
    /// The last Fetch request.
    pub(crate) asked: fetch::Asked,
    pub(crate) share_fetch: share_fetch::Subscribed,
}

impl Requests {
    pub(crate) fn new(
        session: Arc<Session>,
        client: FrameReader,
        broker: Writer,
        expect: Queue,
        renew_at: Option<Instant>,
    ) -> Self {
        let (produce, fetch, asked, share_fetch) = Default::default();
        let (injected, silence) = (i32::MIN, Silence::new(session.shared.timeouts));
        Self {
            session,
            client,
            broker,
            expect,
            injected,
            silence,
            held: None,
            renew_at,
            produce,
            fetch,
            asked,
            share_fetch,
        }
    }

    /// Reads until the client ends or the proxy drains.
    pub(crate) async fn run(&mut self, drain: &CancellationToken) -> Result<End, Close> {
        loop {
            let frame = tokio::select! {
                biased;
                () = drain.cancelled() => return Ok(End::Drained),
                frame = self.next() => frame?,
            };
            let Some(frame) = frame else {
                return Ok(End::Client);
            };
            self.session.shared.client_bytes(Flow::Received, frame.bytes.len());
            self.session.shared.metrics.traffic.frames.inc(Message::Request);
            self.handle(frame).await?;
        }
    }

    /// The next request, once there is room for its answer: a request that waits must not hold memory.
    async fn next(&mut self) -> Result<Option<Frame>, Close> {
        self.expect.wait_for_room(PLACES).await?;
        match self.held.take() {
            Some(frame) => Ok(Some(frame)),
            None => self.silence.next(&mut self.client, &self.expect).await,
        }
    }

    /// Ends the queue of answers, and gives back the client's reading half and the broker's writing half.
    pub(crate) fn into_halves(self) -> (FrameReader, Writer) {
        (self.client, self.broker)
    }

    async fn handle(&mut self, mut frame: Frame) -> Result<(), Close> {
        let head = wire::request_header(&frame.bytes).map_err(Close::Request)?;
        let (key, version) = (head.api_key, head.version);
        if key == ApiKey::ApiVersions as i16 && !(0..=4).contains(&version) {
            // KIP-511: the version 0 body, whatever was asked; the client tries again with what it says.
            return self
                .answer(head.correlation_id, |out| wire::write::api_versions_v0_unsupported(0, 4, out))
                .await;
        }
        let api = api_versions::find(key).ok_or(Close::Unsupported(key, version))?;
        if version < 0 || version > api.max {
            return Err(Close::Unsupported(key, version));
        }
        if self.session.shared.upstream.acts_as_itself() {
            match api.as_itself {
                AsItself::Answered(_) => {
                    return self.answer(head.correlation_id, |out| sasl::refuse(key, version, out)).await;
                }
                AsItself::Refused(_) => return Err(Close::Unsupported(key, version)),
                AsItself::Same => {}
            }
        }
        match api.handling {
            Handling::Relayed if key == ApiKey::SaslAuthenticate as i16 => {
                return self.relay(frame, &head, Answer::SaslAuthenticate { version }).await;
            }
            Handling::Relayed => return self.relay(frame, &head, Answer::Relay).await,
            Handling::AltersTopics => {
                return self.relay(frame, &head, Answer::Alteration { api_key: key, version }).await;
            }
            Handling::Rewritten(_) | Handling::Refused(_) => {}
        }
        match ApiKey::try_from(key) {
            Ok(ApiKey::Produce) => return produce::request(self, frame, &head).await,
            Ok(ApiKey::Fetch) => {
                fetch::request(self, &mut frame, &head).await?;
            }
            Ok(ApiKey::ShareFetch) => share_fetch::request(self, &mut frame.bytes, &head).await?,
            Ok(ApiKey::SaslHandshake) if version == 0 => {
                return tokens::authenticate(self, frame, &head).await;
            }
            _ => {}
        }
        let answer = match ApiKey::try_from(key) {
            Ok(ApiKey::ApiVersions) => Answer::ApiVersions { version },
            Ok(ApiKey::Metadata) => Answer::Metadata { version },
            Ok(ApiKey::FindCoordinator) => Answer::FindCoordinator { version },
            Ok(ApiKey::DescribeCluster) => Answer::DescribeCluster { version },
            Ok(ApiKey::SaslHandshake) => Answer::SaslHandshake,
            Ok(ApiKey::Fetch) => Answer::Fetch(self.asked),
            Ok(ApiKey::ShareFetch) => Answer::ShareFetch { version },
            Ok(ApiKey::ShareAcknowledge) => Answer::ShareAcknowledge { version },
            _ => Answer::Relay,
        };
        self.relay(frame, &head, answer).await
    }

    /// Passes a request on as it is.
    async fn relay(&mut self, frame: Frame, head: &RequestHead, answer: Answer) -> Result<(), Close> {
        self.renew().await?;
        self.silence.heard(head.api_key);
        self.expect(head.correlation_id, answer).await?;
        let prefix = length_prefix(frame.bytes.len());
        self.send(&[&prefix[..], &frame.bytes[..]]).await?;
        self.client.recycle(frame);
        Ok(())
    }

    /// Passes a rewritten request on.
    pub(crate) async fn send_pieces(&mut self, frame: Frame, pieces: &Pieces) -> Result<(), Close> {
        self.silence.heard(ApiKey::Produce as i16);
        let prefix = length_prefix(pieces.len());
        self.send(&pieces.message(&prefix, &frame.bytes)).await?;
        self.client.recycle(frame);
        Ok(())
    }

    /// Tells the other half what comes next. Before the request is written, so that no answer comes unexpected.
    pub(crate) async fn expect(&mut self, correlation_id: i32, answer: Answer) -> Result<(), Close> {
        let expected = Expected::Broker { correlation_id, answer };
        self.expect.put(expected).await
    }

    /// Answers in the broker's place, in turn. `body` follows the correlation id.
    pub(crate) async fn answer(
        &mut self,
        correlation_id: i32,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Close> {
        let mut message = correlation_id.to_be_bytes().to_vec();
        body(&mut message);
        let grants = self.session.grants(message.len()).await;
        self.expect.put(Expected::Local { message, grants }).await
    }

    async fn send(&mut self, slices: &[&[u8]]) -> Result<(), Close> {
        let written = self.broker.write_slices(slices).await.map_err(Close::BrokerWrite)?;
        self.session.shared.upstream_bytes(Flow::Sent, written);
        Ok(())
    }
}

/// Kafka's frame lengths are 32 bits; everything that is sent was bounded by the limits before.
pub(crate) fn length_prefix(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}
