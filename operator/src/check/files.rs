//! YAML files and their documents.

use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value;
use thiserror::Error;

use super::report::{Findings, Place, Severity};

/// Far more than a manifest has.
const MAX_BYTES: u64 = 8 << 20;

/// Why nothing could be checked.
#[derive(Debug, Error)]
pub enum Error {
    /// A path is not there, or cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// One object of a file.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) place: Place,
    pub(super) kind: String,
    pub(super) group: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) value: Value,
}

impl Document {
    /// Which object, for people.
    pub(super) fn object(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }

    /// Whether it is of a kind of this project.
    pub(super) fn is_ours(&self) -> bool {
        self.group == operator_api::GROUP
    }

    /// Whether it is of a kind of Strimzi.
    pub(super) fn is_strimzi(&self, kind: &str) -> bool {
        self.group == "kafka.strimzi.io" && self.kind == kind
    }
}

/// Reads every object of every file.
pub(super) fn read(
    paths: &[PathBuf],
    namespace: &str,
    findings: &mut Findings,
) -> Result<Vec<Document>, Error> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    files.sort();
    files.dedup();
    let mut documents = Vec::new();
    for file in files {
        read_file(&file, namespace, findings, &mut documents)?;
    }
    Ok(documents)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?.path();
        let is_hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        // What a link leads to is elsewhere, or here anyway.
        if is_hidden || entry.is_symlink() {
            continue;
        }
        let is_yaml = entry.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if entry.is_dir() || is_yaml {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

fn read_file(
    file: &Path,
    namespace: &str,
    findings: &mut Findings,
    documents: &mut Vec<Document>,
) -> Result<(), Error> {
    let failed = |source| Error::Read { path: file.to_owned(), source };
    let place = |document| Place { file: file.display().to_string(), document };
    if std::fs::metadata(file).map_err(failed)?.len() > MAX_BYTES {
        findings.note(place(0), format!("is larger than {MAX_BYTES} bytes and was not read"));
        return Ok(());
    }
    let text = std::fs::read_to_string(file).map_err(failed)?;
    if text.contains("{{") {
        findings.note(place(0), "is a template and was not read; check what it renders");
        return Ok(());
    }
    for (index, document) in serde_yaml::Deserializer::from_str(&text).enumerate() {
        match Value::deserialize(document) {
            Ok(Value::Null) => {}
            Ok(value) => documents.extend(object(value, place(index + 1), namespace)),
            Err(error) => {
                findings.add_at(
                    Severity::Error,
                    place(index + 1),
                    String::new(),
                    "",
                    format!("is no YAML: {error}"),
                );
                break;
            }
        }
    }
    Ok(())
}

/// An object, or none if the document is something else, such as values of a chart.
fn object(value: Value, place: Place, namespace: &str) -> Option<Document> {
    let api_version = value.get("apiVersion")?.as_str()?.to_owned();
    let kind = value.get("kind")?.as_str()?.to_owned();
    let group = api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let metadata = value.get("metadata");
    let text = |field: &str| metadata.and_then(|metadata| metadata.get(field)).and_then(Value::as_str);
    let name = text("name").unwrap_or_default().to_owned();
    let namespace = text("namespace").unwrap_or(namespace).to_owned();
    Some(Document { place, kind, group, namespace, name, value })
}
