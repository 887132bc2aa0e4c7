//! Small files that others keep up to date: certificates, tokens, passwords.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use proxy_crypto::{ProviderName, sha256};
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

/// A file that a provider follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Followed {
    /// Certificates, which anybody may see.
    Certificates(PathBuf),
    /// A token, a password, a private key. Not even its hash is told, by which a short one could be guessed.
    Secret(PathBuf),
}

/// Files of a provider whose content is looked at again and again. The audit log is told what is in use.
pub(crate) struct Watched {
    provider: ProviderName,
    files: Vec<Followed>,
    seen: Vec<Option<Zeroizing<Vec<u8>>>>,
}

impl Followed {
    fn path(&self) -> &Path {
        match self {
            Self::Certificates(path) | Self::Secret(path) => path,
        }
    }

    fn tell(&self, provider: &ProviderName, content: &[u8]) {
        let hash = match self {
            Self::Certificates(_) => Some(sha256(content)),
            Self::Secret(_) => None,
        };
        tracing::info!(
            target: "audit",
            event = "credentialsLoaded",
            provider = provider.as_str(),
            file = %self.path().display(),
            hash,
        );
    }
}

impl Watched {
    /// Reads the files for the first time. One that is not there yet is no error.
    pub(crate) fn new(provider: ProviderName, files: Vec<Followed>) -> Self {
        let seen = files.iter().map(|_| None).collect();
        let mut watched = Self { provider, files, seen };
        watched.look();
        watched
    }

    /// Whether the content of any file is another than the last time, and what is wrong with the first bad one.
    pub(crate) fn look(&mut self) -> (bool, Option<FileError>) {
        let (mut changed, mut problem) = (false, None);
        for (file, seen) in self.files.iter().zip(&mut self.seen) {
            match read(file.path()) {
                // While a file is being replaced, what it held before counts.
                Err(error) => problem = problem.or(Some(error)),
                Ok(now) if seen.as_ref() == Some(&now) => {}
                Ok(now) => {
                    changed = true;
                    file.tell(&self.provider, &now);
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
    use proxy_crypto::testing::Heard;

    use super::*;

    fn provider() -> ProviderName {
        ProviderName::new("p").unwrap()
    }

    #[test]
    fn tells_once_that_a_file_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let mut watched = Watched::new(provider(), vec![Followed::Secret(path.clone())]);
        assert!(matches!(watched.look(), (false, Some(FileError::Read { .. }))));
        fs::write(&path, "one\n").unwrap();
        assert_eq!(watched.look(), (true, None));
        assert_eq!(watched.look(), (false, None));
        fs::write(&path, "two\n").unwrap();
        assert_eq!(watched.look(), (true, None));
    }

    #[test]
    fn the_audit_log_has_hashes_of_certificates_and_of_nothing_that_is_secret() {
        let heard = Heard::on_this_thread();
        let folder = tempfile::tempdir().unwrap();
        let (ca, pin) = (folder.path().join("ca.crt"), folder.path().join("pin"));
        fs::write(&ca, "abc").unwrap();
        let files = vec![Followed::Certificates(ca.clone()), Followed::Secret(pin.clone())];
        let mut watched = Watched::new(provider(), files);
        fs::write(&pin, "1234").unwrap();
        watched.look();
        watched.look();
        let told = heard.of("credentialsLoaded");
        let files: Vec<_> = told.iter().map(|line| Path::new(&line["file"])).collect();
        assert_eq!(files, [ca, pin]);
        assert_eq!(told[0]["provider"], "p");
        assert_eq!(told[0]["hash"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(told[1].keys().copied().collect::<Vec<_>>(), ["event", "file", "provider"]);
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
