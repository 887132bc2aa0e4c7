//! What was found, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::files::Document;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: String,
    /// Counted from 1; 0 is the whole file.
    pub(super) document: usize,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The cluster would refuse it, or would not do what it says.
    Error,
    /// It may not be meant so.
    Warning,
    /// It is worth knowing.
    Note,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// Which document of the file, from 1; 0 if the whole file is meant.
    pub document: usize,
    /// How bad it is.
    pub severity: Severity,
    /// The object, as kind, namespace and name; empty if the file is meant.
    pub object: String,
    /// The field; empty if the object is meant.
    pub field: String,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What becomes of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TopicRow {
    /// The topic.
    pub topic: String,
    /// Its Kafka cluster.
    pub kafka: String,
    /// `encrypted`, `refused`, `clear` or `unmatched`.
    pub treatment: &'static str,
    /// The pattern that decides.
    pub pattern: Option<String>,
    /// The policy that it stands in.
    pub policy: Option<String>,
}

/// How much was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Policies read.
    pub policies: usize,
    /// Proxies read.
    pub proxies: usize,
    /// Errors found.
    pub errors: usize,
    /// Warnings found.
    pub warnings: usize,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What was found, in the order of files.
    pub findings: Vec<Finding>,
    /// What becomes of the topics whose manifests are there.
    pub topics: Vec<TopicRow>,
    /// How much that is.
    pub summary: Summary,
}

/// Findings while they are made.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add(
        &mut self,
        severity: Severity,
        document: &Document,
        field: &str,
        message: impl Into<String>,
    ) {
        self.add_at(severity, document.place.clone(), document.object(), field, message);
    }

    pub(super) fn add_at(
        &mut self,
        severity: Severity,
        place: Place,
        object: String,
        field: &str,
        message: impl Into<String>,
    ) {
        let Place { file, document } = place;
        let (field, message) = (field.to_owned(), message.into());
        self.0.push(Finding { file, document, severity, object, field, message });
    }

    pub(super) fn note(&mut self, place: Place, message: impl Into<String>) {
        self.add_at(Severity::Note, place, String::new(), "", message);
    }

    pub(super) fn into_report(mut self, topics: Vec<TopicRow>, policies: usize, proxies: usize) -> Report {
        self.0.sort();
        self.0.dedup();
        let count = |severity| self.0.iter().filter(|finding| finding.severity == severity).count();
        let summary =
            Summary { policies, proxies, errors: count(Severity::Error), warnings: count(Severity::Warning) };
        Report { findings: self.0, topics, summary }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.document {
            0 => f.write_str(&self.file),
            document => write!(f, "{}:{document}", self.file),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = Place { file: self.file.clone(), document: self.document };
        write!(f, "{place}: {}", self.severity)?;
        for part in [&self.object, &self.field].into_iter().filter(|part| !part.is_empty()) {
            write!(f, ": {part}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        if !self.topics.is_empty() {
            let width = self.topics.iter().map(|row| row.topic.len()).max().unwrap_or(0).max("TOPIC".len());
            writeln!(f, "{:width$}  {:10}  RULE", "TOPIC", "TREATMENT")?;
            for row in &self.topics {
                let rule = match (&row.pattern, &row.policy) {
                    (Some(pattern), Some(policy)) => format!("{pattern} of {policy}"),
                    (Some(pattern), None) => pattern.clone(),
                    _ => "-".to_owned(),
                };
                writeln!(f, "{:width$}  {:10}  {rule}", row.topic, row.treatment)?;
            }
        }
        let Summary { policies, proxies, errors, warnings } = self.summary;
        writeln!(f, "{policies} policies and {proxies} proxies read: {errors} errors, {warnings} warnings")
    }
}
