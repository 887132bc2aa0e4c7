//! What the next answer on a connection is.

use super::Close;
use crate::budget::Grant;
use crate::frame::Frame;
use crate::handler::{fetch, produce};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

/// Answers that a connection may wait for.
const PIPELINE: usize = 128;

/// The end of the queue at which requests put what they expect.
pub(crate) struct Queue {
    sender: mpsc::Sender<Expected>,
    awaited: Arc<AtomicUsize>,
}

/// The end at which answers take it.
pub(crate) struct Due {
    receiver: mpsc::Receiver<Expected>,
    awaited: Arc<AtomicUsize>,
}

/// A queue of the answers of one connection.
pub(crate) fn queue() -> (Queue, Due) {
    let (sender, receiver) = mpsc::channel(PIPELINE);
    let awaited = Arc::<AtomicUsize>::default();
    (Queue { sender, awaited: Arc::clone(&awaited) }, Due { receiver, awaited })
}

impl Queue {
    /// Puts an entry, once there is room.
    pub(crate) async fn put(&self, expected: Expected) -> Result<(), Close> {
        self.awaited.fetch_add(1, Ordering::Relaxed);
        self.sender.send(expected).await.map_err(|_| Close::BrokerEnded)
    }

    /// Waits until there is room for so many.
    pub(crate) async fn wait_for_room(&self, places: usize) -> Result<(), Close> {
        self.sender.reserve_many(places).await.map(drop).map_err(|_| Close::BrokerEnded)
    }

    /// Whether an answer is still to come.
    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed) > 0
    }
}

impl Due {
    /// The next entry; none once no request is read any more.
    pub(crate) async fn next(&mut self) -> Option<Expected> {
        self.receiver.recv().await
    }

    /// The next entry if there is one already.
    pub(crate) fn at_once(&mut self) -> Option<Expected> {
        self.receiver.try_recv().ok()
    }

    /// The answer to the entry that was taken last is out.
    pub(crate) fn mark_answered(&self) {
        self.awaited.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One entry of the queue between the halves of a connection.
pub(crate) enum Expected {
    /// The broker's next frame must carry this correlation id.
    Broker { correlation_id: i32, answer: Answer },
    /// The answer to a token of SASL: the broker's next frame, whatever it is, unless nobody waits for it any more.
    Token(oneshot::Sender<Frame>),
    /// The proxy answers by itself, when it is its turn: a whole message without length prefix.
    Local {
        message: Vec<u8>,
        /// Its shares of the connection's queue and of all connections' budget, held until it is written.
        grants: [Grant; 2],
    },
}

/// What is to be done with a broker's answer.
pub(crate) enum Answer {
    /// To the client as it is.
    Relay,
    /// The same, and topics may have been altered.
    Alteration {
        api_key: i16,
        version: i16,
    },
    ApiVersions {
        version: i16,
    },
    Metadata {
        version: i16,
    },
    FindCoordinator {
        version: i16,
    },
    DescribeCluster {
        version: i16,
    },
    SaslHandshake,
    SaslAuthenticate {
        version: i16,
    },
    Produce(Box<produce::Sent>),
    Fetch(fetch::Asked),
    ShareFetch {
        version: i16,
    },
    ShareAcknowledge {
        version: i16,
    },
    /// The proxy asked for itself.
    Injected(oneshot::Sender<Frame>),
}
