//! A directory of certificates.

use super::Error;
use std::path::{Path, PathBuf};

/// A replacement of an authority takes two or three.
pub(super) const MAX_FILES: usize = 100;

/// The files whose names end in `.crt`, in the order of their names. Hidden ones are left out, among them what the
/// kubelet swaps a projected volume with.
pub(super) fn certificates(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::List { path: directory.into(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        let path = directory.join(&name);
        if hidden || path.extension().is_none_or(|extension| extension != "crt") {
            continue;
        }
        if files.len() >= MAX_FILES {
            return Err(Error::Many { path: directory.into() });
        }
        files.push(path);
    }
    if files.is_empty() {
        return Err(Error::Missing { path: directory.into(), what: "file *.crt" });
    }
    files.sort_unstable();
    Ok(files)
}
