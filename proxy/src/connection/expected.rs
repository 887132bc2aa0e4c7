//! What the next answer on a connection is.

use crate::budget::Grant;
use crate::frame::Frame;
use crate::handler::{fetch, produce};
use tokio::sync::oneshot;

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
