//! What changes while the proxy runs: the policy, the keys, and whether clients may come.
//!
//! Readers take an `Arc` and never wait. A policy is read, parsed and joined with the ledger as a whole before it is
//! swapped in; whatever fails on the way leaves everything as it was. The keys live outside the policy, so that a
//! reload never restarts a counter.

mod audit;
mod history;
mod key_check;
mod key_states;
mod loader;
mod unreadable;

pub(crate) use audit::served;
pub(crate) use history::Passing;
pub use history::{Histories, HistoryReport};
pub(crate) use key_check::{attempt, attempt_all};
pub use key_states::{Attempt, KeyState, Tried};
pub use loader::ReloadError;
pub use unreadable::{RefusedRead, Unread, UnreadEntry, Unreadable};

use crate::brokers::Brokers;
use crate::metrics::ReloadMetrics;
use crate::metrics::labels::Outcome;
use crate::telemetry::chain;
use arc_swap::ArcSwapOption;
use key_states::KeyStates;
use loader::Loader;
use proxy_config::{EffectivePolicy, KeyRef, KeyTimes, Pattern, PolicyFiles, ProviderName};
use proxy_crypto::{EnvelopeHeader, Keys};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::{Notify, watch};

/// A policy in force.
#[derive(Debug)]
pub struct LoadedPolicy {
    /// What happens to each topic.
    pub effective: EffectivePolicy,
    /// SHA-256 of the file's bytes, in hexadecimal.
    pub hash: String,
    /// How many policies were loaded since start, this one included.
    pub generation: u64,
    /// When it was loaded.
    pub loaded_at: SystemTime,
}

impl LoadedPolicy {
    /// Patterns of earlier policies whose topics are refused for writing now.
    pub fn retired(&self) -> Vec<&Pattern> {
        retired(&self.effective)
    }
}

type Topics = Box<dyn Fn() -> serde_json::Value + Send + Sync>;

