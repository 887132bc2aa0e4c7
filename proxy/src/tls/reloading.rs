//! A configuration made from files, replaced as a whole when the files change.

use super::Error;
use super::files::Contents;
use arc_swap::ArcSwap;
use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The files, and how a configuration is made from them.
pub(super) trait Source: Clone {
    type Config;

    /// With the files that directories have at this moment in their place.
    fn resolve(&self) -> Result<Cow<'_, Self>, Error> {
        Ok(Cow::Borrowed(self))
    }

    fn paths(&self) -> impl Iterator<Item = &Path>;

    fn build(&self, contents: &Contents<'_>) -> Result<Self::Config, Error>;
}

#[derive(Debug)]
pub(super) struct Reloading<S: Source> {
    source: S,
    config: ArcSwap<S::Config>,
    /// What `config` was made from. Held for a whole reload, so that reloads exclude each other.
    fingerprint: Mutex<[u8; 32]>,
}

impl<S: Source> Reloading<S> {
    pub(super) fn load(source: S) -> Result<Self, Error> {
        let (config, fingerprint) = {
            let files = source.resolve()?;
            let contents = Contents::read(files.paths())?;
            (ArcSwap::from_pointee(files.build(&contents)?), Mutex::new(contents.fingerprint()))
        };
        Ok(Self { source, config, fingerprint })
    }

    pub(super) fn config(&self) -> Arc<S::Config> {
        self.config.load_full()
    }

    pub(super) fn reload(&self) -> Result<bool, Error> {
        let mut fingerprint = self.fingerprint.lock().unwrap_or_else(PoisonError::into_inner);
        let files = self.source.resolve()?;
        let contents = Contents::read(files.paths())?;
        let now = contents.fingerprint();
        if *fingerprint == now {
            return Ok(false);
        }
        self.config.store(Arc::new(files.build(&contents)?));
        *fingerprint = now;
        Ok(true)
    }
}
