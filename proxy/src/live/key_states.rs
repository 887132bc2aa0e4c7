//! What each key's provider said last, and whether that lets the pod take clients.
//!
//! A definite no is an answer: it fails the rules that use the key and nobody else. Only a provider that has not
//! answered at all since start keeps a starting pod from being ready. Once ready, keys never make it unready: an
//! outage would take away every replica at once, and cached keys may still serve.

use proxy_config::{KeyRef, KeyStateName, ProviderName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// Not tried yet.
    Unknown,
    /// The provider made and unwrapped a data key.
    Ready,
    /// The provider said no: the key is missing, disabled or denied.
    Refused(String),
    /// The provider gave no answer.
    Unavailable(String),
}

impl KeyState {
    /// The state's name, without its reason.
    pub fn name(&self) -> KeyStateName {
        match self {
            Self::Unknown => KeyStateName::Unknown,
            Self::Ready => KeyStateName::Ready,
            Self::Refused(_) => KeyStateName::Refused,
            Self::Unavailable(_) => KeyStateName::Unavailable,
        }
    }

    /// Why, in the provider's words.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Unknown | Self::Ready => None,
            Self::Refused(reason) | Self::Unavailable(reason) => Some(reason),
        }
    }

    fn is_answer(&self) -> bool {
        matches!(self, Self::Ready | Self::Refused(_))
    }
}

/// How an attempt at a key ended. Two states, since who reads needs less: what a rule holds under a key must neither stop reads nor
/// speak against the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Of the key itself.
    pub key: KeyState,
    /// Of the key and of all that rules hold under it: what writes need.
    pub writes: KeyState,
}

impl Tried {
    /// Where nothing is held under the key.
    pub(super) fn of(key: KeyState) -> Self {
        Self { writes: key.clone(), key }
    }
}

/// One key's last attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// How it ended.
    pub tried: Tried,
    /// When it ended.
    pub at: Option<SystemTime>,
}

const UNTRIED: Attempt =
    Attempt { tried: Tried { key: KeyState::Unknown, writes: KeyState::Unknown }, at: None };

/// The keys that the policy in force names. Locked for moments only.
#[derive(Debug, Default)]
pub(super) struct KeyStates(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    attempts: BTreeMap<KeyRef, Attempt>,
    /// Providers that said yes or no since start.
    answered: BTreeSet<ProviderName>,
    /// Providers of which a key was ready since start.
    proven: BTreeSet<ProviderName>,
    was_ready: bool,
}

impl KeyStates {
    /// Knows exactly `keys` from now on; what was known of them stays.
    pub(super) fn expect(&self, keys: BTreeSet<KeyRef>) {
        let mut inner = self.lock();
        let mut known = std::mem::take(&mut inner.attempts);
        inner.attempts = keys
            .into_iter()
            .map(|key| {
                let attempt = known.remove(&key).unwrap_or(UNTRIED);
                (key, attempt)
            })
            .collect();
    }

    pub(super) fn keys(&self) -> Vec<KeyRef> {
        self.lock().attempts.keys().cloned().collect()
    }

    /// Those that nobody said yes or no of, when they were tried last.
    pub(super) fn unanswered(&self) -> Vec<KeyRef> {
        let inner = self.lock();
        let unanswered = inner.attempts.iter().filter(|(_, attempt)| !attempt.tried.writes.is_answer());
        unanswered.map(|(key, _)| key.clone()).collect()
    }

    pub(super) fn attempt(&self, key: &KeyRef) -> Attempt {
        self.lock().attempts.get(key).cloned().unwrap_or(UNTRIED)
    }

    /// Takes the outcome of an attempt. Returns whether the state is another now. That there was no answer for another reason is
    /// none: of keys of a provider that is left alone, it is now this one that is tried and now that one.
    pub(super) fn record(&self, key: &KeyRef, tried: Tried, at: SystemTime) -> bool {
        let mut inner = self.lock();
        if tried.key.is_answer() {
            inner.answered.insert(key.provider.clone());
        }
        if tried.key == KeyState::Ready {
            inner.proven.insert(key.provider.clone());
        }
        // A policy may have dropped the key while it was tried.
        let Some(attempt) = inner.attempts.get_mut(key) else {
            return false;
        };
        let (before, now) = (&attempt.tried.writes, &tried.writes);
        let silent = |state: &KeyState| matches!(state, KeyState::Unavailable(_));
        let changed = before != now && !(silent(before) && silent(now));
        *attempt = Attempt { tried, at: Some(at) };
        changed
    }

    /// Whether a provider is to be believed that a key is gone. A wrong server, region or namespace says so of every key, so
    /// another one must be ready there; or one was since start, where the policy names no other.
    pub(super) fn is_right_place(&self, provider: &str, key: &str) -> bool {
        let inner = self.lock();
        let is_there = |(key, _): &(&KeyRef, &Attempt)| key.provider.as_str() == provider;
        let mut there = inner.attempts.iter().filter(is_there);
        there.clone().any(|(_, attempt)| attempt.tried.key == KeyState::Ready)
            || inner.proven.iter().any(|proven| proven.as_str() == provider)
                && there.all(|(other, _)| other.name.as_str() == key)
    }

