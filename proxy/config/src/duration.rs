//! Spans of time as people write them.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::reader::Field;

/// Whole seconds, written as in Kubernetes and Prometheus: `90s`, `10m`, `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u32);

const UNITS: [(char, u32); 3] = [('h', 3600), ('m', 60), ('s', 1)];

impl Span {
    /// So many seconds.
    pub const fn seconds(seconds: u32) -> Self {
        Self(seconds)
    }

    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }

    /// Reads hours, minutes and seconds, in this order, each at most once.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut rest, mut seconds) = (text, 0_u32);
        for (unit, factor) in UNITS {
            let Some((number, after)) = rest.split_once(unit) else { continue };
            let digits = (1..=9).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            let number = digits.then(|| number.parse::<u32>().ok()).flatten()?;
            seconds = seconds.checked_add(number.checked_mul(factor)?)?;
            rest = after;
        }
        (rest.is_empty() && !text.is_empty()).then_some(Self(seconds))
    }

    /// A span within a range.
    pub(crate) fn read(field: &Field<'_>, range: RangeInclusive<Self>) -> Option<Self> {
        field.parsed(|text| {
            let wanted = || {
                format!("must be a time from {} to {}, such as 90s, 10m or 1h", range.start(), range.end())
            };
            Self::parse(text).filter(|span| range.contains(span)).ok_or_else(wanted)
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (unit, factor) in UNITS {
            if rest >= factor {
                write!(f, "{}{unit}", rest / factor)?;
                rest %= factor;
            }
        }
        if self.0 == 0 { f.write_str("0s") } else { Ok(()) }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["0s", "30s", "10m", "1h", "1h30m", "24h", "1h1m1s"] {
            assert_eq!(Span::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Span::parse("90s"), Span::parse("1m30s"));
    }

    #[test]
    fn takes_nothing_else() {
        for text in ["", "10", "m", "1d", "1m1h", "-1s", "1.5h", "1s ", "9999999999s", "1s1s", "999999999h"] {
            assert_eq!(Span::parse(text), None, "{text:?}");
        }
    }
}
