//! The user and password under which the proxy authenticates to brokers, and what follows from them.

use crate::scram::{Derivation, DerivedKeys, SHA_512};
use arc_swap::ArcSwap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use zeroize::Zeroizing;

/// Longer than any password.
const MAX_BYTES: usize = 4_096;

/// Why a password was not taken. Nothing of it is told.
#[derive(Debug, Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file holds no password.
    #[error("{} holds no password: it must have 1 to {MAX_BYTES} bytes of UTF-8 text in one line", path.display())]
    NoPassword {
        /// The file.
        path: PathBuf,
    },
}

/// A user whose password stands in a file that is followed.
pub struct Credentials {
    user: String,
    file: PathBuf,
    password: ArcSwap<Password>,
}

/// A password, and the keys that were derived from it last: a broker asks for the same ones for each connection.
pub(crate) struct Password {
    text: Zeroizing<String>,
    derived: Mutex<Option<(Derivation, Arc<DerivedKeys>)>>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads the password for the first time.
    pub fn load(user: String, file: PathBuf) -> Result<Self, Error> {
        let password = ArcSwap::from_pointee(Password::new(read(&file)?));
        Ok(Self { user, file, password })
    }

    /// Reads it again. `true` when it is another one and in use now; an error leaves the one in use.
    pub fn reload(&self) -> Result<bool, Error> {
        let text = read(&self.file)?;
        if text == self.password.load().text {
            return Ok(false);
        }
        self.password.store(Arc::new(Password::new(text)));
        Ok(true)
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// One authentication should use one password all along.
    pub(crate) fn password(&self) -> Arc<Password> {
        self.password.load_full()
    }
}

impl Password {
    fn new(text: Zeroizing<String>) -> Self {
        Self { text, derived: Mutex::default() }
    }

    /// The keys for a broker's salt. May take long.
    pub(crate) fn keys(&self, derivation: &Derivation) -> Arc<DerivedKeys> {
        // Held while keys are derived, so that many connections at once derive them once.
        let mut derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, keys)) = derived.as_ref().filter(|(known, _)| known == derivation) {
            return Arc::clone(keys);
        }
        let keys = Arc::new(DerivedKeys::derive(&SHA_512, &self.text, derivation));
        *derived = Some((derivation.clone(), Arc::clone(&keys)));
        keys
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    let failed = |source| Error::Read { path: path.into(), source };
    // Never grows, which would leave a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 3));
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_BYTES as u64 + 3).read_to_end(&mut bytes).map_err(failed)?;
    let text = std::str::from_utf8(&bytes).ok();
    let line = text.map(|text| text.strip_suffix('\n').unwrap_or(text));
    let line = line.map(|line| line.strip_suffix('\r').unwrap_or(line));
    line.filter(|line| (1..=MAX_BYTES).contains(&line.len()) && !line.contains(['\n', '\r', '\0']))
        .map(|line| Zeroizing::new(line.to_owned()))
        .ok_or_else(|| Error::NoPassword { path: path.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_a_file_and_keeps_the_password_where_it_is_bad() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        assert!(matches!(Credentials::load("u".to_owned(), file.clone()), Err(Error::Read { .. })));
        std::fs::write(&file, "pass word\r\n").unwrap();
        let credentials = Credentials::load("u".to_owned(), file.clone()).unwrap();
        assert_eq!(credentials.password().text.as_str(), "pass word");
        std::fs::write(&file, "pass word").unwrap();
        assert!(!credentials.reload().unwrap());
        let long = "x".repeat(MAX_BYTES + 1);
        for bad in [&b""[..], b"\n", b"two\nlines", &[0xff], long.as_bytes()] {
            std::fs::write(&file, bad).unwrap();
            let error = credentials.reload().unwrap_err();
            assert!(matches!(error, Error::NoPassword { .. }), "{error}");
        }
        assert_eq!(credentials.password().text.as_str(), "pass word");
        std::fs::write(&file, &long[1..]).unwrap();
        assert!(credentials.reload().unwrap());
        assert_eq!(format!("{credentials:?}"), r#"Credentials { user: "u", .. }"#);
    }

    #[test]
    fn keys_are_derived_once_for_each_salt() {
        let password = Password::new(Zeroizing::new("p".to_owned()));
        let salt = |byte| Derivation { salt: vec![byte], iterations: 4_096.try_into().unwrap() };
        let first = password.keys(&salt(1));
        assert!(Arc::ptr_eq(&first, &password.keys(&salt(1))));
        assert!(!Arc::ptr_eq(&first, &password.keys(&salt(2))));
    }
}
