//! How soon a key's state is known, in paused time.

use super::*;
use crate::metrics::Metrics;
use async_trait::async_trait;
use proxy_config::{ConfigPath, PolicyFiles, ProviderName};
use proxy_crypto::{ClusterName, Dek, KeyLimits, KeyProvider, KmsContext, WrappedKey};
use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use tempfile::TempDir;

#[derive(Debug, Clone, Copy, Default)]
enum Mood {
    #[default]
    Well,
    Refusing,
    Unavailable,
}

/// Wraps by not wrapping.
#[derive(Debug, Default)]
struct Steered {
    mood: Mutex<Mood>,
    asked: Mutex<Vec<Instant>>,
}

impl Steered {
    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The most calls that began within a second.
    fn busiest_second(&self) -> usize {
        let asked = self.asked.lock().unwrap();
        let within = |(index, first): (usize, &Instant)| {
            asked[index..].iter().take_while(|call| **call < *first + Duration::from_secs(1)).count()
        };
        asked.iter().enumerate().map(within).max().unwrap_or(0)
    }

    fn answer(&self, context: &KmsContext) -> Result<(), ProviderError> {
        self.asked.lock().unwrap().push(Instant::now());
        match *self.mood.lock().unwrap() {
            Mood::Well => Ok(()),
            Mood::Refusing => Err(ProviderError::refused(context, "disabled")),
            Mood::Unavailable => Err(ProviderError::unavailable(context, "connection refused")),
        }
    }
}

#[async_trait]
impl KeyProvider for Steered {
    async fn wrap(&self, context: &KmsContext, dek: &Dek) -> Result<WrappedKey, ProviderError> {
        self.answer(context)?;
        Ok(WrappedKey::new(dek.expose().as_slice()))
    }

    async fn unwrap(&self, context: &KmsContext, wrapped: &[u8]) -> Result<Dek, ProviderError> {
        self.answer(context)?;
        Dek::from_bytes(wrapped).ok_or_else(|| ProviderError::corrupt(context, "length"))
    }
}

/// A proxy with some keys of the provider `many` and one of `other`.
struct Fixture {
    live: Arc<Live>,
    many: Arc<Steered>,
    other: Arc<Steered>,
    _directory: TempDir,
    _checking: tokio_util::sync::DropGuard,
}

impl Fixture {
    /// Was ready, with twelve keys.
    async fn new() -> Self {
        let fixture = Self::start(12);
        assert!(fixture.passes("Ready").await < INTERVAL);
        assert!(fixture.live.obstacles().is_empty());
        fixture
    }

    fn start(keys: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (many, other) = (Arc::<Steered>::default(), Arc::<Steered>::default());
        let rule = |provider: &str, key: usize| {
            format!(
                "- {{topics: [{{name: {provider}{key}}}], key: {{name: k{key}, provider: {provider}}}}}\n"
            )
        };
        let rules: String = (0..keys).map(|key| rule("many", key)).chain([rule("other", 0)]).collect();
        std::fs::write(directory.path().join("policy.yaml"), format!("rules:\n{rules}")).unwrap();
        let files = PolicyFiles {
            file: ConfigPath::new("policy.yaml", directory.path()),
            state_file: None,
            history_settles: PolicyFiles::HISTORY_SETTLES,
        };
        let name = |name| ProviderName::new(name).unwrap();
        let entry = |name, provider: &Arc<Steered>| {
            (proxy_crypto::ProviderName::new(name).unwrap(), Arc::clone(provider) as Arc<dyn KeyProvider>)
        };
        let providers = HashMap::from([entry("many", &many), entry("other", &other)]);
        let keys = Keys::new(&ClusterName::new("test").unwrap(), providers, KeyLimits::default());
        let metrics = Metrics::register(&mut Metrics::registry()).reloads;
        let live = Live::new(files, [name("many"), name("other")].into(), Arc::new(keys), metrics);
        let live = Arc::new(live);
        live.set_listening();
        assert!(live.reload_policy());
        let shutdown = CancellationToken::new();
        let (checking, token) = (Arc::clone(&live), shutdown.clone());
        tokio::spawn(async move { checking.check_keys(token).await });
        Self { live, many, other, _directory: directory, _checking: shutdown.drop_guard() }
    }

