//! Free loopback ports that no other test process takes meanwhile.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;

/// Below the ephemeral range (from 32768 on Linux), or a connection's own port may be in the way.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;

/// Consecutive ports, ours until dropped: each is bound once to see that it is free, and a locked file keeps other
/// test processes away until its owner binds it. The lock ends with the process.
#[derive(Debug)]
pub struct Ports {
    first: u16,
    locks: Vec<File>,
}

impl Ports {
    /// Takes `count` consecutive ports.
    pub fn take(count: u16) -> Self {
        let folder = std::env::temp_dir().join("strimzi-topic-encryption-ports");
        fs::create_dir_all(&folder).expect("the folder for port locks can be made");
        let range = LAST - FIRST - count;
        let start =
            u16::try_from(RandomState::new().hash_one(0) % u64::from(range)).expect("it is below the range");
        for step in 0..range {
            let first = FIRST + (start + step) % range;
            let locks: Option<Vec<File>> = (first..first + count)
                .map(|port| {
                    let lock = File::create(folder.join(port.to_string())).ok()?;
                    lock.try_lock().ok()?;
                    TcpListener::bind(("127.0.0.1", port)).ok()?;
                    Some(lock)
                })
                .collect();
            if let Some(locks) = locks {
                return Self { first, locks };
            }
        }
        panic!("no {count} consecutive ports are free between {FIRST} and {LAST}");
    }

    /// The n-th of them.
    pub fn port(&self, n: usize) -> u16 {
        assert!(n < self.locks.len(), "only {} ports were taken", self.locks.len());
        self.first + u16::try_from(n).expect("ports are few")
    }
}
