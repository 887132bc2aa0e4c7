//! Paths of files, remembered as they were written.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A path in a configuration file. It is used as resolved against the directory of that file, and written
/// back as it stood there, so that a configuration can be moved as a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigPath {
    written: String,
    resolved: PathBuf,
}

impl ConfigPath {
    /// Resolves a path against the directory of the file it stands in.
    pub fn new(written: impl Into<String>, base_dir: &Path) -> Self {
        let written = written.into();
        let resolved = base_dir.join(&written);
        Self { written, resolved }
    }

    /// The path to open.
    pub fn as_path(&self) -> &Path {
        &self.resolved
    }

    /// The path as the file has it.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The path with something added to its last part.
    pub(crate) fn with_suffix(&self, suffix: &str) -> Self {
        let mut resolved = self.resolved.clone().into_os_string();
        resolved.push(suffix);
        Self { written: format!("{}{suffix}", self.written), resolved: resolved.into() }
    }
}

impl AsRef<Path> for ConfigPath {
    fn as_ref(&self) -> &Path {
        &self.resolved
    }
}

impl fmt::Display for ConfigPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.resolved.display().fmt(f)
    }
}

impl Serialize for ConfigPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}
