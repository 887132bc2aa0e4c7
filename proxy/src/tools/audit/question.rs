//! Can a key, or one version of it, be destroyed without loss?

mod asking;
mod records;
#[cfg(test)]
mod tests;

use super::super::content::Content;
use super::held::Held;
use super::providers::Kind;
use super::{Audit, Audited};
use crate::client::Place;
use records::needed;
use std::sync::Arc;
use thiserror::Error;

/// `PROVIDER/KEY[:VERSION]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    provider: String,
    key: String,
    version: Option<String>,
}

/// A version that is not written as those of its provider would match no record, which would be a wrong yes.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum QuestionError {
    #[error("versions of keys of provider {0} are whole numbers from 1 on, not {1:?}")]
    Number(String, String),
    #[error("versions of keys of provider {0} are ids in hexadecimal, not {1:?}")]
    Id(String, String),
}

/// A question to providers that are configured, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    question: Question,
    kind: Option<Kind>,
    /// Other names of the same provider.
    others: Vec<String>,
    version: Option<Version>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Version {
    /// This one alone.
    Number(u64),
    /// This one and all lower ones.
    UpTo(u64),
    Id(String),
    /// Of a provider that does not tell versions, or cannot destroy them one by one.
    Untold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// No record of any topic needs it, and others show that it is a version of the past.
    Yes,
    No,
    /// Nothing needs it, nor does anything show that there is or was such a key or version.
    NotSeen,
    /// What yes would be, of the topics that were given alone.
    NotInTheseTopics,
}

/// The answer, and why.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) answer: Answer,
    /// One sentence for each reason against it.
    pub(crate) reasons: Vec<String>,
    /// What must hold beside it, and was not looked at.
    pub(crate) conditions: Vec<String>,
    /// Where records need the key.
    pub(crate) dependents: Vec<Dependent>,
}

/// Records of a partition that need the key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dependent {
    pub(crate) place: Arc<Place>,
    pub(crate) version: Option<Arc<str>>,
    pub(crate) records: u64,
    pub(crate) first_offset: i64,
    pub(crate) last_offset: i64,
}

impl Asked {
    /// Without the certainty that nothing needs the key the answer is no.
    pub(crate) fn answer(&self, audit: &Audit) -> Verdict {
        let mut reasons = Vec::new();
        let mut dependents = Vec::new();
        for audited in &audit.partitions {
            dependents.extend(self.dependents(audited, audit.versions_are_certain));
            reasons.extend(uncertain(audited));
        }
        if !dependents.is_empty() {
            reasons.insert(0, needed(&dependents));
        }
        reasons.extend(self.holders(audit).map(Held::reason));
        if self.kind.is_none() {
            reasons.push(format!(
                "provider {} is not configured, so it cannot be told whether it is another name of one that is, nor which \
                 versions it has: give its configuration with --config",
                self.question.provider
            ));
        } else if let (Some(version), true) =
            (&self.question.version, dependents.iter().any(|dependent| dependent.version.is_none()))
        {
            reasons.push(format!(
                "whether some of them need version {version} cannot be told: ask by the key alone"
            ));
        }
        if audit.every > 1 {
            reasons.push(format!("only one part in {} was read, and a sample proves nothing", audit.every));
        }
        reasons.extend(audit.doubts.iter().cloned());
        let answer = match () {
            () if !reasons.is_empty() => Answer::No,
            () if !self.is_of_the_past(audit) => Answer::NotSeen,
            () if audit.all_topics => Answer::Yes,
            () => Answer::NotInTheseTopics,
        };
        let conditions = if answer == Answer::No { Vec::new() } else { self.conditions(audit) };
        Verdict { answer, reasons, conditions, dependents }
    }

    /// Records under a later version show that the key is named right and that the version is one of the past. Nothing can show
    /// it of a whole key, since no record names it any more, nor of ids, which have no order.
    fn is_of_the_past(&self, audit: &Audit) -> bool {
        let (Some(Version::Number(asked) | Version::UpTo(asked)), true) =
            (&self.version, audit.versions_are_certain)
        else {
            return false;
        };
        let rows = audit.partitions.iter().flat_map(|audited| audited.tally.rows());
        rows.filter_map(|row| match &row.content {
            Content::Sealed(protection) if self.is_key_of(protection) => protection.version.as_deref(),
            _ => None,
        })
        .any(|version| version.parse::<u64>().is_ok_and(|seen| seen > *asked))
    }

    /// What the policy holds under the key.
    fn holders<'a>(&self, audit: &'a Audit) -> impl Iterator<Item = &'a Held> {
        let certain = audit.versions_are_certain;
        audit.held.iter().flatten().filter(move |held| self.asks_for(&held.protection, certain))
    }

    fn conditions(&self, audit: &Audit) -> Vec<String> {
        let mut conditions = vec![
            "data keys under it that proxies hold in memory still seal: it must be out of use for keys.maxAge, or since \
             POST /keys/rotate on every proxy, before the audit began"
                .to_owned(),
            "no alias of the key, and no provider that is not in --config, leads to the same key".to_owned(),
            "no copy elsewhere needs it: mirrors, backups, snapshots of disks, segments that brokers are about to delete"
                .to_owned(),
        ];
        if audit.all_topics {
            conditions.push(
                "this identity may describe every topic (Describe on topic *): brokers do not show others, which were not \
                 read"
                    .to_owned(),
            );
        }
        if audit.held.is_none() {
            conditions.push(
                "no rule has a recordKeys.pseudonymKey that it wraps: the file of --config has no policy to look at"
                    .to_owned(),
            );
        }
        if let Some(Version::UpTo(version)) = &self.version {
            conditions.push(format!("lower versions end with it: the answer is of 1 to {version}"));
        }
        conditions
    }
}

/// Why nothing is sure about a partition.
fn uncertain(audited: &Audited) -> Option<String> {
    let place = audited.place();
    if audited.tally.any(|content| matches!(content, Content::Damaged(_))) {
        return Some(format!("{place} has damaged records, whose keys cannot be told"));
    }
    if audited.tally.any(|content| matches!(content, Content::Legacy(_))) {
        return Some(format!("{place} has records of an earlier program, whose keys are not told apart"));
    }
    let beyond = audited.tally.beyond();
    (beyond > 0).then(|| format!("{place} has {beyond} records of more keys than can be told apart"))
}
