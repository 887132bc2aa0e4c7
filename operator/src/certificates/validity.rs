//! How long certificates last.

use jiff::{SignedDuration, Timestamp};

/// Certificates begin earlier than now, for clients whose clocks are behind.
pub(super) const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(1);

const DAY: i64 = 24;
/// Far beyond use, and far from the end of representable time.
const LONGEST: SignedDuration = SignedDuration::from_hours(100 * 366 * DAY);

/// How long certificates last, and when they are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    authority: SignedDuration,
    renewal: SignedDuration,
    server: SignedDuration,
    overlap: SignedDuration,
}

/// Why durations do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValidityError {
    /// Too short or too long for anything.
    #[error("each duration lies between 1 second and 100 years")]
    Range,
    /// There is no time before the renewal.
    #[error("an authority must last longer than the time before its end at which it is renewed")]
    Renewal,
    /// An authority could end before its successor is in use.
    #[error("the overlap must be at most half the time before its end at which an authority is renewed")]
    Overlap,
}

impl Validity {
    /// `authority`, `server`: how long certificates last. `renewal`: how long before the end of an authority its successor is
    /// made. `overlap`: how long clients have to fetch the bundle again. Server certificates are renewed when a third of their
    /// life is left.
    pub fn new(
        authority: SignedDuration,
        renewal: SignedDuration,
        server: SignedDuration,
        overlap: SignedDuration,
    ) -> Result<Self, ValidityError> {
        let sensible = SignedDuration::from_secs(1)..=LONGEST;
        if ![authority, renewal, server, overlap].iter().all(|duration| sensible.contains(duration)) {
            return Err(ValidityError::Range);
        }
        if renewal >= authority {
            return Err(ValidityError::Renewal);
        }
        if overlap > renewal / 2 {
            return Err(ValidityError::Overlap);
        }
        Ok(Self { authority, renewal, server, overlap })
    }

    /// The same with another overlap.
    pub fn with_overlap(self, overlap: SignedDuration) -> Result<Self, ValidityError> {
        Self::new(self.authority, self.renewal, self.server, overlap)
    }

    pub(super) fn authority(&self) -> SignedDuration {
        self.authority
    }

    pub(super) fn server(&self) -> SignedDuration {
        self.server
    }

    pub(super) fn overlap(&self) -> SignedDuration {
        self.overlap
    }

    /// When the successor of an authority with this end is made.
    pub(super) fn renew_authority_at(&self, not_after: Timestamp) -> Timestamp {
        later(not_after, -self.renewal)
    }
}

impl Default for Validity {
    /// A year, renewed 30 days before its end; 90 days for servers; a day of overlap.
    fn default() -> Self {
        Self {
            authority: SignedDuration::from_hours(365 * DAY),
            renewal: SignedDuration::from_hours(30 * DAY),
            server: SignedDuration::from_hours(90 * DAY),
            overlap: SignedDuration::from_hours(DAY),
        }
    }
}

/// Later by that much, or the end of time.
pub(super) fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    time.checked_add(by).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_that_would_leave_a_gap_are_refused() {
        let seconds = SignedDuration::from_secs;
        let new = |a, r, s, o| Validity::new(seconds(a), seconds(r), seconds(s), seconds(o)).map(|_| ());
        assert_eq!(new(60, 20, 30, 10), Ok(()));
        assert_eq!(new(60, 20, 30, 11), Err(ValidityError::Overlap));
        assert_eq!(new(60, 60, 30, 10), Err(ValidityError::Renewal));
        assert_eq!(new(60, 20, 0, 10), Err(ValidityError::Range));
        assert_eq!(new(60, 20, i64::MAX, 10), Err(ValidityError::Range));
        assert_eq!(new(60, 20, 30, -1), Err(ValidityError::Range));
    }

    #[test]
    fn the_defaults_obey_the_rules() {
        let default = Validity::default();
        assert_eq!(default.with_overlap(default.overlap), Ok(default));
    }
}
