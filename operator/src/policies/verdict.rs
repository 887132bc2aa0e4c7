//! What became of one policy.

use std::fmt;

/// More than a person reads at once; the rest is only counted.
const MOST_SHOWN: usize = 10;

/// What became of one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is in force and if not, why.
    pub reason: Reason,
    /// The generation that this is about.
    pub generation: i64,
    /// What must change before it is accepted. Empty if it is.
    pub problems: Vec<Problem>,
    /// What may not be meant so.
    pub warnings: Vec<Warning>,
    /// How many of its rules are in force.
    pub rules: usize,
}

/// Whether a policy is in force; the reason of its condition `Accepted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It is.
    Accepted,
    /// A pattern of it belongs to another policy.
    Conflicted,
    /// It cannot be carried out.
    Invalid,
    /// Policies of its namespace do not count for this Kafka cluster.
    NamespaceNotAllowed,
}

/// Something that must change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field below `spec`, such as `rules[0].key.provider`; empty if the whole policy is meant.
    pub field: String,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Something that may not be meant so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What kind of thing.
    pub kind: WarningKind,
    /// The field below `spec`.
    pub field: String,
    /// What it means.
    pub message: String,
}

/// The kinds of warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WarningKind {
    /// A rule none of whose patterns can ever win.
    ShadowedRule,
    /// A pattern that names internal topics of Kafka, which no rule applies to.
    InternalTopic,
    /// A rule under which clear records are delivered.
    PlaintextPasses,
    /// A rule under which consumers go past records that they cannot read.
    UnreadableSkipped,
    /// A rule for all topics that no narrower pattern is for.
    CatchAll,
    /// A pattern within one of another policy of the same namespace.
    OverlappingPolicies,
    /// A `Disabled` rule within which topics stay refused, since narrower patterns of them were encrypted.
    StillRetired,
    /// A `Disabled` rule of another namespace than the Kafka cluster's, for topics that this namespace does not encrypt.
    NoEffect,
}

impl Reason {
    /// As it stands in a condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Conflicted => "Conflicted",
            Self::Invalid => "Invalid",
            Self::NamespaceNotAllowed => "NamespaceNotAllowed",
        }
    }
}

impl WarningKind {
    /// As it stands in a report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ShadowedRule => "ShadowedRule",
            Self::InternalTopic => "InternalTopic",
            Self::PlaintextPasses => "PlaintextPasses",
            Self::UnreadableSkipped => "UnreadableSkipped",
            Self::CatchAll => "CatchAll",
            Self::OverlappingPolicies => "OverlappingPolicies",
            Self::StillRetired => "StillRetired",
            Self::NoEffect => "NoEffect",
        }
    }
}

impl Verdict {
    /// Whether the policy is in force.
    pub fn is_accepted(&self) -> bool {
        self.reason == Reason::Accepted
    }

    /// The message of the condition `Accepted`.
    pub fn message(&self) -> String {
        if self.is_accepted() {
            return format!("{} {} in force", self.rules, if self.rules == 1 { "rule" } else { "rules" });
        }
        let shown: Vec<_> = self.problems.iter().take(MOST_SHOWN).map(ToString::to_string).collect();
        match self.problems.len().saturating_sub(MOST_SHOWN) {
            0 => shown.join("; "),
            more => format!("{}; and {more} more", shown.join("; ")),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}
