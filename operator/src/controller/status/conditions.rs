//! Conditions as Kubernetes' conventions have them.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// What a message may have, in the schema of conditions.
const MAX_MESSAGE: usize = 32_768;

/// What is found out of one condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) condition: &'static str,
    pub(crate) holds: Holds,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    True,
    False,
    Unknown,
}

impl Holds {
    fn text(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// One finding.
pub(crate) fn finding(
    condition: &'static str,
    holds: impl Into<Holds>,
    reason: &'static str,
    message: impl Into<String>,
) -> Finding {
    Finding { condition, holds: holds.into(), reason, message: message.into() }
}

/// The conditions of a status. The time of transition stays where a condition stays as it was.
pub(crate) fn conditions(
    findings: &[Finding],
    before: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    findings
        .iter()
        .map(|finding| {
            let status = finding.holds.text().to_owned();
            let same = before.iter().find(|each| each.type_ == finding.condition && each.status == status);
            Condition {
                type_: finding.condition.to_owned(),
                last_transition_time: same.map_or(Time(now), |each| each.last_transition_time.clone()),
                status,
                reason: finding.reason.to_owned(),
                message: finding.message.chars().take(MAX_MESSAGE).collect(),
                observed_generation: generation,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_time_of_transition_moves_with_the_status_alone() {
        let first = conditions(&[finding("Ready", false, "Waiting", "a")], &[], Some(1), at(10));
        let same = conditions(&[finding("Ready", false, "Other", "b")], &first, Some(2), at(20));
        assert_eq!(same[0].last_transition_time, Time(at(10)));
        assert_eq!((same[0].reason.as_str(), same[0].observed_generation), ("Other", Some(2)));
        let turned = conditions(&[finding("Ready", true, "Ready", "")], &same, Some(2), at(30));
        assert_eq!(turned[0].last_transition_time, Time(at(30)));
    }
}