    /// The states of the keys of a provider.
    fn states(&self, provider: &str) -> BTreeSet<&'static str> {
        let keys = self.live.key_states.keys();
        let keys = keys.iter().filter(|key| key.provider.as_str() == provider);
        keys.map(|key| self.live.key_attempt(key).tried.writes.name().as_str()).collect()
    }

    /// The time until all keys of the provider `many` have this state.
    async fn passes(&self, state: &str) -> Duration {
        let start = Instant::now();
        while self.states("many") != [state].into() {
            assert!(start.elapsed() < 10 * INTERVAL, "never {state}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        start.elapsed()
    }

    /// The same, while no key is ever taken for one that got no answer.
    async fn passes_answered(&self, state: &str) -> Duration {
        let unanswered = async {
            // One that was is tried again after 5 s.
            while !self.states("many").contains("Unavailable") {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::select! {
            passed = self.passes(state) => passed,
            () = unanswered => panic!("a key was only not tried yet"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_says_of_keys_that_nothing_uses_is_known_within_20_s() {
    let fixture = Fixture::new().await;
    for (mood, state) in
        [(Mood::Refusing, "Refused"), (Mood::Well, "Ready"), (Mood::Unavailable, "Unavailable")]
    {
        fixture.many.set(mood);
        let passed = fixture.passes(state).await;
        assert!(passed <= Duration::from_secs(21), "{state}: {passed:?}");
    }
}

/// While the circuit is half open, all keys but one are told of without being tried.
#[tokio::test(start_paused = true)]
async fn all_keys_of_a_provider_are_tried_soon_after_an_outage() {
    let fixture = Fixture::new().await;
    fixture.many.set(Mood::Unavailable);
    fixture.passes("Unavailable").await;
    fixture.many.set(Mood::Well);
    let passed = fixture.passes("Ready").await;
    assert!(passed <= Duration::from_secs(11), "{passed:?}");
}

#[tokio::test(start_paused = true)]
async fn for_a_provider_that_does_not_answer_no_other_is_asked_more_often() {
    let fixture = Fixture::new().await;
    fixture.many.set(Mood::Unavailable);
    fixture.passes("Unavailable").await;
    let before = fixture.other.asked();
    tokio::time::sleep(Duration::from_mins(10)).await;
    let asked = fixture.other.asked() - before;
    assert!((58..=62).contains(&asked), "{asked}: two calls every 20 s");
}

#[tokio::test(start_paused = true)]
async fn however_many_keys_are_tried_no_second_has_more_calls_than_the_cap() {
    const KEYS: usize = 1_000;
    let cap = usize::try_from(KeyLimits::default().calls_per_second).unwrap();
    // Two calls for each.
    let round = Duration::from_secs((2 * KEYS / cap).try_into().unwrap());
    let fixture = Fixture::start(KEYS);
    let passed = fixture.passes_answered("Ready").await;
    assert!(passed <= round + Duration::from_secs(1), "{passed:?}");
    assert!(fixture.live.obstacles().is_empty());

    // The rest of the round that was under way when the provider changed its mind, and the next as far as it was before.
    for (mood, state) in [(Mood::Refusing, "Refused"), (Mood::Well, "Ready")] {
        fixture.many.set(mood);
        let passed = fixture.passes_answered(state).await;
        assert!(passed <= round + INTERVAL, "{state}: {passed:?}");
    }
    let (asked, busiest) = (fixture.many.asked(), fixture.many.busiest_second());
    assert_eq!(busiest, cap, "of {asked} calls");
}

#[tokio::test(start_paused = true)]
async fn many_keys_of_a_provider_do_not_hold_up_those_of_another() {
    let fixture = Fixture::start(1_000);
    let start = Instant::now();
    while fixture.states("other") != ["Ready"].into() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(start.elapsed() <= Duration::from_secs(1), "{:?}", start.elapsed());
}
