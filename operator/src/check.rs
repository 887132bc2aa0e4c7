//! What a cluster would say to manifests, said without one.
//!
//! Reads all YAML below some paths and says what the API server would refuse (unknown fields, the schemas of the
//! definitions, their rules), and what the operator would: conflicts between the policies of one Kafka cluster, key
//! providers that are not there, more than one `EncryptionProxy`, settings from which no proxies can be made. Where a
//! `Kafka`, its `KafkaNodePool`s and the `KafkaUser` of the proxies are among the files, they must suit. Where there are `KafkaTopic` resources, it says what
//! becomes of each.
//!
//! What it cannot know: since when policies exist and what was ever encrypted. So policies are taken in the order of
//! namespace and name, as if none had been there before. Templates of Helm and files of Kustomize are not rendered: render
//! them first. A template that is no YAML is a warning.
//!
//! # The JSON form
//!
//! [`Report`] serializes as one object. Fields are only ever added.
//!
//! ```json
//! {
//!   "version": 1,
//!   "findings": [{
//!     "file": "policies/a.yaml", "document": 1, "line": 1, "severity": "error", "code": "Conflicted",
//!     "object": {"kind": "TopicEncryptionPolicy", "namespace": "kafka", "name": "a"},
//!     "field": "spec.rules[0].topics[0]", "message": "…"
//!   }],
//!   "topics": [{
//!     "file": "topics.yaml", "document": 1, "kafka": {"namespace": "kafka", "name": "my-cluster"}, "topic": "payments.a",
//!     "state": "Encrypted", "policy": {"namespace": "kafka", "name": "a"}, "pattern": "prefix payments.",
//!     "key": {"provider": "default", "name": "payments"}, "format": "Batch"
//!   }],
//!   "summary": {"files": 2, "errors": 1, "warnings": 0, "notes": 0}
//! }
//! ```
//!
//! - `severity` is `error`, `warning` or `note`; `code` one of [`Code`]; `document` counts from 1, and so does `line`,
//!   on which the document begins; both are 0 where the whole file is meant. `object` is `null`, and `file` and `field` are empty, where there is none.
//! - `state` is `Encrypted`, `Refused`, `Clear` (a rule says so), `Unmatched` (clear without a rule) or `Internal`;
//!   `policy`, `pattern`, `key` and `format` are `null` where they do not apply.

mod clusters;
mod documents;
mod finding;
mod fleets;
mod names;
mod objects;
mod report;
mod schema;
#[cfg(test)]
mod tests;
mod topics;

use std::path::{Path, PathBuf};

pub use self::finding::{Code, Finding, ObjectRef, Severity};
pub use self::objects::KafkaName;
pub use self::report::{Report, Summary};
pub use self::schema::SchemaError;
pub use self::topics::{PolicyRef, TopicRow, TopicState};

use self::documents::Reader;
use self::finding::Findings;
use self::objects::Objects;
use self::schema::Schema;

/// What findings depend on beside the files.
#[derive(Debug, Clone)]
pub struct Options {
    /// The namespace of manifests that name none.
    pub namespace: String,
}

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A path cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The definitions built into this program are of no use.
    #[error("failed to prepare the schema of {kind}")]
    Schema {
        /// Of which kind.
        kind: &'static str,
        /// What is wrong with them.
        #[source]
        source: SchemaError,
    },
}

/// Checks all YAML files at and below the paths.
pub fn check<P: AsRef<Path>>(paths: &[P], options: &Options) -> Result<Report, CheckError> {
    let mut findings = Findings::default();
    let mut reader = Reader::new(&mut findings);
    for path in paths {
        let path = path.as_ref();
        reader.read(path).map_err(|source| CheckError::Read { path: path.to_owned(), source })?;
    }
    let (files, documents) = reader.finish();
    let objects = Objects::read(documents, &options.namespace, &mut findings)?;
    if objects.policies.is_empty() && objects.proxies.is_empty() && !findings.any_error() {
        let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
        findings.add(Finding {
            severity: Severity::Warning,
            code: Code::NothingFound,
            message: format!(
                "nothing to check: no TopicEncryptionPolicy and no EncryptionProxy in {files} (*.yaml and *.yml)"
            ),
            ..Finding::default()
        });
    }
    let topics = clusters::check(&objects, &mut findings);
    Ok(Report::new(findings.sorted(), topics, files))
}
