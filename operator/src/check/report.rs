//! All that was found, for people and for programs.

use std::fmt::{self, Write as _};

use serde::Serialize;

use super::finding::{Finding, Severity};
use super::topics::{TopicRow, TopicState};

const VERSION: u32 = 1;

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Of the JSON form.
    pub version: u32,
    /// By file and document.
    pub findings: Vec<Finding>,
    /// What becomes of topics, by Kafka cluster and name.
    pub topics: Vec<TopicRow>,
    /// How much of what.
    pub summary: Summary,
}

/// How much of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// YAML files.
    pub files: usize,
    /// Findings of this severity.
    pub errors: usize,
    /// Findings of this severity.
    pub warnings: usize,
    /// Findings of this severity.
    pub notes: usize,
}

impl Report {
    pub(super) fn new(findings: Vec<Finding>, topics: Vec<TopicRow>, files: usize) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let summary = Summary {
            files,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
        };
        Self { version: VERSION, findings, topics, summary }
    }
}

/// The form for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        if !self.topics.is_empty() {
            let header = ["KAFKA", "TOPIC", "STATE", "BY", "KEY", "FORMAT"].map(str::to_owned);
            let rows: Vec<_> = std::iter::once(header).chain(self.topics.iter().map(cells)).collect();
            writeln!(f)?;
            table(f, &rows)?;
            writeln!(f)?;
        }
        let Summary { files, errors, warnings, notes } = self.summary;
        writeln!(
            f,
            "{}: {}, {}, {}",
            counted(files, "file"),
            counted(errors, "error"),
            counted(warnings, "warning"),
            counted(notes, "note")
        )
    }
}

fn cells(row: &TopicRow) -> [String; 6] {
    let state = match row.state {
        TopicState::Encrypted => "encrypted",
        TopicState::Refused => "refused",
        TopicState::Clear => "clear",
        TopicState::Unmatched => "clear, no rule",
        TopicState::Internal => "clear, internal",
    };
    let policy = row.policy.as_ref().map(|policy| format!("{}/{}", policy.namespace, policy.name));
    let by = [policy, row.pattern.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    [
        row.kafka.to_string(),
        row.topic.clone(),
        state.to_owned(),
        by,
        row.key.as_ref().map(|key| format!("{}/{}", key.provider, key.name)).unwrap_or_default(),
        row.format.map(|format| format!("{format:?}")).unwrap_or_default(),
    ]
}

/// Columns as wide as their widest cell.
fn table<const N: usize>(f: &mut fmt::Formatter<'_>, rows: &[[String; N]]) -> fmt::Result {
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width =
                rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or_default();
            write!(line, "{cell:width$}  ")?;
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
