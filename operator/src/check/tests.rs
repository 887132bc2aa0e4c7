//! What `check` finds in manifests.

mod clusters;
mod documents;
mod fleets;
mod published;
mod report;
mod schema;
mod topics;

use std::path::Path;

use super::{Code, Options, Report, Severity, TopicState, check};

/// A directory of manifests.
struct Tree {
    directory: tempfile::TempDir,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { directory }
    }

    fn check(&self) -> Report {
        check(&[self.directory.path()], &Options { namespace: "kafka".to_owned() }).unwrap()
    }
}

/// The findings, each as `file:document: code: object: field`, without those that every policy of these tests has.
fn found(report: &Report) -> Vec<String> {
    let findings = report.findings.iter().filter(|finding| finding.code != Code::PlaintextPasses);
    let line = findings.map(|finding| {
        let file =
            finding.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = finding.object.as_ref().map(|object| object.name.clone()).unwrap_or_default();
        let severity = finding.severity.as_str();
        format!("{file}:{} {severity} {:?} {name} {}", finding.document, finding.code, finding.field)
    });
    line.map(|line| line.trim_end().to_owned()).collect()
}

fn message(report: &Report, code: Code) -> &str {
    &report.findings.iter().find(|finding| finding.code == code).unwrap().message
}

fn policy(name: &str, rules: &str) -> String {
    format!(
        "apiVersion: encryption.strimzi.io/v1alpha1\nkind: TopicEncryptionPolicy\nmetadata: {{name: {name}}}\n\
         spec: {{kafkaRef: {{name: my-cluster}}, rules: [{rules}]}}\n---\n"
    )
}

fn proxy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: encryption.strimzi.io/v1alpha1\nkind: EncryptionProxy\nmetadata: {{name: {name}}}\n\
         spec: {{kafkaRef: {{name: my-cluster}}, {spec}}}\n---\n"
    )
}

fn topic(name: &str, config: &str) -> String {
    format!(
        "apiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\n\
         metadata: {{name: {name}, labels: {{strimzi.io/cluster: my-cluster}}}}\nspec: {{config: {{{config}}}}}\n---\n"
    )
}

fn kafka(name: &str) -> String {
    format!("apiVersion: kafka.strimzi.io/v1\nkind: Kafka\nmetadata: {{name: {name}}}\nspec: {{}}\n---\n")
}

const FINE: &str = "{topics: [{prefix: a}], key: {name: k}}";

fn one(text: &str) -> Report {
    Tree::new(&[("a.yaml", text)]).check()
}
