//! One client connection and the one upstream connection behind it.
//!
//! Two halves run side by side: [`requests`] reads what the client sends and [`answers`] reads what the broker sends.
//! Between them a bounded queue of [`expected::Expected`] answers, in the order of the requests, keeps the order on
//! the connection, also for answers that the proxy makes itself. A full queue stops the reading of requests.

pub(crate) mod answers;
pub(crate) mod expected;
pub(crate) mod requests;
pub(crate) mod unanswered;

pub(crate) use requests::Timeouts;

use crate::advertised::Advertised;
use crate::api_versions;
use crate::brokers::Brokers;
use crate::budget::{Budget, Grant};
use crate::frame::{FrameError, FrameReader};
use crate::handler::history::Wanted;
use crate::handler::open::Lacked;
use crate::handler::unnamed::Unnamed;
use crate::io::{Reader, Writer};
use crate::live::Live;
use crate::login::{self, LoginError};
use crate::metrics::Metrics;
use crate::metrics::labels::{CloseReason, Flow};
use crate::refusals::Refusals;
use crate::sequences::Sequences;
use crate::strangers::{Newcomer, Strangers};
use crate::topics::Topics;
use crate::upstream::{ConnectError, Target, Upstream};
use crate::wire::WireError;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use unanswered::Unanswered;

/// Answers of the proxy's own, and what is remembered of requests, that one connection may have waiting.
const QUEUED_BYTES: usize = 256 * 1024;
/// Where one side has ended, what the other still sends is taken off the wire for so long: closing over unread bytes
/// resets a connection, and the peer might lose what was sent to it last.
const LINGER: Duration = Duration::from_secs(5);
/// The same for a client that was told that nothing more comes: it has its answers, and ends at once if it ends at all.
const CLOSING: Duration = Duration::from_secs(1);

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) live: Arc<Live>,
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) topics: Topics,
    pub(crate) upstream: Upstream,
    /// Requests, answers of the proxy's own, brokers' answers, and what these grow to by rewriting have budgets of their
    /// own. Each may wait for one that comes later in this order, never the other way round.
    pub(crate) request_budget: Budget,
    pub(crate) local_budget: Budget,
    pub(crate) answer_budget: Budget,
    pub(crate) growth_budget: Budget,
    pub(crate) metrics: Metrics,
    pub(crate) refusals: Refusals,
    /// Keys that records of share groups lacked.
    pub(crate) lacked: Lacked,
    pub(crate) strangers: Arc<Strangers>,
    pub(crate) max_frame_bytes: usize,
    pub(crate) fetch_max_bytes: i32,
    pub(crate) timeouts: Timeouts,
}

/// What both halves of one connection share.
pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) advertised: Arc<Advertised>,
    pub(crate) newcomer: Arc<Newcomer>,
    pub(crate) sequences: Sequences,
    /// What this connection may have waiting in its queue of answers before it reads no more requests.
    pub(crate) queued: Budget,
    /// The last Fetch answer had nothing but partitions whose key provider is out of reach.
    pub(crate) only_keys_lacked: AtomicBool,
    /// Topics of batches that a broker may refuse without an answer.
    pub(crate) unanswered: Unanswered,
    /// Topics whose ends of history are to be asked for.
    pub(crate) wanted: Wanted,
    /// Topics whose names are to be asked for.
    pub(crate) unnamed: Unnamed,
}

