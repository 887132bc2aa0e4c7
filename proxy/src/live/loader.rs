//! From the policy file and the ledger's file to a policy that can be put in force.

use super::{Histories, LoadedPolicy};
use crate::digest::sha256;
use proxy_config::{
    ConfigErrors, EffectivePolicy, HistoryError, Ledger, LedgerError, Policy, PolicyFiles, ProviderName,
    read_text,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use thiserror::Error;

/// Why a policy was not loaded.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(ConfigErrors),
    /// The file is no valid policy.
    #[error("{} is invalid", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All its mistakes.
        #[source]
        source: ConfigErrors,
    },
    /// What was ever encrypted is not known, or cannot be remembered.
    #[error(transparent)]
    Ledger(LedgerError),
    /// Where history ends is not known, or cannot be remembered.
    #[error(transparent)]
    History(HistoryError),
}

#[derive(Debug)]
pub(super) struct Loader {
    files: PolicyFiles,
    providers: BTreeSet<ProviderName>,
    /// Unknown until its file was read once; without it nothing can be said to have never been encrypted.
    ledger: Option<Ledger>,
    histories: Arc<Histories>,
    /// Hash of the policy in force.
    hash: Option<String>,
    /// Hash of what was read last, in force or not.
    read: Option<String>,
    generation: u64,
}

impl Loader {
    pub(super) fn new(
        files: PolicyFiles,
        providers: BTreeSet<ProviderName>,
        histories: Arc<Histories>,
    ) -> Self {
        Self { files, providers, ledger: None, histories, hash: None, read: None, generation: 0 }
    }

    /// The policy of the file; nothing when it is the one in force. The ledger is on disk before this returns.
    pub(super) fn load(&mut self) -> Result<Option<LoadedPolicy>, ReloadError> {
        let path = self.files.file.as_path();
        self.read = None;
        let text = read_text(path).map_err(ReloadError::Read)?;
        let hash = sha256(text.as_bytes());
        self.read = Some(hash.clone());
        if self.hash.as_ref() == Some(&hash) {
            return Ok(None);
        }
        let policy = Policy::parse(&text, &self.providers)
            .map_err(|source| ReloadError::Invalid { path: path.into(), source })?;
        let ledger = self.ledger(&policy).map_err(ReloadError::Ledger)?;
        let effective = EffectivePolicy::new(policy, ledger);
        let histories = Arc::clone(&self.histories);
        let history = histories.prepare(&effective).map_err(ReloadError::History)?;
        self.keep(effective.ledger()).map_err(ReloadError::Ledger)?;
        history.take();
        for provider in effective.unused_providers(&self.providers) {
            tracing::warn!(%provider, "no rule uses this key provider");
        }
        self.hash = Some(hash.clone());
        self.generation = self.generation.saturating_add(1);
        Ok(Some(LoadedPolicy { effective, hash, generation: self.generation, loaded_at: SystemTime::now() }))
    }

    /// The file, and the hash of what it held when it was last looked at; none where it could not be read.
    pub(super) fn looked_at(&self) -> (&Path, Option<&str>) {
        (self.files.file.as_path(), self.read.as_deref())
    }

    /// The ledger as this policy makes it. What it adds is on disk; what it clears is there still, until nothing can keep the policy
    /// from coming in force: the one before it may encrypt that, and stay. Empty where whoever writes the policy keeps the ledger:
    /// what is remembered here besides could only contradict it.
    fn ledger(&mut self, policy: &Policy) -> Result<Ledger, LedgerError> {
        let Some(state_file) = &self.files.state_file else { return Ok(Ledger::default()) };
        let known = match &self.ledger {
            Some(ledger) => ledger,
            None => self.ledger.insert(Ledger::load(state_file.as_path())?),
        };
        let updated = known.updated(policy);
        let both = known.joined(&updated);
        self.keep(&both)?;
        Ok(updated)
    }

    /// Brings the ledger to disk, where it is kept here.
    fn keep(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        if let Some(state_file) = &self.files.state_file {
            ledger.save(state_file.as_path())?;
            self.ledger = Some(ledger.clone());
        }
        Ok(())
    }
}
