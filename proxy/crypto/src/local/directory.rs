//! Reads a directory of key files.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::FileProblem;
use super::file::{FileError, Kek, KeyVersion};

/// Where a mounted Secret has its files; the kubelet swaps this link as a whole.
const DATA_LINK: &str = "..data";
/// A swap between listing and reading is seen as a missing file; another try sees the new directory.
const TRIES: usize = 3;

/// What one look at the directory found.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) files: BTreeMap<KeyVersion, Result<Kek, String>>,
    /// Files that are named after no key.
    pub(super) misnamed: Vec<FileProblem>,
}

/// Reads all key files of the directory, or says why there are none to be read.
pub(super) fn read(directory: &Path) -> Result<Listing, String> {
    let mut result = read_once(directory);
    for _ in 1..TRIES {
        if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            break;
        }
        result = read_once(directory);
    }
    result.map_err(|error| format!("failed to read the key directory {}: {error}", directory.display()))
}

fn read_once(directory: &Path) -> io::Result<Listing> {
    let directory = real_directory(directory)?;
    let mut listing = Listing::default();
    for entry in directory.read_dir()? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        match KeyVersion::parse(&name) {
            Err(error) => {
                listing.misnamed.push(FileProblem { file: name.into_owned(), cause: error.to_string() });
            }
            Ok(version) => {
                let kek = match Kek::read(&entry.path()) {
                    Err(FileError::Read(error)) if error.kind() == io::ErrorKind::NotFound => {
                        return Err(error);
                    }
                    kek => kek.map_err(|error| error.to_string()),
                };
                listing.files.insert(version, kek);
            }
        }
    }
    listing.misnamed.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(listing)
}

/// All files come from one directory, so that none is of before a swap and another of after it.
fn real_directory(directory: &Path) -> io::Result<PathBuf> {
    match directory.join(DATA_LINK).canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => directory.canonicalize(),
        real => real,
    }
}
