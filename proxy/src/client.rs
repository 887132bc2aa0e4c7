//! A small Kafka client for the tools of the command line: it reads logs as they are stored, and appends to them.
//!
//! It goes to brokers as the proxy does, with the same TLS and authentication, and believes an answer only after the
//! same checks. Each broker has one connection, on which one request is out at a time; what a broker answers is bounded
//! by the size of a frame.

mod configs;
mod connection;
mod error;
mod leaders;
mod offsets;
mod partitions;
mod produce;

use crate::brokers::Address;
use crate::upstream::Upstream;
use connection::Connection;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub(crate) use error::ClientError;
pub(crate) use offsets::Bound;
pub(crate) use partitions::{Aborted, Isolation, Topic};
pub(crate) use produce::{Appended, ProducerId};

/// An answer that is larger is refused: metadata of all topics, or the batches of one fetch.
const MAX_FRAME: usize = 256 * 1024 * 1024;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A cluster, as far as it was asked for.
pub(crate) struct Cluster {
    upstream: Upstream,
    /// Addresses that were written down: brokers may tell others, which are not to be reached from here.
    configured: BTreeMap<i32, Address>,
    brokers: BTreeMap<i32, Address>,
    leaders: HashMap<Place, i32>,
    connections: HashMap<i32, Connection>,
    /// To whichever broker answered first.
    any: Option<Connection>,
    /// As brokers named the cluster last.
    id: Option<String>,
}

impl Cluster {
    /// Connects when first asked.
    pub(crate) fn new(upstream: Upstream, configured: BTreeMap<i32, Address>) -> Self {
        Self {
            upstream,
            configured,
            brokers: BTreeMap::new(),
            leaders: HashMap::new(),
            connections: HashMap::new(),
            any: None,
            id: None,
        }
    }

    /// The id of the cluster, once topics were asked for.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// A connection to any broker.
    async fn any(&mut self) -> Result<&mut Connection, ClientError> {
        if self.any.as_ref().is_none_or(Connection::is_stale) {
            self.any = None;
            let mut last = ClientError::NoBroker;
            for address in self.upstream.bootstrap() {
                match Connection::open(&self.upstream, address).await {
                    Ok(connection) => {
                        self.any = Some(connection);
                        break;
                    }
                    Err(error) => last = error,
                }
            }
            if self.any.is_none() {
                return Err(last);
            }
        }
        self.any.as_mut().ok_or(ClientError::NoBroker)
    }

    /// A connection to a broker.
    async fn broker(&mut self, node: i32) -> Result<&mut Connection, ClientError> {
        if self.connections.get(&node).is_none_or(Connection::is_stale) {
            self.connections.remove(&node);
            let address = self.configured.get(&node).or_else(|| self.brokers.get(&node));
            let address = address.ok_or(ClientError::UnknownBroker(node))?;
            let connection = Connection::open(&self.upstream, address).await?;
            self.connections.insert(node, connection);
        }
        self.connections.get_mut(&node).ok_or(ClientError::UnknownBroker(node))
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("brokers", &self.brokers).finish_non_exhaustive()
    }
}
