//! Which records are asked for.

use super::{Asked, Dependent, Version};
use crate::tools::audit::Audited;
use crate::tools::audit::providers::Kind;
use crate::tools::content::{Content, Protection};
use std::collections::BTreeSet;

impl Asked {
    pub(super) fn is_key_of(&self, protection: &Protection) -> bool {
        let is_provider = *protection.provider == *self.question.provider
            || self.others.iter().any(|other| **other == *protection.provider);
        is_provider && self.is_same_key(&protection.key)
    }

    /// Some systems take more than one spelling for a key. Rather one too many counts than one too few.
    pub(super) fn is_same_key(&self, key: &str) -> bool {
        let own = &*self.question.key;
        let last = |key: &str| key.rsplit('/').next().map(str::to_ascii_lowercase);
        match self.kind {
            Some(Kind::Azure) => key.eq_ignore_ascii_case(own),
            // Whole names of resources, and what is behind their last slash.
            Some(Kind::Aws | Kind::Gcp | Kind::Ibm) => last(key) == last(own),
            _ => key == own,
        }
    }

    pub(super) fn dependents(&self, audited: &Audited, certain: bool) -> Vec<Dependent> {
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
    pub(super) fn asks_for(&self, protection: &Protection, certain: bool) -> bool {
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

pub(super) fn needed(dependents: &[Dependent]) -> String {
    let records = dependents.iter().fold(0_u64, |sum, dependent| sum.saturating_add(dependent.records));
    let partitions: BTreeSet<_> = dependents.iter().map(|dependent| &dependent.place).collect();
    format!("{records} records in {} partitions need it", partitions.len())
}