    /// Why the keys keep a starting pod from being ready; nothing when they do not.
    pub(super) fn obstacles(&self) -> Vec<String> {
        let mut inner = self.lock();
        if inner.was_ready {
            return Vec::new();
        }
        let obstacles: Vec<String> = inner
            .attempts
            .iter()
            .filter_map(|(key, attempt)| match &attempt.tried.key {
                KeyState::Unknown => Some(format!("key {key} was not tried yet")),
                KeyState::Unavailable(reason) if !inner.answered.contains(&key.provider) => {
                    Some(format!("key {key}: the provider has not answered since start: {reason}"))
                }
                _ => None,
            })
            .collect();
        inner.was_ready = obstacles.is_empty();
        obstacles
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_config::KeyName;

    fn key(provider: &str, key: &str) -> KeyRef {
        KeyRef { provider: ProviderName::new(provider).unwrap(), name: KeyName::new(key).unwrap() }
    }

    fn states(keys: &[(&str, &str)]) -> KeyStates {
        let states = KeyStates::default();
        states.expect(keys.iter().map(|(provider, name)| key(provider, name)).collect());
        states
    }

    fn record(states: &KeyStates, of: &KeyRef, state: KeyState) -> bool {
        states.record(of, Tried::of(state), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn waits_until_every_key_was_tried() {
        let states = states(&[("a", "1"), ("a", "2")]);
        assert_eq!(states.obstacles().len(), 2);
        record(&states, &key("a", "1"), KeyState::Ready);
        assert_eq!(states.obstacles(), ["key 2 of provider a was not tried yet"]);
        record(&states, &key("a", "2"), KeyState::Ready);
        assert!(states.obstacles().is_empty());
    }

    #[test]
    fn a_no_is_an_answer() {
        let states = states(&[("a", "1")]);
        record(&states, &key("a", "1"), KeyState::Refused("disabled".to_owned()));
        assert!(states.obstacles().is_empty());
    }

    #[test]
    fn a_provider_that_never_answered_is_an_obstacle() {
        let states = states(&[("a", "1"), ("b", "1")]);
        record(&states, &key("a", "1"), KeyState::Ready);
        record(&states, &key("b", "1"), KeyState::Unavailable("timed out".to_owned()));
        assert_eq!(
            states.obstacles(),
            ["key 1 of provider b: the provider has not answered since start: timed out"]
        );
        record(&states, &key("b", "1"), KeyState::Ready);
        assert!(states.obstacles().is_empty());
    }

    #[test]
    fn a_provider_that_has_no_key_at_all_is_not_believed_that_one_is_gone() {
        let gone = || KeyState::Refused("there is no such key".to_owned());
        let states = states(&[("a", "1"), ("a", "2"), ("b", "1")]);
        let (first, second) = (key("a", "1"), key("a", "2"));
        record(&states, &key("b", "1"), KeyState::Ready);
        record(&states, &first, gone());
        record(&states, &second, KeyState::Ready);
        assert!(states.is_right_place("a", "1"));
        record(&states, &second, gone());
        assert!(!states.is_right_place("a", "1"), "as where the address leads elsewhere");
        record(&states, &first, KeyState::Ready);
        assert!(states.is_right_place("a", "1"), "its newer version is there");
    }

    #[test]
    fn the_only_key_of_a_provider_counts_as_gone_where_it_was_there_before() {
        let states = states(&[("a", "1")]);
        let gone = || KeyState::Refused("there is no such key".to_owned());
        record(&states, &key("a", "1"), gone());
        assert!(!states.is_right_place("a", "1"), "it was never there");
        record(&states, &key("a", "1"), KeyState::Ready);
        record(&states, &key("a", "1"), gone());
        assert!(states.is_right_place("a", "1"));
        assert!(!states.is_right_place("a", "former"), "the policy names another, which is gone too");
        assert!(!states.is_right_place("b", "1"));
    }

    #[test]
    fn what_is_held_under_a_key_says_nothing_of_its_provider() {
        let states = states(&[("a", "1")]);
        let first = key("a", "1");
        let of_held = |writes| Tried { key: KeyState::Ready, writes };
        let silent = of_held(KeyState::Unavailable("timed out".to_owned()));
        assert!(states.record(&first, silent, SystemTime::UNIX_EPOCH));
        assert!(states.obstacles().is_empty());
        assert_eq!(states.unanswered(), std::slice::from_ref(&first), "it is tried again soon");
        let refused = of_held(KeyState::Refused("its version was destroyed".to_owned()));
        assert!(states.record(&first, refused, SystemTime::UNIX_EPOCH));
        assert!(states.is_right_place("a", "1"), "the key's newest version is there");
    }

    #[test]
    fn a_later_outage_is_no_obstacle() {
        let states = states(&[("a", "1")]);
        record(&states, &key("a", "1"), KeyState::Ready);
        assert!(states.obstacles().is_empty());
        record(&states, &key("a", "1"), KeyState::Unavailable("timed out".to_owned()));
        states.expect([key("a", "1"), key("b", "1")].into());
        assert!(states.obstacles().is_empty());
    }

    #[test]
    fn a_new_policy_keeps_what_is_known_of_its_keys() {
        let states = states(&[("a", "1"), ("a", "2")]);
        record(&states, &key("a", "1"), KeyState::Ready);
        states.expect([key("a", "1")].into());
        assert_eq!(states.attempt(&key("a", "1")).tried.key, KeyState::Ready);
        assert_eq!(states.keys(), [key("a", "1")]);
        assert!(!record(&states, &key("a", "2"), KeyState::Ready));
    }

    #[test]
    fn tells_when_a_state_changed() {
        let states = states(&[("a", "1")]);
        assert!(record(&states, &key("a", "1"), KeyState::Ready));
        assert!(!record(&states, &key("a", "1"), KeyState::Ready));
        assert!(record(&states, &key("a", "1"), KeyState::Refused("denied".to_owned())));
        assert!(record(&states, &key("a", "1"), KeyState::Refused("disabled".to_owned())));
        assert!(record(&states, &key("a", "1"), KeyState::Unavailable("no answer".to_owned())));
        assert!(!record(&states, &key("a", "1"), KeyState::Unavailable("left alone".to_owned())));
    }
}
