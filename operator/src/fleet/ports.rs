//! Ports of brokers: every broker has one on every listener, or a name instead.

use proxy_config::BrokerId;

use super::{Fleet, Listener};
use crate::controller::ADMIN_PORT;

/// Ports of brokers are opened in steps of so many, so that new brokers seldom restart proxies.
const BROKER_PORT_STEP: u32 = 16;
/// What is free beyond the highest broker id at least.
const BROKER_PORTS_AHEAD: u32 = 8;

impl Fleet {
    /// How many ports of brokers a listener opens: for all that there are and some more, as far as there is room before
    /// the next port that is taken. What fitted when it was applied must not stop the fleet when brokers are added.
    /// None where brokers have names instead.
    pub fn broker_ports(&self, listener: &Listener) -> u32 {
        if listener.broker_names.is_some() {
            return 0;
        }
        let ids = self.upstream.brokers.keys().next_back().map_or(0, |id| number(*id).saturating_add(1));
        let wanted = ids.saturating_add(BROKER_PORTS_AHEAD).next_multiple_of(BROKER_PORT_STEP);
        let others = self.listeners.iter().map(|other| other.port);
        let next = others.chain([ADMIN_PORT]).filter(|port| *port > listener.port).min();
        // Below the next one, or up to the last port that there is.
        let last = next.map_or(u16::MAX, |port| port - 1);
        let room = u32::from(last - listener.port);
        // The schema keeps listeners so far apart; what is nearer anyway is for the proxies' own reader to refuse.
        wanted.min(room.max(BROKER_PORT_STEP))
    }

    /// The brokers that have a port on a listener.
    pub fn served_brokers(&self, listener: &Listener) -> impl Iterator<Item = BrokerId> {
        let ports = self.broker_ports(listener);
        self.upstream.brokers.keys().copied().filter(move |id| number(*id) < ports)
    }

    /// Listeners without a port for every broker.
    pub fn crowded(&self) -> impl Iterator<Item = &Listener> {
        let brokers = self.upstream.brokers.len();
        let with_ports = self.listeners.iter().filter(|listener| listener.broker_names.is_none());
        with_ports.filter(move |listener| self.served_brokers(listener).count() < brokers)
    }
}

impl Listener {
    /// The port of a broker.
    pub fn broker_port(&self, id: BrokerId) -> u32 {
        u32::from(self.port).saturating_add(1).saturating_add(number(id))
    }
}

/// An id, which is never negative.
fn number(id: BrokerId) -> u32 {
    id.value().unsigned_abs()
}
