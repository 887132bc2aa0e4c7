//! The documents of all YAML files below some paths.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value;

use super::finding::{Code, Finding, Findings, Severity};

/// Larger than what an API server takes.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// Deeper than manifests are; bounds a directory that contains itself.
const MAX_DEPTH: usize = 64;

/// A document with its place.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) file: PathBuf,
    /// From 1.
    pub(super) index: usize,
    pub(super) value: Value,
}

/// Reads files and notes what cannot be read.
#[derive(Debug)]
pub(super) struct Reader<'f> {
    findings: &'f mut Findings,
    seen: BTreeSet<PathBuf>,
    documents: Vec<Document>,
}

impl<'f> Reader<'f> {
    pub(super) fn new(findings: &'f mut Findings) -> Self {
        Self { findings, seen: BTreeSet::new(), documents: Vec::new() }
    }

    /// Reads a file, whatever its name, or all YAML files below a directory. Fails only if the path itself is not there.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<()> {
        if fs::metadata(path)?.is_dir() { self.directory(path, 0) } else { self.open(path) }
    }

    /// How many files there were, and their documents.
    pub(super) fn finish(self) -> (usize, Vec<Document>) {
        (self.seen.len(), self.documents)
    }

    fn directory(&mut self, path: &Path, depth: usize) -> io::Result<()> {
        let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            let read = match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => self.directory(&path, depth + 1),
                // A link may be one to a file, as in a mounted ConfigMap.
                Ok(kind) if !kind.is_dir() && is_manifest(&path) && path.is_file() => self.open(&path),
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = read {
                self.note(&path, Severity::Error, Code::Unreadable, format!("cannot be read: {error}"));
            }
        }
        Ok(())
    }

    fn open(&mut self, path: &Path) -> io::Result<()> {
        // Paths may overlap.
        if !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            let message = format!("is larger than {MAX_FILE_BYTES} bytes");
            self.note(path, Severity::Error, Code::Unreadable, message);
            return Ok(());
        }
        match String::from_utf8(bytes) {
            Ok(text) => self.parse(path, &text),
            Err(_) => self.note(path, Severity::Error, Code::Syntax, "is not UTF-8 text".to_owned()),
        }
        Ok(())
    }

    fn parse(&mut self, path: &Path, text: &str) {
        if text.contains("{{") {
            let message = "is skipped, since it looks like a template: render it first".to_owned();
            self.note(path, Severity::Note, Code::Template, message);
            return;
        }
        for (index, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
            // The YAML library's own tree refuses a field that is given twice, as the API server does.
            let value = serde_yaml::Value::deserialize(document)
                .and_then(|mut value| value.apply_merge().map(|()| value))
                .map_err(|error| error.to_string())
                .and_then(|value| serde_json::to_value(value).map_err(|error| error.to_string()));
            match value {
                Ok(Value::Null) => {}
                Ok(value) => self.documents.push(Document { file: path.to_owned(), index: index + 1, value }),
                Err(error) => {
                    self.findings.add(Finding {
                        file: path.to_owned(),
                        document: index + 1,
                        code: Code::Syntax,
                        message: format!("is not valid YAML: {error}"),
                        ..Finding::default()
                    });
                    // What follows a mistake is anybody's guess.
                    return;
                }
            }
        }
    }

    fn note(&mut self, path: &Path, severity: Severity, code: Code, message: String) {
        self.findings.add(Finding { file: path.to_owned(), severity, code, message, ..Finding::default() });
    }
}

fn is_manifest(path: &Path) -> bool {
    let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let is_kustomization = path.file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("kustomization"));
    is_yaml && !is_kustomization
}
