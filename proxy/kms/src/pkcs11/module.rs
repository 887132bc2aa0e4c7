//! Modules that are loaded. They stay so until the process ends: to unload one that may have threads of its own is not safe.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11 as Library};
use cryptoki::error::{Error, RvError};

use super::failure::{Failure, said};

/// By path: a module is initialised once for the process, whatever number of providers uses it.
static MODULES: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

/// Between two restarts, at least.
const PAUSE: Duration = Duration::from_secs(5);

/// A module, loaded or not.
pub(super) struct Module {
    path: PathBuf,
    library: Mutex<Option<Library>>,
    /// How often it was restarted. Held for reading by every call: a module may not be restarted under one.
    restarts: RwLock<u64>,
    /// When it was restarted last.
    restarted: Mutex<Option<Instant>>,
}

impl Module {
    pub(super) fn at(path: &Path) -> Arc<Self> {
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        let module = modules.entry(path.to_owned()).or_insert_with(|| {
            Arc::new(Self {
                path: path.to_owned(),
                library: Mutex::default(),
                restarts: RwLock::default(),
                restarted: Mutex::default(),
            })
        });
        Arc::clone(module)
    }

    /// To be held during a call. Sessions of another number of restarts are none any more.
    pub(super) fn call(&self) -> RwLockReadGuard<'_, u64> {
        self.restarts.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The module, loaded and initialised.
    pub(super) fn library(&self) -> Result<Library, Failure> {
        let mut loaded = self.library.lock().unwrap_or_else(PoisonError::into_inner);
        let library = if let Some(library) = &*loaded {
            library.clone()
        } else {
            let library = Library::new(&self.path).map_err(|error| {
                Failure::Unavailable(format!("failed to load {}: {}", self.path.display(), said(&error)))
            })?;
            loaded.insert(library).clone()
        };
        match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) => tracing::debug!(module = %self.path.display(), "initialised a PKCS#11 module"),
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, Function::Initialize)) => {}
            Err(error) => {
                let cause = format!("failed to initialise {}: {}", self.path.display(), said(&error));
                return Err(Failure::Unavailable(cause));
            }
        }
        Ok(library)
    }

    /// Ends what the module does, so that it is initialised anew by the next call: some do not find their device again
    /// otherwise. Not while a call is under way, and not all the time: other tokens of the module are concerned too.
    pub(super) fn restart(&self) -> bool {
        let mut restarts = match self.restarts.try_write() {
            Ok(restarts) => restarts,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let mut restarted = self.restarted.lock().unwrap_or_else(PoisonError::into_inner);
        if restarted.is_some_and(|last| last.elapsed() < PAUSE) {
            return false;
        }
        let library = self.library.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(library) = library else { return false };
        *restarted = Some(Instant::now());
        *restarts += 1;
        if let Err(error) = library.finalize() {
            tracing::debug!(error = said(&error), "failed to finalise a PKCS#11 module");
        }
        true
    }
}