/// Shared by everything that runs.
pub struct Live {
    policy: ArcSwapOption<LoadedPolicy>,
    /// Held while files are read and written; makes reloads exclude each other.
    loader: Mutex<Loader>,
    /// Why the file on disk is not the policy in force.
    last_error: ArcSwapOption<String>,
    keys: Arc<Keys>,
    key_states: KeyStates,
    keys_changed: Notify,
    unreadable: Unreadable,
    histories: Arc<Histories>,
    /// How many policies were loaded, for those who wait for another one.
    generation: watch::Sender<u64>,
    topics: OnceLock<Topics>,
    brokers: OnceLock<Arc<Brokers>>,
    listening: AtomicBool,
    draining: AtomicBool,
    metrics: ReloadMetrics,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl Live {
    /// Nothing is loaded yet: [`reload_policy`](Self::reload_policy) does that.
    pub fn new(
        files: PolicyFiles,
        providers: BTreeSet<ProviderName>,
        keys: Arc<Keys>,
        metrics: ReloadMetrics,
    ) -> Self {
        let history = files.history_file().map(|file| file.as_path().to_owned());
        let histories = Arc::new(Histories::new(history, files.history_settles.duration()));
        Self {
            policy: ArcSwapOption::empty(),
            loader: Mutex::new(Loader::new(files, providers, Arc::clone(&histories))),
            histories,
            last_error: ArcSwapOption::empty(),
            keys,
            key_states: KeyStates::default(),
            keys_changed: Notify::new(),
            unreadable: Unreadable::new(KeyTimes::default().unreadable_delay.duration()),
            generation: watch::Sender::new(0),
            topics: OnceLock::new(),
            brokers: OnceLock::new(),
            listening: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            metrics,
        }
    }

    /// With another time for which a key must be refused before consumers go past its records.
    #[must_use]
    pub fn unreadable_after(mut self, delay: Duration) -> Self {
        self.unreadable = Unreadable::new(delay);
        self
    }

    /// The policy in force; none until a first one was loaded. One request should use one policy all along.
    pub fn policy(&self) -> Option<Arc<LoadedPolicy>> {
        self.policy.load_full()
    }

    /// Tells of each policy that comes in force from now on.
    pub fn generations(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// The data keys of this process.
    pub fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// What consumers went past since its key is gone, and which keys are refused to them.
    pub fn unreadable(&self) -> &Unreadable {
        &self.unreadable
    }

    /// Where history ends in topics whose rule lets that pass.
    pub fn histories(&self) -> &Arc<Histories> {
        &self.histories
    }

    /// Reads the policy file, and takes it when it is another one and valid. Returns whether it did.
    pub fn reload_policy(&self) -> bool {
        let mut loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
        match loader.load() {
            Ok(None) => {
                self.last_error.store(None);
                self.metrics.current.set(1);
                false
            }
            Ok(Some(policy)) => {
                self.take(policy);
                true
            }
            Err(error) => {
                self.complain(&error, &loader);
                false
            }
        }
    }

    /// Why the file on disk is not the policy in force.
    pub fn last_error(&self) -> Option<Arc<String>> {
        self.last_error.load_full()
    }

    /// The last attempt at a key.
    pub fn key_attempt(&self, key: &KeyRef) -> Attempt {
        self.key_states.attempt(key)
    }

    /// Takes note that a key's provider says it is gone. Tells whether the key counts as lost: gone for long enough, and by a
    /// provider that is to be believed.
    pub(crate) fn note_gone(&self, envelope: &EnvelopeHeader<'_>) -> bool {
        let version = self.keys.version_of(envelope);
        self.unreadable.note_gone(envelope, version)
            && self.key_states.is_right_place(envelope.provider(), envelope.key())
    }

    /// Has the keys tried soon, since a provider has other keys now.
    pub fn keys_changed(&self) {
        self.keys_changed.notify_one();
    }

    /// Says where `/topics` takes its answer from. The first call wins.
    pub fn report_topics(&self, topics: impl Fn() -> serde_json::Value + Send + Sync + 'static) {
        let _first_wins = self.topics.set(Box::new(topics));
    }

    /// What the data plane knows of topics, once it runs.
    pub fn topics(&self) -> Option<serde_json::Value> {
        self.topics.get().map(|topics| topics())
    }

    /// Says what knows where brokers are. The first call wins.
    pub fn follow_brokers(&self, brokers: Arc<Brokers>) {
        let _first_wins = self.brokers.set(brokers);
    }

    /// Where brokers are.
    pub fn brokers(&self) -> Option<&Arc<Brokers>> {
        self.brokers.get()
    }

    /// All ports are open.
    pub fn set_listening(&self) {
        self.listening.store(true, Ordering::Relaxed);
    }

    /// No new clients should come.
    pub fn set_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Why clients should not come now; nothing when they may.
    pub fn obstacles(&self) -> Vec<String> {
        if self.draining.load(Ordering::Relaxed) {
            return vec!["shutting down".to_owned()];
        }
        let mut obstacles = Vec::new();
        if !self.listening.load(Ordering::Relaxed) {
            obstacles.push("the listeners are not open yet".to_owned());
        }
        obstacles.extend(self.brokers().and_then(|brokers| brokers.obstacle()));
        match (self.policy.load().is_some(), self.last_error()) {
            (true, _) => obstacles.extend(self.key_states.obstacles()),
            (false, Some(error)) => obstacles.push(format!("no policy is loaded: {error}")),
            (false, None) => obstacles.push("no policy is loaded yet".to_owned()),
        }
        obstacles
    }

    fn take(&self, loaded: LoadedPolicy) {
        // Before anything calls for its keys.
        self.keys.serve(served(loaded.effective.policy()));
        self.key_states.expect(loaded.effective.policy().keys());
        self.metrics.policy.inc(Outcome::Loaded);
        self.metrics.generation.set(i64::try_from(loaded.generation).unwrap_or(i64::MAX));
        self.metrics.current.set(1);
        tracing::info!(
            hash = %loaded.hash,
            generation = loaded.generation,
            rules = loaded.effective.policy().rules().len(),
            pending = loaded.effective.policy().pending(),
            retired = loaded.retired().len(),
            "policy loaded"
        );
        audit::loaded(&loaded);
        if let Some(before) = self.policy() {
            let rotations = loaded.effective.policy().rotations();
            for key in rotations.since(before.effective.policy().rotations()) {
                tracing::info!(provider = %key.provider, key = %key.name, "data keys are replaced, as the policy asks");
                self.keys.rotate_key(&key.provider, &key.name);
            }
        }
        let generation = loaded.generation;
        self.policy.store(Some(Arc::new(loaded)));
        self.generation.send_replace(generation);
        self.last_error.store(None);
        self.keys_changed();
    }

    /// Once for each mistake, not for each look at it.
    fn complain(&self, error: &ReloadError, loader: &Loader) {
        let text = chain(error);
        self.metrics.current.set(0);
        if self.last_error.load().as_deref() == Some(&text) {
            return;
        }
        self.metrics.policy.inc(Outcome::Failed);
        audit::refused(loader, &text);
        if let Some(policy) = self.policy() {
            tracing::warn!(error = %text, hash = %policy.hash, "policy not loaded, the earlier one stays");
        } else {
            tracing::warn!(error = %text, "policy not loaded, not ready until it is");
        }
        self.last_error.store(Some(Arc::new(text)));
    }
}

/// Patterns that refuse writes, of rules and of the ledger, each once. A topic stands for each pattern: a name for itself,
/// a prefix or "any" continued by a byte that no pattern has, so that nothing narrower matches.
pub(crate) fn retired(effective: &EffectivePolicy) -> Vec<&Pattern> {
    let refuses = |pattern: &Pattern| {
        let topic = match pattern {
            Pattern::Name(name) => name.to_string(),
            Pattern::Prefix(prefix) => format!("{prefix}\0"),
            Pattern::Any => "\0".to_owned(),
        };
        matches!(effective.decide(&topic), proxy_config::Decision::Retired(_))
    };
    let rules = effective.policy().rules().iter().flat_map(|rule| &rule.topics);
    let patterns: BTreeSet<_> =
        effective.ledger().entries().map(|(pattern, _)| pattern).chain(rules).collect();
    patterns.into_iter().filter(|pattern| refuses(pattern)).collect()
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
