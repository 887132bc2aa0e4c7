//! The provider `local`: key-encryption keys in the files of a directory, such as a mounted Kubernetes Secret.
//!
//! A file `NAME.vN` holds version `N` of key `NAME`: 32 bytes in base64. The highest version wraps, all unwrap. The
//! directory is read at the start and at every [`LocalKeys::reload`], completely, before the new state is swapped in.

mod directory;
mod file;
#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::unwrap_used)]
pub(crate) mod fuzzing;
mod legacy;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod versions;
mod wrap;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use async_trait::async_trait;

use self::versions::{Lacking, Loaded};
use crate::context::KmsContext;
use crate::dek::{Dek, WrappedKey};
use crate::legacy::LegacyProvider;
use crate::name::{KeyName, ProviderName};
use crate::provider::{KeyProvider, ProviderError};

/// Key-encryption keys in a directory.
pub struct LocalKeys {
    directory: PathBuf,
    provider: ProviderName,
    loaded: ArcSwap<Loaded>,
    reloading: Mutex<()>,
}

/// What is loaded, without any secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LocalStatus {
    /// Key names with the versions that can be used, lowest first.
    pub keys: Vec<(KeyName, Vec<u32>)>,
    /// Files that are of no use, or are so only with what they held before.
    pub problems: Vec<FileProblem>,
    /// Why the directory could not be read. All keys are unavailable then.
    pub directory: Option<String>,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// The name of the file in the directory.
    pub file: String,
    /// What is wrong with it.
    pub cause: String,
}

impl LocalKeys {
    /// Reads the directory for the first time. Where that fails keys are unavailable until a reload succeeds.
    pub fn open(directory: impl Into<PathBuf>, provider: ProviderName) -> Self {
        let directory = directory.into();
        let loaded = Loaded::default().follow(directory::read(&directory));
        audit(&provider, &Loaded::default(), &loaded);
        Self { directory, provider, loaded: ArcSwap::from_pointee(loaded), reloading: Mutex::new(()) }
    }

    /// Reads the directory again and tells whether anything changed. Blocks on a few small files.
    pub fn reload(&self) -> bool {
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.loaded.load_full();
        let after = before.follow(directory::read(&self.directory));
        if after.is_same(&before) {
            return false;
        }
        let status = after.status();
        let (keys, problems) = (status.keys.len(), status.problems.len());
        tracing::info!(provider = %self.provider, keys, problems, "key files changed");
        audit(&self.provider, &before, &after);
        self.loaded.store(Arc::new(after));
        true
    }

    /// What is loaded.
    pub fn status(&self) -> LocalStatus {
        self.loaded.load().status()
    }
}

#[async_trait]
impl KeyProvider for LocalKeys {
    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError> {
        let loaded = self.loaded.load_full();
        let (version, kek) = loaded.newest(&context.key).map_err(|lacking| error(context, lacking))?;
        wrap::wrap(kek, version, context, dek)
            .map_err(|error| ProviderError::unavailable(context, error.to_string()))
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        let corrupt = |error: wrap::WrapError| ProviderError::corrupt(context, error.to_string());
        let parts = wrap::Parts::parse(wrapped).map_err(corrupt)?;
        let loaded = self.loaded.load_full();
        let kek = loaded.version(&context.key, parts.version).map_err(|lacking| error(context, lacking))?;
        wrap::unwrap(kek, &parts, context).map_err(corrupt)
    }

    fn epoch(&self) -> u64 {
        self.loaded.load().epoch()
    }

    fn version(&self, wrapped: &[u8]) -> Option<String> {
        wrap::Parts::parse(wrapped).ok().map(|parts| parts.version.to_string())
    }

    fn legacy(&self) -> Option<&dyn LegacyProvider> {
        Some(self)
    }
}

/// Tells the audit log which keys came and went.
fn audit(provider: &ProviderName, before: &Loaded, after: &Loaded) {
    for (key, version, kek) in before.changes(after) {
        let (provider, key) = (provider.as_str(), key.as_str());
        if let Some(fingerprint) = kek.map(file::Kek::fingerprint) {
            tracing::info!(target: "audit", event = "keyFileLoaded", provider, key, version, fingerprint);
        } else {
            tracing::info!(target: "audit", event = "keyFileGone", provider, key, version);
        }
    }
}

/// Without its directory the provider knows nothing; a directory that lacks the file is a definite no.
fn error(context: &KmsContext, lacking: Lacking) -> ProviderError {
    match lacking {
        Lacking::Directory(cause) => ProviderError::unavailable(context, cause),
        Lacking::Key(cause) => ProviderError::refused(context, cause),
        Lacking::Version(cause) => ProviderError::gone(context, cause),
    }
}

impl fmt::Debug for LocalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKeys")
            .field("provider", &self.provider)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}
