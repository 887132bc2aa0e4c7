//! No port twice, and a port for every broker.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use super::{Admin, Listener, Upstream};
use crate::error::Mistakes;

/// Ports that something wants to bind on an IP address.
struct Claim {
    path: String,
    ip: IpAddr,
    ports: RangeInclusive<u16>,
}

/// Notes every pair of claims that cannot both be bound, and every configured broker that a listener has no
/// port for.
pub(super) fn check(
    mistakes: &Mistakes,
    listeners: &[Option<Listener>],
    admin: Admin,
    upstream: Option<&Upstream>,
) {
    let mut claims = vec![Claim::one("admin.bind".to_owned(), admin.bind)];
    for (index, listener) in listeners.iter().enumerate() {
        let Some(listener) = listener else { continue };
        let path = format!("listeners[{index}]");
        claims.push(Claim::one(format!("{path}.bind"), listener.bind));
        let Some(ports) = listener.broker_ports() else { continue };
        claims.push(Claim {
            path: format!("{path}.brokerPorts"),
            ip: listener.bind.ip(),
            ports: ports.ports(),
        });
        let last = upstream.and_then(|upstream| upstream.brokers.keys().next_back());
        if let Some(broker) = last.filter(|broker| ports.port(**broker).is_none()) {
            let count = ports.count();
            let problem =
                format!("has no port for broker {broker} of upstream.brokers, only for 0 to {}", count - 1);
            mistakes.add(format!("{path}.brokerPorts"), problem);
        }
    }
    for (index, later) in claims.iter().enumerate() {
        for earlier in claims.iter().take(index) {
            if let Some(port) = later.collision(earlier) {
                mistakes.add(
                    later.path.clone(),
                    format!("wants port {port}, which {} has already", earlier.path),
                );
            }
        }
    }
}

impl Claim {
    fn one(path: String, bind: SocketAddr) -> Self {
        Self { path, ip: bind.ip(), ports: bind.port()..=bind.port() }
    }

    /// The first port that both want on an address of both.
    fn collision(&self, other: &Self) -> Option<u16> {
        let first = *self.ports.start().max(other.ports.start());
        let last = *self.ports.end().min(other.ports.end());
        (first <= last && share_address(self.ip, other.ip)).then_some(first)
    }
}

/// Whether two binds reach a common address. `[::]` is taken to include IPv4, as it does on Linux by default.
fn share_address(a: IpAddr, b: IpAddr) -> bool {
    let (a, b) = (a.to_canonical(), b.to_canonical());
    let covers = |wide: IpAddr, other: IpAddr| wide.is_unspecified() && (wide.is_ipv6() || other.is_ipv4());
    a == b || covers(a, b) || covers(b, a)
}
