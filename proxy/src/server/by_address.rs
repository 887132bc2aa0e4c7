//! How many connections each address has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections by the address that they come from. There are never more addresses than connections.
pub(super) struct ByAddress {
    most: Option<usize>,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection that is counted until this is dropped.
pub(super) struct Counted {
    counts: Arc<ByAddress>,
    address: IpAddr,
}

impl ByAddress {
    /// With no limit nothing is counted.
    pub(super) fn new(most: Option<usize>) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    /// Takes one more connection of an address, if that has not its share already.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Option<Counted>, TooMany> {
        let Some(most) = self.most else { return Ok(None) };
        let address = address.to_canonical();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.get(&address).copied().unwrap_or_default();
        if count >= most {
            return Err(TooMany(most));
        }
        open.insert(address, count + 1);
        Ok(Some(Counted { counts: Arc::clone(self), address }))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.counts.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&self.address)),
        }
    }
}

/// An address has its share of connections.
#[derive(Debug, thiserror::Error)]
#[error("its address has {0} connections already, see limits.connectionsPerAddress")]
pub(super) struct TooMany(usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_share_and_gets_it_back() {
        let counts = ByAddress::new(Some(2));
        let [one, other] = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse::<IpAddr>().unwrap());
        let (first, second) = (counts.enter(one).unwrap(), counts.enter(one).unwrap());
        assert!(counts.enter(one).is_err());
        assert!(counts.enter("::ffff:192.0.2.1".parse().unwrap()).is_err(), "the same in another spelling");
        let third = counts.enter(other).unwrap();
        drop(first);
        let fourth = counts.enter(one).unwrap();
        drop((second, third, fourth));
        assert!(counts.open.lock().unwrap().is_empty(), "addresses without connections take no memory");
    }

    #[test]
    fn without_a_limit_nobody_is_counted() {
        let counts = ByAddress::new(None);
        assert!((0..1000).all(|_| counts.enter(IpAddr::from([192, 0, 2, 1])).unwrap().is_none()));
    }
}
