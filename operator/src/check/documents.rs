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
    /// The line on which it begins, from 1.
    pub(super) line: usize,
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

    /// Keeps the documents of a file. One that is no YAML and looks like a template may be a mistake or not, so nothing of
    /// it counts.
    fn parse(&mut self, path: &Path, text: &str) {
        let before = self.documents.len();
        let lines = beginnings(text);
        for (index, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
            let line = lines.get(index).copied().unwrap_or(1);
            match value(document) {
                Ok(Value::Null) => {}
                Ok(value) => {
                    self.documents.push(Document { file: path.to_owned(), index: index + 1, line, value });
                }
                Err(_) if text.contains("{{") => {
                    self.documents.truncate(before);
                    let message = "is not checked, since it is a template rather than YAML: render it first, for \
                                   instance by helm template";
                    self.note(path, Severity::Warning, Code::Template, message.to_owned());
                    return;
                }
                Err(Mistake { line: at, message }) => {
                    self.findings.add(Finding {
                        file: path.to_owned(),
                        document: index + 1,
                        line: at.unwrap_or(line),
                        code: Code::Syntax,
                        message: format!("is not valid YAML: {message}"),
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

/// What is wrong with a document.
struct Mistake {
    line: Option<usize>,
    message: String,
}

impl From<serde_yaml::Error> for Mistake {
    fn from(error: serde_yaml::Error) -> Self {
        Self { line: error.location().map(|place| place.line()), message: error.to_string() }
    }
}

fn value(document: serde_yaml::Deserializer<'_>) -> Result<Value, Mistake> {
    // The YAML library's own tree refuses a field that is given twice, as the API server does.
    let mut value = serde_yaml::Value::deserialize(document)?;
    value.apply_merge()?;
    serde_json::to_value(value).map_err(|error| Mistake { line: None, message: error.to_string() })
}

/// The first line of each document that says anything.
fn beginnings(text: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut is_open = false;
    for (line, content) in (1..).zip(text.lines()) {
        let rest =
            content.strip_prefix("---").filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        // A document without any content has a place, too.
        if rest.is_some() || lines.is_empty() && says_something(content) {
            lines.push(line);
            is_open = rest.is_some_and(|rest| !says_something(rest));
        } else if is_open && says_something(content) {
            lines.pop();
            lines.push(line);
            is_open = false;
        }
    }
    lines
}

fn says_something(content: &str) -> bool {
    let content = content.trim_start();
    !(content.is_empty() || content.starts_with('#') || content.starts_with('%'))
}

fn is_manifest(path: &Path) -> bool {
    let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let is_kustomization = path.file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("kustomization"));
    is_yaml && !is_kustomization
}
