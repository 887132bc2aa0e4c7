//! Tokens that a stand-in gives out and knows again.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Tokens of a stand-in, each for somebody and for so long.
#[derive(Debug)]
pub(super) struct Tokens {
    issued: Mutex<HashMap<String, (String, Instant)>>,
    life: Mutex<Duration>,
    expired: AtomicUsize,
}

impl Default for Tokens {
    fn default() -> Self {
        let (issued, expired) = (Mutex::default(), AtomicUsize::new(0));
        Self { issued, life: Mutex::new(Duration::from_hours(1)), expired }
    }
}

impl Tokens {
    /// A token for somebody, and its life in seconds.
    pub(super) fn issue(&self, to: &str) -> (String, u64) {
        let life = *self.life.lock().unwrap();
        let mut issued = self.issued.lock().unwrap();
        let token = format!("access-token-{}-of-{to}", issued.len());
        issued.insert(token.clone(), (to.to_owned(), Instant::now() + life.min(Duration::from_hours(24))));
        (token, life.as_secs())
    }

    /// For whom a token is, while it lives.
    pub(super) fn whose(&self, token: Option<&str>) -> Option<String> {
        let (to, end) = self.issued.lock().unwrap().get(token?)?.clone();
        if Instant::now() < end {
            return Some(to);
        }
        self.expired.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Tokens from now on live so long.
    pub(super) fn live(&self, life: Duration) {
        *self.life.lock().unwrap() = life;
    }

    /// Ends all tokens.
    pub(super) fn withdraw(&self) {
        for (_, end) in self.issued.lock().unwrap().values_mut() {
            *end = Instant::now();
        }
    }

    /// How many were given out.
    pub(super) fn count(&self) -> usize {
        self.issued.lock().unwrap().len()
    }

    /// How many calls came with a token that had ended.
    pub(super) fn expired(&self) -> usize {
        self.expired.load(Ordering::Relaxed)
    }
}
