//! Small files that others keep up to date: certificates, tokens, passwords.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

/// More than any certificate chain or token has.
const LARGEST: u64 = 256 << 10;

/// Why a file is of no use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("failed to read {path}: {cause}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        cause: String,
    },
    /// It is larger than what it should hold.
    #[error("{path} is larger than {LARGEST} bytes")]
    TooLarge {
        /// The file.
        path: String,
    },
    /// It must be text.
    #[error("{path} is not UTF-8 text")]
    NotText {
        /// The file.
        path: String,
    },
    /// There is nothing in it.
    #[error("{path} is empty")]
    Empty {
        /// The file.
        path: String,
    },
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let name = || path.display().to_string();
    let failed = |error: std::io::Error| FileError::Read { path: name(), cause: error.to_string() };
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(FileError::TooLarge { path: name() });
    }
    Ok(bytes)
}

/// The text of a file, without white space around it.
pub(crate) fn read_text(path: &Path) -> Result<Zeroizing<String>, FileError> {
    let bytes = read(path)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| FileError::NotText { path: path.display().to_string() })?
        .trim();
    if text.is_empty() {
        return Err(FileError::Empty { path: path.display().to_string() });
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// Files whose content is looked at again and again.
pub struct Watched {
    files: Vec<PathBuf>,
    seen: Vec<Option<Zeroizing<Vec<u8>>>>,
}

impl Watched {
    /// Reads the files for the first time. One that is not there yet is no error.
    pub fn new(files: Vec<PathBuf>) -> Self {
        let seen = files.iter().map(|path| read(path).ok()).collect();
        Self { files, seen }
    }

    /// Whether the content of any file is another than the last time, and what is wrong with the first bad one.
    pub fn look(&mut self) -> (bool, Option<FileError>) {
        let (mut changed, mut problem) = (false, None);
        for (path, seen) in self.files.iter().zip(&mut self.seen) {
            match read(path) {
                // While a file is being replaced, what it held before counts.
                Err(error) => problem = problem.or(Some(error)),
                Ok(now) if seen.as_ref() == Some(&now) => {}
                Ok(now) => {
                    changed = true;
                    *seen = Some(now);
                }
            }
        }
        (changed, problem)
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("files", &self.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_once_that_a_file_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let mut watched = Watched::new(vec![path.clone()]);
        assert!(matches!(watched.look(), (false, Some(FileError::Read { .. }))));
        fs::write(&path, "one\n").unwrap();
        assert_eq!(watched.look(), (true, None));
        assert_eq!(watched.look(), (false, None));
        fs::write(&path, "two\n").unwrap();
        assert_eq!(watched.look(), (true, None));
    }

    #[test]
    fn text_has_no_white_space_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, " secret\r\n").unwrap();
        assert_eq!(read_text(&path).unwrap().as_str(), "secret");
        fs::write(&path, "\n").unwrap();
        assert!(matches!(read_text(&path), Err(FileError::Empty { .. })));
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(read_text(&path), Err(FileError::NotText { .. })));
    }

    #[test]
    fn an_endless_file_is_not_read_to_its_end() {
        assert!(matches!(read(Path::new("/dev/zero")), Err(FileError::TooLarge { .. })));
    }
}
