//! How long keys live and how providers are asked.

use std::time::Duration;

/// Budgets of data keys, and patience with providers. The defaults are those of the documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLimits {
    /// Messages that a data key seals: batches in batch format, records in record format.
    pub messages: u64,
    /// Bytes that a data key seals.
    pub bytes: u64,
    /// Age at which a data key ends.
    pub age: Duration,
    /// Percent of any limit after which what comes next is fetched in the background.
    pub refresh_percent: u32,
    /// Age at which an answer is asked again, so that a revoked key stops within this time.
    pub revocation_delay: Duration,
    /// Age until which an answer serves while the provider does not answer.
    pub outage_grace: Duration,
    /// Unwrapped data keys that are remembered.
    pub cache_entries: u64,
    /// Data keys of stored records that one provider is asked for a second, at most, after as many at once; and, apart from them,
    /// calls a second by which keys are tried.
    pub calls_per_second: u32,
    /// Patience with a call.
    pub call_timeout: Duration,
    /// After a failure the same question gets the same failure for this time, and up to half as long again.
    pub failure_pause: Duration,
    /// Calls without an answer, one after the other, after which a provider is left alone.
    pub breaker_failures: u32,
    /// How long it is left alone, and up to half as long again, before one call tries it.
    pub breaker_pause: Duration,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self {
            messages: 1 << 32,
            bytes: 64 << 30,
            age: Duration::from_hours(1),
            refresh_percent: 80,
            revocation_delay: Duration::from_mins(10),
            outage_grace: Duration::from_hours(1),
            cache_entries: 10_000,
            calls_per_second: 50,
            call_timeout: Duration::from_secs(5),
            failure_pause: Duration::from_secs(1),
            breaker_failures: 5,
            breaker_pause: Duration::from_secs(2),
        }
    }
}

impl KeyLimits {
    /// The part of a count after which the next is fetched.
    pub(super) fn early(&self, limit: u64) -> u64 {
        let percent = u128::from(self.refresh_percent.min(100));
        u64::try_from(u128::from(limit) * percent / 100).unwrap_or(limit)
    }

    /// Age from which no answer serves, whatever the provider does.
    pub(super) fn longest(&self) -> Duration {
        self.outage_grace.max(self.revocation_delay)
    }

    /// The part of a time after which the next is fetched.
    pub(super) fn early_time(&self, limit: Duration) -> Duration {
        limit.saturating_mul(self.refresh_percent.min(100)) / 100
    }
}

/// A pause up to half as long again, so that many proxies do not ask at the same moment.
pub(super) fn jittered(pause: Duration) -> Duration {
    let mut random = [0; 2];
    // Without randomness the pause is just not spread.
    let _ = aws_lc_rs::rand::fill(&mut random);
    pause.saturating_add(pause.saturating_mul(u32::from(u16::from_be_bytes(random))) / (2 * 65_536))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn pauses_are_spread_over_half_as_long_again() {
        let pause = Duration::from_secs(2);
        let pauses: BTreeSet<_> = (0..100).map(|_| jittered(pause)).collect();
        assert!(pauses.iter().all(|each| (pause..pause * 3 / 2).contains(each)), "{pauses:?}");
        // Of 65,536 steps a hundred draws meet the same one now and then, but never half of them.
        assert!(pauses.len() > 50, "{pauses:?}");
    }
}
