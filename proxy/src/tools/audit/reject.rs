//! When `onPlaintext: Reject` refuses nothing more of what a topic holds.
//!
//! Brokers remove whole segments: one goes once its newest record is older than `retention.ms`, and those in front of it went.
//! Where segments begin they do not tell, but `segment.ms` bounds how much newer the last record of one can be than its first.

use super::super::content::Content;
use super::Audited;
use crate::client::{ClientError, Cluster};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const POLICY: &str = "cleanup.policy";
const RETENTION: &str = "retention.ms";
const SEGMENT: &str = "segment.ms";
/// The last second that is written with four digits for the year.
const LAST_SECOND: u64 = 253_402_300_799;

/// What a rule with `Reject` would refuse of a topic.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rejection {
    pub(super) topic: Arc<str>,
    /// Records in clear, or encrypted by another program.
    pub(super) clear: u64,
    pub(super) safe: Safe,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Safe {
    Now,
    /// Between these times, in milliseconds since 1970.
    ByRetention {
        from: u64,
        latest: u64,
    },
    /// Retention does not bring it about.
    Never(String),
    Unknown(String),
}

/// What all partitions of a topic come to.
#[derive(Debug, Default)]
struct Found {
    clear: u64,
    is_refusable: bool,
    newest: Option<i64>,
    untimed: bool,
    damaged: bool,
}

/// Asks brokers how long topics with such records keep them.
pub(super) async fn ask(
    cluster: &mut Cluster,
    partitions: &[Audited],
    every: u64,
    has_doubts: bool,
) -> Vec<Rejection> {
    let mut rejections = Vec::new();
    for (topic, found) in gather(partitions) {
        let safe = match found.without_configuration(every, has_doubts) {
            Some(safe) => safe,
            None => match cluster.topic_config(&topic, &[POLICY, RETENTION, SEGMENT]).await {
                Ok(config) => found.by_retention(&config),
                Err(error) => Safe::Unknown(unasked(&error)),
            },
        };
        rejections.push(Rejection { topic, clear: found.clear, safe });
    }
    rejections
}

fn gather(partitions: &[Audited]) -> BTreeMap<Arc<str>, Found> {
    let mut topics: BTreeMap<Arc<str>, Found> = BTreeMap::new();
    for audited in partitions {
        let found = topics.entry(Arc::clone(&audited.topic)).or_default();
        let clear = audited.tally.count(|content| matches!(content, Content::Clear | Content::Legacy(_)));
        found.clear = found.clear.saturating_add(clear);
        found.damaged |= audited.has_damage();
        if let Some(refusable) = audited.tally.refusable() {
            found.is_refusable = true;
            found.untimed |= refusable.newest.is_none();
            found.newest = found.newest.max(refusable.newest);
        }
    }
    topics
}

/// Rights of whoever audits need not go so far.
fn unasked(error: &ClientError) -> String {
    format!("its configuration cannot be read: {}", crate::telemetry::chain(error))
}

impl Found {
    fn without_configuration(&self, every: u64, has_doubts: bool) -> Option<Safe> {
        if every > 1 {
            return Some(Safe::Unknown("only a sample was read".to_owned()));
        }
        if has_doubts {
            return Some(Safe::Unknown("topics changed while they were read".to_owned()));
        }
        if self.damaged {
            return Some(Safe::Unknown("damaged records may be in clear".to_owned()));
        }
        if !self.is_refusable {
            return Some(Safe::Now);
        }
        self.untimed.then(|| Safe::Unknown("records in clear have no timestamps".to_owned()))
    }

