//! What a cluster would say of a repository of policies, found out without one.
//!
//! Every YAML file below the given paths is read; documents of other kinds are passed over, except `KafkaTopic` and `Kafka`
//! resources, which say what policies apply to. The JSON form of a [`Report`] is
//! `{"findings": [{"file", "document", "severity", "object", "field", "message"}], "topics": [{"topic", "kafka", "treatment",
//! "pattern", "policy"}], "summary": {"policies", "proxies", "errors", "warnings"}}`.

mod files;
mod merged;
mod report;
mod schema;
mod topics;

use std::path::PathBuf;

pub use self::files::Error;
pub use self::report::{Finding, Report, Severity, Summary, TopicRow};

use self::files::Document;
use self::report::Findings;

/// Checks everything below the paths. Objects that name no namespace are taken to be in `namespace`.
pub fn check(paths: &[PathBuf], namespace: &str) -> Result<Report, Error> {
    let mut findings = Findings::default();
    let documents = files::read(paths, namespace, &mut findings)?;
    duplicates(&documents, &mut findings);
    let objects = schema::typed(&documents, &mut findings);
    let clusters = merged::merge_all(&objects, &documents, &mut findings);
    let topics = topics::table(&clusters, &documents, &mut findings);
    let (policies, proxies) = (objects.policies.len(), objects.proxies.len());
    Ok(findings.into_report(topics, policies, proxies))
}

/// The same object in two places: which one counts would depend on the order in which they are applied.
fn duplicates(documents: &[Document], findings: &mut Findings) {
    let mut seen = std::collections::BTreeMap::new();
    for document in documents {
        if let Some(first) = seen.insert(document.object(), document) {
            let message = format!("is defined in {} too; remove one of the two", first.place);
            findings.add(Severity::Error, document, "metadata.name", message);
        }
    }
}

#[cfg(test)]
mod tests;
