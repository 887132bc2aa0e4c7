//! A file of broker addresses that is followed.

use super::{Configured, Source};
use crate::digest::sha256;
use crate::telemetry::chain;
use arc_swap::ArcSwapOption;
use proxy_config::{BrokersFile, ConfigErrors, read_text};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use thiserror::Error;

/// Why a file was not taken.
#[derive(Debug, Error)]
enum Error {
    #[error(transparent)]
    Read(ConfigErrors),
    #[error("{} is invalid", path.display())]
    Invalid {
        path: PathBuf,
        #[source]
        source: ConfigErrors,
    },
}

/// What a look at the file found.
pub(super) enum Loaded {
    /// The file whose addresses are in use.
    Same,
    New(Configured),
    /// What is in use stays.
    Failed(String),
}

#[derive(Debug)]
pub(super) struct Followed {
    path: PathBuf,
    ports: Option<u16>,
    in_use: Mutex<InUse>,
    last_error: ArcSwapOption<String>,
}

#[derive(Debug, Default)]
struct InUse {
    hash: Option<String>,
    generation: u64,
}

impl Followed {
    pub(super) fn new(path: PathBuf, ports: Option<u16>) -> Self {
        Self { path, ports, in_use: Mutex::default(), last_error: ArcSwapOption::empty() }
    }

    pub(super) fn last_error(&self) -> Option<Arc<String>> {
        self.last_error.load_full()
    }

    /// The caller puts what is new in use.
    pub(super) fn load(&self) -> Loaded {
        match self.try_load() {
            Ok(loaded) => {
                self.last_error.store(None);
                loaded.map_or(Loaded::Same, Loaded::New)
            }
            Err(error) => {
                let problem = chain(&error);
                self.last_error.store(Some(Arc::new(problem.clone())));
                Loaded::Failed(problem)
            }
        }
    }

    fn try_load(&self) -> Result<Option<Configured>, Error> {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let text = read_text(&self.path).map_err(Error::Read)?;
        let hash = sha256(text.as_bytes());
        if in_use.hash.as_ref() == Some(&hash) {
            return Ok(None);
        }
        let file =
            BrokersFile::parse(&text).map_err(|source| Error::Invalid { path: self.path.clone(), source })?;
        in_use.hash = Some(hash.clone());
        in_use.generation = in_use.generation.saturating_add(1);
        let source = Source { hash, generation: in_use.generation, loaded_at: SystemTime::now() };
        Ok(Some(self.configured(&file, source)))
    }

    fn configured(&self, file: &BrokersFile, source: Source) -> Configured {
        let mut configured = Configured::default();
        let is_open = |id: i32| self.ports.is_none_or(|ports| id < i32::from(ports));
        for (id, address) in &file.brokers {
            if is_open(id.value()) {
                configured.addresses.insert(id.value(), address.into());
            } else {
                configured.skipped.push(id.value());
            }
        }
        let brokers = configured.addresses.len();
        tracing::info!(hash = %source.hash, generation = source.generation, brokers, "broker addresses loaded");
        if !configured.skipped.is_empty() {
            tracing::warn!(
                brokers = ?configured.skipped,
                ports = self.ports,
                "brokers were left out that not every listener has a port for"
            );
        }
        configured.source = Some(source);
        configured
    }
}
