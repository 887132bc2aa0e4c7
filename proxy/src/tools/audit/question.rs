//! Can a key, or one version of it, be destroyed without loss?

#[cfg(test)]
mod tests;

use super::super::content::{Content, Protection};
use super::providers::{Kind, Providers};
use super::{Audit, Audited};
use crate::client::Place;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
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
    /// Of a provider that does not tell versions.
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

impl FromStr for Question {
    type Err = String;

    /// A version has neither '/' nor ':', so the names of keys that have both are taken whole; one that ends in ':' and the
    /// like is written with one more ':' behind it.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be PROVIDER/KEY or PROVIDER/KEY:VERSION".to_owned();
        let (provider, rest) = text.split_once('/').ok_or_else(wrong)?;
        let (key, version) = match rest.rsplit_once(':') {
            Some((key, version)) if !version.contains('/') => (key, Some(version)),
            _ => (rest, None),
        };
        if provider.is_empty() || key.is_empty() {
            return Err(wrong());
        }
        let version = version.filter(|version| !version.is_empty()).map(str::to_owned);
        Ok(Self { provider: provider.to_owned(), key: key.to_owned(), version })
    }
}

impl Question {
    /// The question with the version as records would have it.
    pub(crate) fn ask(self, providers: &Providers) -> Result<Asked, QuestionError> {
        let kind = providers.kind(&self.provider);
        let others = providers.others_at(&self.provider);
        let version = match &self.version {
            None => None,
            Some(version) => Some(match kind {
                Some(Kind::Local | Kind::Gcp) => Version::Number(self.number(version)?),
                Some(Kind::Vault) => Version::UpTo(self.number(version)?),
                Some(Kind::Pkcs11) => Version::Id(self.id(version)?),
                Some(Kind::Azure | Kind::Kmip) => Version::Id(version.to_ascii_lowercase()),
                Some(Kind::Aws | Kind::Ibm) | None => Version::Untold,
            }),
        };
        Ok(Asked { question: self, kind, others, version })
    }

    /// People write `3`, `v3` and `03`.
    fn number(&self, version: &str) -> Result<u64, QuestionError> {
        let digits = version.strip_prefix(['v', 'V']).unwrap_or(version);
        let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits
            .and_then(|digits| digits.parse().ok())
            .filter(|number| *number > 0)
            .ok_or_else(|| QuestionError::Number(self.provider.clone(), version.to_owned()))
    }

    fn id(&self, version: &str) -> Result<String, QuestionError> {
        let id = version.strip_prefix("0x").unwrap_or(version).to_ascii_lowercase();
        let is_hex = id.len().is_multiple_of(2) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex && !id.is_empty() {
            return Ok(id);
        }
        Err(QuestionError::Id(self.provider.clone(), version.to_owned()))
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Question { provider, key, .. } = &self.question;
        write!(f, "{provider}/{key}")?;
        match (&self.version, &self.question.version) {
            (Some(Version::Number(number) | Version::UpTo(number)), _) => write!(f, ":{number}"),
            (Some(Version::Id(id)), _) => write!(f, ":{id}"),
            (Some(Version::Untold), Some(version)) => write!(f, ":{version}"),
            _ => Ok(()),
        }
    }
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
        let conditions = if answer == Answer::No { Vec::new() } else { self.conditions() };
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

    fn conditions(&self) -> Vec<String> {
        let mut conditions = vec![
            "data keys under it that proxies hold in memory still seal: it must be out of use for keys.maxAge, or since \
             POST /keys/rotate on every proxy, before the audit began"
                .to_owned(),
            "no alias of the key, and no provider that is not in --config, leads to the same key".to_owned(),
        ];
        if let Some(Version::UpTo(version)) = &self.version {
            conditions.push(format!("lower versions end with it: the answer is of 1 to {version}"));
        }
        conditions
    }

    fn is_key_of(&self, protection: &Protection) -> bool {
        let is_provider = *protection.provider == *self.question.provider
            || self.others.iter().any(|other| **other == *protection.provider);
        is_provider && self.is_same_key(&protection.key)
    }

    /// Some systems take more than one spelling for a key. Rather one too many counts than one too few.
    fn is_same_key(&self, key: &str) -> bool {
        let own = &*self.question.key;
        let last = |key: &str| key.rsplit('/').next().map(str::to_ascii_lowercase);
        match self.kind {
            Some(Kind::Azure) => key.eq_ignore_ascii_case(own),
            // Whole names of resources, and what is behind their last slash.
            Some(Kind::Aws | Kind::Gcp | Kind::Ibm) => last(key) == last(own),
            _ => key == own,
        }
    }

    fn dependents(&self, audited: &Audited, certain: bool) -> Vec<Dependent> {
        let rows = audited.tally.rows().iter().filter_map(|row| match &row.content {
            Content::Sealed(protection) => Some((protection, row)),
            _ => None,
        });
        let mut dependents: Vec<Dependent> = Vec::new();
        for (protection, row) in rows.filter(|(protection, _)| self.asks_for(protection, certain)) {
            // Both formats together.
            let version = protection.version.clone().filter(|_| certain);
            let known = dependents.iter_mut().find(|dependent| dependent.version == version);
            if let Some(known) = known {
                known.records = known.records.saturating_add(row.records);
                known.first_offset = known.first_offset.min(row.first_offset);
                known.last_offset = known.last_offset.max(row.last_offset);
                continue;
            }
            dependents.push(Dependent {
                place: audited.place(),
                version,
                records: row.records,
                first_offset: row.first_offset,
                last_offset: row.last_offset,
            });
        }
        dependents
    }

    /// A version that is not certain may be the one in question.
    fn asks_for(&self, protection: &Protection, certain: bool) -> bool {
        if !self.is_key_of(protection) {
            return false;
        }
        let (Some(asked), Some(found), true) = (&self.version, protection.version.as_deref(), certain) else {
            return true;
        };
        match asked {
            Version::Number(asked) => found.parse::<u64>().map_or(true, |found| found == *asked),
            Version::UpTo(asked) => found.parse::<u64>().map_or(true, |found| found <= *asked),
            Version::Id(asked) => found.eq_ignore_ascii_case(asked),
            Version::Untold => true,
        }
    }
}

fn needed(dependents: &[Dependent]) -> String {
    let records = dependents.iter().fold(0_u64, |sum, dependent| sum.saturating_add(dependent.records));
    let partitions: BTreeSet<_> = dependents.iter().map(|dependent| &dependent.place).collect();
    format!("{records} records in {} partitions need it", partitions.len())
}

/// Why nothing is sure about a partition.
fn uncertain(audited: &Audited) -> Option<String> {
    let place = audited.place();
    if audited.tally.any(|content| matches!(content, Content::Damaged(_))) {
        return Some(format!("{place} has damaged records, whose keys cannot be told"));
    }
    let beyond = audited.tally.beyond();
    (beyond > 0).then(|| format!("{place} has {beyond} records of more keys than can be told apart"))
}