/// Why a connection ended other than by the client's wish.
#[derive(Debug, Error)]
pub(crate) enum Close {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the proxy is not authenticated at the broker: {0}")]
    Login(#[source] LoginError),
    #[error("client side: {0}")]
    ClientFrame(#[source] FrameError),
    #[error("broker side: {0}")]
    BrokerFrame(#[source] FrameError),
    #[error("failed to write to the client")]
    ClientWrite(#[source] std::io::Error),
    #[error("failed to write to the broker")]
    BrokerWrite(#[source] std::io::Error),
    #[error("the client's request cannot be read: {0}")]
    Request(#[source] WireError),
    #[error("the broker's answer cannot be read: {0}")]
    Answer(#[source] WireError),
    #[error("the message codec failed on {0}")]
    Codec(&'static str),
    #[error("API key {0} version {1} does not go through: {why}", why = api_versions::why_not(*.0, *.1))]
    Unsupported(i16, i16),
    #[error("answer {0} came where {1} was expected")]
    Order(i32, i32),
    #[error("the broker sent what was not asked for")]
    Unexpected,
    #[error("the broker closed the connection")]
    BrokerEnded,
    #[error("the client did not authenticate or ask for anything within {} s", .0.as_secs())]
    Unauthenticated(Duration),
    #[error("the client asked for nothing for {} s", .0.as_secs())]
    Idle(Duration),
    #[error("the client's authentication took too long")]
    SlowAuthentication,
    #[error("the client's authentication does not end")]
    TooManyTokens,
    #[error("key providers stayed out of reach")]
    KeysUnavailable,
    #[error("too many producers have refused batches on one connection")]
    TooManyProducers,
    #[error("a batch sent with acks=0 was refused")]
    RefusedUnacknowledged,
}

/// Relays between a client and its broker until one of them ends or the proxy drains.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    advertised: Arc<Advertised>,
    target: Target,
    client: (Reader, Writer),
    drain: CancellationToken,
) -> Result<(), Close> {
    let broker = shared.upstream.connect(target, &shared.brokers).await?;
    relay(shared, advertised, broker, client, drain).await
}

/// The same, between two connections that are there.
pub(crate) async fn relay(
    shared: Arc<Shared>,
    advertised: Arc<Advertised>,
    (broker_reader, mut broker_writer): (Reader, Writer),
    (client_reader, client_writer): (Reader, Writer),
    drain: CancellationToken,
) -> Result<(), Close> {
    let newcomer = Arc::new(Newcomer::new(Arc::clone(&shared.strangers)));
    let client = FrameReader::new(client_reader, shared.max_frame_bytes, shared.request_budget.clone())
        .of(Arc::clone(&newcomer));
    let mut broker = FrameReader::new(broker_reader, shared.max_frame_bytes, shared.answer_budget.clone());
    let renew_at = match shared.upstream.credentials() {
        Some(credentials) => login::first(credentials, &mut broker, &mut broker_writer).await?,
        None => None,
    };
    let session = Arc::new(Session {
        shared,
        advertised,
        newcomer,
        sequences: Sequences::default(),
        queued: Budget::new(QUEUED_BYTES),
        only_keys_lacked: AtomicBool::new(false),
        unanswered: Unanswered::default(),
        wanted: Wanted::default(),
        unnamed: Unnamed::default(),
    });
    let (expect, expected) = expected::queue();

    let mut answers = answers::Answers::new(Arc::clone(&session), broker, client_writer, expected);
    let mut requests = requests::Requests::new(Arc::clone(&session), client, broker_writer, expect, renew_at);
    let (ended, mut client) = {
        let mut answering = std::pin::pin!(answers.run());
        let ended = tokio::select! {
            ended = &mut answering => return ended.inspect_err(|close| session.note_end(close)),
            ended = requests.run(&drain) => ended,
        };
        // No request is read any more; those that are upstream get their answers.
        let (client, mut broker) = requests.into_halves();
        match ended {
            Ok(requests::End::Drained) => (answering.await, client),
            Ok(requests::End::Client) => {
                broker.end().await;
                let _ = tokio::time::timeout(LINGER, answering).await;
                return Ok(());
            }
            // Part of the request is upstream, and the broker shall have all of that.
            Err(Close::RefusedUnacknowledged) => {
                broker.end().await;
                let _ = tokio::time::timeout(LINGER, answering).await;
                (Err(Close::RefusedUnacknowledged), client)
            }
            Err(close) => {
                session.note_end(&close);
                return Err(close);
            }
        }
    };
    answers.end().await;
    let _ = tokio::time::timeout(CLOSING, client.discard()).await;
    ended
}

impl Shared {
    /// Whether somebody waits for memory that answers hold until clients have read them.
    fn is_room_for_answers_wanted(&self) -> bool {
        [&self.local_budget, &self.answer_budget, &self.growth_budget].into_iter().any(Budget::is_wanted)
    }
}

impl Session {
    /// The shares that an answer of the proxy's own needs before it may wait for its turn.
    pub(crate) async fn grants(&self, bytes: usize) -> [Grant; 2] {
        let queued = self.queued.grant(bytes).await;
        [queued, self.shared.local_budget.grant(bytes).await]
    }

    /// A broker that ends may have refused what it does not answer for, as its topic became compacted: what is believed of
    /// the topic is asked for anew, lest the client comes again with the same.
    fn note_end(&self, close: &Close) {
        if matches!(close, Close::BrokerEnded | Close::BrokerFrame(_) | Close::BrokerWrite(_)) {
            self.unanswered.outdate(&self.shared.topics);
        }
    }
}

impl Close {
    /// For the metrics: a closed set.
    pub(crate) fn reason(&self) -> CloseReason {
        match self {
            Self::Connect(ConnectError::UnknownBroker(_)) => CloseReason::UnknownBroker,
            Self::Connect(_) => CloseReason::UpstreamUnreachable,
            Self::Login(_) => CloseReason::UpstreamUnauthenticated,
            Self::ClientWrite(error) | Self::BrokerWrite(error)
                if error.kind() == std::io::ErrorKind::TimedOut =>
            {
                CloseReason::Stalled
            }
            Self::ClientFrame(FrameError::Read(_)) | Self::ClientWrite(_) => CloseReason::Client,
            Self::ClientFrame(FrameError::Slow(_))
            | Self::BrokerFrame(FrameError::Slow(_))
            | Self::SlowAuthentication => CloseReason::Stalled,
            Self::Unauthenticated(_) | Self::Idle(_) => CloseReason::Idle,
            Self::BrokerFrame(FrameError::Read(_)) | Self::BrokerWrite(_) => CloseReason::Io,
            Self::BrokerEnded => CloseReason::Upstream,
            Self::ClientFrame(_)
            | Self::BrokerFrame(_)
            | Self::Request(_)
            | Self::Answer(_)
            | Self::Codec(_)
            | Self::Order(..)
            | Self::Unexpected
            | Self::TooManyProducers
            | Self::TooManyTokens
            | Self::Unsupported(..) => CloseReason::Protocol,
            Self::RefusedUnacknowledged => CloseReason::Unacknowledged,
            Self::KeysUnavailable => CloseReason::KeysUnavailable,
        }
    }
}

impl Shared {
    /// Remembers a topic that no rule matches, for metrics and the admin server.
    pub(crate) fn note_unmatched(&self, name: &Arc<str>) {
        if let Some(seen) = self.topics.note_unmatched(name) {
            tracing::debug!(seen, "a topic that no rule matches");
        }
    }

    pub(crate) fn client_bytes(&self, flow: Flow, bytes: usize) {
        self.metrics.traffic.client_bytes.add(flow, u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    pub(crate) fn upstream_bytes(&self, flow: Flow, bytes: usize) {
        self.metrics.traffic.upstream_bytes.add(flow, u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}