    fn by_retention(&self, config: &HashMap<String, String>) -> Safe {
        let Some(policy) = config.get(POLICY) else {
            return Safe::Unknown(format!("the broker does not tell {POLICY}"));
        };
        if !policy.split(',').any(|each| each.trim() == "delete") {
            return Safe::Never(format!("{POLICY} is {policy}"));
        }
        let milliseconds = |name: &str| config.get(name).and_then(|value| value.trim().parse::<i64>().ok());
        let (Some(retention), Some(segment)) = (milliseconds(RETENTION), milliseconds(SEGMENT)) else {
            return Safe::Unknown(format!("the broker does not tell {RETENTION} and {SEGMENT}"));
        };
        let Ok(retention) = u64::try_from(retention) else {
            return Safe::Never(format!("{RETENTION} is {retention}"));
        };
        let newest = self.newest.and_then(|newest| u64::try_from(newest).ok()).unwrap_or(0);
        let from = newest.saturating_add(retention);
        let latest = from.saturating_add(u64::try_from(segment).unwrap_or(0));
        if from / 1000 > LAST_SECOND {
            return Safe::Never(format!(
                "{RETENTION} ({retention}) or the timestamps of records lead too far"
            ));
        }
        Safe::ByRetention { from, latest }
    }
}

impl Rejection {
    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let safe = match &self.safe {
            Safe::Now => json!({"when": "now"}),
            Safe::ByRetention { from, latest } => {
                json!({"when": "retention", "from": time(*from), "latest": time(*latest)})
            }
            Safe::Never(reason) => json!({"when": "never", "reason": reason}),
            Safe::Unknown(reason) => json!({"when": "unknown", "reason": reason}),
        };
        json!({"topic": self.topic, "clearRecords": self.clear, "rejectIsSafe": safe})
    }
}

/// For people.
impl fmt::Display for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::ByRetention { from, latest } => {
                write!(f, "by retention, from {}", time(*from).unwrap_or_default())?;
                match time(*latest) {
                    Some(latest) => write!(f, " to {latest} at the latest"),
                    None => Ok(()),
                }
            }
            Self::Never(reason) => write!(f, "never by itself: {reason}"),
            Self::Unknown(reason) => write!(f, "not known: {reason}"),
        }
    }
}

/// Whole seconds, rounded up: not before they are over.
fn time(milliseconds: u64) -> Option<String> {
    let seconds = milliseconds.div_ceil(1000);
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    (seconds <= LAST_SECOND).then(|| humantime::format_rfc3339_seconds(time).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn found(newest: i64) -> Found {
        Found { clear: 1, is_refusable: true, newest: Some(newest), ..Found::default() }
    }

    fn config(policy: &str, retention: &str) -> HashMap<String, String> {
        let segment = DAY.to_string();
        [(POLICY, policy), (RETENTION, retention), (SEGMENT, &segment)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn retention_counts_from_the_newest_record_in_front() {
        let week = (7 * DAY).to_string();
        for policy in ["delete", "compact,delete", "compact, delete"] {
            let safe = found(DAY).by_retention(&config(policy, &week));
            assert_eq!(
                safe.to_string(),
                "by retention, from 1970-01-09T00:00:00Z to 1970-01-10T00:00:00Z at the latest"
            );
        }
        let rounded = found(DAY + 1).by_retention(&config("delete", &week)).to_string();
        assert!(rounded.contains("from 1970-01-09T00:00:01Z"), "{rounded}");
    }

    #[test]
    fn a_log_that_keeps_its_records_never_loses_them_by_itself() {
        for (policy, retention) in
            [("compact", "1"), ("", "1"), ("delete", "-1"), ("delete", "9223372036854775807")]
        {
            let safe = found(DAY).by_retention(&config(policy, retention));
            assert!(matches!(safe, Safe::Never(_)), "{policy} {retention}: {safe}");
        }
        assert!(matches!(found(i64::MAX).by_retention(&config("delete", "1")), Safe::Never(_)));
    }

    #[test]
    fn nothing_is_said_of_what_was_not_seen() {
        assert_eq!(Found::default().without_configuration(1, false), Some(Safe::Now));
        assert_eq!(found(1).without_configuration(1, false), None);
        let unknown = [
            Found::default().without_configuration(2, false),
            Found::default().without_configuration(1, true),
            Found { damaged: true, ..Found::default() }.without_configuration(1, false),
            Found { untimed: true, ..found(1) }.without_configuration(1, false),
            Some(found(1).by_retention(&HashMap::new())),
        ];
        assert!(unknown.iter().all(|safe| matches!(safe, Some(Safe::Unknown(_)))), "{unknown:?}");
    }
}
