//! Where brokers are: addresses written in the configuration, complemented by those that answers carry.
//!
//! Broker *n* is reached at its own port of each listener, so broker identity stays one to one and routing,
//! fetch sessions, transactions and SASL stay as the broker defines them.

use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// A broker's address as clients of the broker would use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// More brokers than any cluster has; keeps a hostile answer from filling memory.
const MAX_BROKERS: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Brokers {
    /// From the configuration: never changed by what an answer says.
    configured: BTreeMap<i32, Address>,
    learned: ArcSwap<BTreeMap<i32, Address>>,
    writer: Mutex<()>,
}

impl Brokers {
    pub(crate) fn new(configured: BTreeMap<i32, Address>) -> Self {
        Self { configured, learned: ArcSwap::default(), writer: Mutex::new(()) }
    }

    pub(crate) fn address(&self, node_id: i32) -> Option<Address> {
        self.configured.get(&node_id).cloned().or_else(|| self.learned.load().get(&node_id).cloned())
    }

    /// Remembers the address in an answer. Cheap when it is known.
    pub(crate) fn learn(&self, node_id: i32, host: &str, port: i32) {
        let Ok(port) = u16::try_from(port) else { return };
        if node_id < 0 || host.is_empty() || self.configured.contains_key(&node_id) {
            return;
        }
        let known = |map: &BTreeMap<i32, Address>| {
            map.get(&node_id).is_some_and(|address| address.host == host && address.port == port)
        };
        if known(&self.learned.load()) {
            return;
        }
        let _writer = self.writer.lock();
        let mut map = BTreeMap::clone(&self.learned.load());
        if map.len() < MAX_BROKERS || map.contains_key(&node_id) {
            map.insert(node_id, Address { host: host.to_owned(), port });
            tracing::info!(broker = node_id, "learned a broker's address");
            self.learned.store(map.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, port: u16) -> Address {
        Address { host: host.to_owned(), port }
    }

    #[test]
    fn an_answer_never_replaces_a_configured_address() {
        let brokers = Brokers::new(BTreeMap::from([(0, address("kafka-0", 9092))]));
        brokers.learn(0, "elsewhere", 1);
        brokers.learn(1, "kafka-1", 9092);
        assert_eq!(brokers.address(0), Some(address("kafka-0", 9092)));
        assert_eq!(brokers.address(1), Some(address("kafka-1", 9092)));
        assert_eq!(brokers.address(2), None);
    }

    #[test]
    fn a_learned_address_follows_the_broker() {
        let brokers = Brokers::new(BTreeMap::new());
        brokers.learn(1, "old", 9092);
        brokers.learn(1, "new", 9093);
        assert_eq!(brokers.address(1), Some(address("new", 9093)));
    }

    #[test]
    fn unusable_addresses_are_not_learned() {
        let brokers = Brokers::new(BTreeMap::new());
        brokers.learn(-1, "controller", 9093);
        brokers.learn(1, "", 9092);
        brokers.learn(2, "host", 70_000);
        assert!((-1..3).all(|node| brokers.address(node).is_none()));
    }
}
