//! Can a key, or one version of it, be destroyed without loss?

use super::super::content::{Content, Protection};
use super::{Audit, Audited};
use crate::client::Place;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// `PROVIDER/KEY[:VERSION]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    provider: String,
    key: String,
    version: Option<String>,
}

/// The answer, and why.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) yes: bool,
    /// One sentence for each reason against it.
    pub(crate) reasons: Vec<String>,
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
        // As people write the versions of some systems.
        let version = version.map(|version| {
            let digits =
                version.strip_prefix('v').filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
            digits.filter(|digits| !digits.is_empty()).unwrap_or(version)
        });
        let version = version.filter(|version| !version.is_empty()).map(str::to_owned);
        Ok(Self { provider: provider.to_owned(), key: key.to_owned(), version })
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.key)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, ":{version}"))
    }
}

impl Question {
    /// Without the certainty that nothing needs the key the answer is no.
    pub(crate) fn answer(&self, audit: &Audit) -> Verdict {
        let mut reasons = Vec::new();
        let mut dependents = Vec::new();
        for audited in &audit.partitions {
            dependents.extend(self.dependents(audited, audit.versions_are_certain));
            reasons.extend(uncertain(audited));
        }
        if !dependents.is_empty() {
            let records =
                dependents.iter().fold(0_u64, |sum, dependent| sum.saturating_add(dependent.records));
            let partitions = dependents
                .iter()
                .map(|dependent| &dependent.place)
                .collect::<std::collections::BTreeSet<_>>();
            reasons.insert(0, format!("{records} records in {} partitions need it", partitions.len()));
        }
        let unknown = dependents.iter().any(|dependent| dependent.version.is_none());
        if let (Some(version), true) = (&self.version, unknown) {
            reasons.push(format!(
                "whether some of them need version {version} cannot be told: ask by the key alone, or give the configuration \
                 of its provider with --config"
            ));
        }
        if audit.every > 1 {
            reasons.push(format!("only one part in {} was read, and a sample proves nothing", audit.every));
        }
        Verdict { yes: reasons.is_empty(), reasons, dependents }
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
        if *protection.provider != *self.provider || *protection.key != *self.key {
            return false;
        }
        match (&self.version, &protection.version) {
            (Some(asked), Some(version)) if certain => **version == **asked,
            _ => true,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> (String, String, Option<String>) {
        let question: Question = text.parse().unwrap();
        (question.provider, question.key, question.version)
    }

    #[test]
    fn keys_are_asked_for_with_and_without_version() {
        let own = |provider: &str, key: &str, version: Option<&str>| {
            (provider.to_owned(), key.to_owned(), version.map(str::to_owned))
        };
        assert_eq!(asked("default/payments"), own("default", "payments", None));
        assert_eq!(asked("default/payments:3"), own("default", "payments", Some("3")));
        assert_eq!(asked("default/payments:v3"), own("default", "payments", Some("3")));
        assert_eq!(asked("hsm/payments:ab01"), own("hsm", "payments", Some("ab01")));
        let arn = "arn:aws:kms:eu-1:1:key/ab-c";
        assert_eq!(asked(&format!("aws/{arn}")), own("aws", arn, None));
        assert_eq!(asked("p/a:b:"), own("p", "a:b", None));
        for wrong in ["payments", "/payments", "default/", "default/:3"] {
            wrong.parse::<Question>().unwrap_err();
        }
    }
}
