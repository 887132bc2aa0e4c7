//! What every provider must do, whatever its system.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proxy_crypto::{
    ClusterName, Dek, KeyLimits, KeyName, KeyProvider, Keys, KmsContext, ProviderError, ProviderName,
    WrappedKey,
};
use tests::eventually_ok;
use tests::kms::Fault;

use super::system::{Proof, System};

/// The limit of a call here; a system that takes 20 s is far beyond it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// Within which a system that is back is used again.
const RECOVERY: Duration = Duration::from_secs(30);
pub(crate) const PROVIDER: &str = "team-kms";
/// What can happen on the way, and what the message about it says, whatever the system.
const FAULTS: [(&str, Fault, &str); 5] = [
    ("connection refused", Fault::Refused, "Connection refused"),
    ("half-open connection", Fault::Silent, "no answer within"),
    ("slow (20 s)", Fault::Slow(Duration::from_secs(20)), "no answer within"),
    ("connection cut in an answer", Fault::Cut, "eof"),
    ("garbage in place of an answer", Fault::Garbage, "is not one of"),
];
const DISTRUST: (&str, &str) = ("certificate of another authority", "invalid peer certificate");

/// What a case must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Works,
    Refused,
    Corrupt,
    Unavailable,
}

/// A case that held.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) case: &'static str,
    pub(crate) outcome: Outcome,
    /// What the message has in any case.
    pub(crate) says: &'static str,
    pub(crate) proof: Proof,
}

/// Takes a system through all cases; panics with the first that does not hold.
pub(crate) async fn holds(system: &dyn System) -> Vec<Held> {
    let mut suite = Suite { system, held: Vec::new() };
    suite.keys().await;
    suite.owners().await;
    match system.has_no_connection() {
        None => suite.way().await,
        Some(reason) => suite.no_way(Proof::DoesNotApply(reason)),
    }
    suite.held
}

struct Suite<'a> {
    system: &'a dyn System,
    held: Vec<Held>,
}

impl Suite<'_> {
    /// Making and unwrapping data keys.
    async fn keys(&mut self) {
        let (system, provider) = (self.system, self.system.provider());
        system.make_key("a").await;
        system.make_key("b").await;
        let (dek, wrapped) = provider.generate(&context("a")).await.unwrap();
        let (other, _) = provider.generate(&context("a")).await.unwrap();
        assert!(!dek.same_as(&other), "a data key is made anew each time");
        self.works("generate");
        assert!(unwrap(&*provider, "a", &wrapped).await.unwrap().same_as(&dek));
        self.works("unwrap");
        let answer = self.when("another key", unwrap(&*provider, "b", &wrapped)).await;
        self.check("another key", system.another_key(), "b", answer);
        let elsewhere = KmsContext { cluster: ClusterName::new("elsewhere").unwrap(), ..context("a") };
        let moved = provider.unwrap(&elsewhere, wrapped.as_bytes()).await;
        self.check("another cluster's context", Outcome::Corrupt, "a", Some(moved));
        let last = wrapped.as_bytes().len() - 1;
        for place in 0..=last {
            if self.proved("altered") && (place % 16 == 0 || place < 12 || place == last) {
                let mut altered = wrapped.as_bytes().to_vec();
                altered[place] ^= 1;
                let answer = provider.unwrap(&context("a"), &altered).await;
                let Err(error) = answer else { panic!("{}: byte {place} may be altered", system.name()) };
                // Elsewhere it may be the version or the id of a key, of which the system has none such.
                let is_corrupt = matches!(error, ProviderError::Corrupt { .. });
                let may_be = place < last && matches!(error, ProviderError::Refused { .. });
                assert!(is_corrupt || may_be, "{}: byte {place}: {error}", system.name());
            }
        }
        self.note("altered", Outcome::Corrupt, "", system.proof("altered"));
        if self.proved("rotated") {
            system.rotate("a").await;
            let (_, newer) = provider.generate(&context("a")).await.unwrap();
            assert!(
                unwrap(&*provider, "a", &wrapped).await.unwrap().same_as(&dek),
                "old data keys go on to open"
            );
            let versions = [&newer, &wrapped].map(|wrapped| provider.version(wrapped.as_bytes()));
            assert_eq!(versions[0] != versions[1], system.tells_versions(), "a new version is told");
        }
        self.works("rotated");
        let (_, newer) = provider.generate(&context("a")).await.unwrap();
        let again = provider.wrap(&context("a"), &dek).await.unwrap();
        assert!(unwrap(&*provider, "a", &again).await.unwrap().same_as(&dek), "it is the same data key");
        let versions = [&newer, &again].map(|wrapped| provider.version(wrapped.as_bytes()));
        assert_eq!(versions[0], versions[1], "the newest version wraps");
        self.works("wrapped again");
    }

    /// What owners of keys do.
    async fn owners(&mut self) {
        let (system, provider) = (self.system, self.system.provider());
        let answer = provider.generate(&context("missing")).await;
        self.check("no such key", Outcome::Refused, "missing", Some(answer));
        let (dek, wrapped) = provider.generate(&context("a")).await.unwrap();
        let disabled = self.when("disabled", async {
            system.disable("a").await;
            unwrap(&*provider, "a", &wrapped).await
        });
        let disabled = disabled.await;
        self.check("disabled", Outcome::Refused, "a", disabled);
        if self.proved("enabled again") {
            system.enable("a").await;
            let again = unwrap(&*provider, "a", &wrapped).await.unwrap();
            assert!(again.same_as(&dek), "an enabled key opens again");
        }
        self.works("enabled again");
        let denied = self.when("denied", async {
            system.deny("b").await;
            provider.generate(&context("b")).await
        });
        let denied = denied.await;
        self.check("denied", Outcome::Refused, "b", denied);
        assert!(provider.generate(&context("a")).await.is_ok(), "other keys are not concerned");
        let throttled = self.when("throttled", async {
            system.throttle().await;
            let mut answer = provider.generate(&context("a")).await;
            for _ in 0..5 {
                answer = if answer.is_ok() { provider.generate(&context("a")).await } else { answer };
            }
            system.unthrottle().await;
            answer
        });
        let throttled = throttled.await;
        self.check("throttled", Outcome::Unavailable, "a", throttled);
        let deleted = self.when("deleted", async {
            system.delete("a").await;
            unwrap(&*provider, "a", &wrapped).await
        });
        let deleted = deleted.await;
        self.check("deleted", Outcome::Refused, "a", deleted);
    }

    /// What happens on the way.
    async fn way(&mut self) {
        let system = self.system;
        system.make_key("way").await;
        for (case, fault, says) in FAULTS {
            // Connected before, so that a connection that was good fails too.
            let keys = keys(system.provider());
            keys.verify(PROVIDER, "way").await.unwrap();
            system.faults().set(fault).await;
            let asked = async {
                let start = Instant::now();
                (keys.verify(PROVIDER, "way").await, start.elapsed())
            };
            let ((answer, took), first) = tokio::join!(asked, self.connecting(says));
            assert!(took < PATIENCE + Duration::from_secs(1), "{case}: {took:?}");
            self.refuses(case, Outcome::Unavailable, "way", "", answer);
            self.refuses(case, Outcome::Unavailable, "way", says, first);
            self.note(case, Outcome::Unavailable, says, Proof::Injected);
            system.faults().set(Fault::None).await;
            // Not always at once: a connection that was kept may have ended without the client having noticed yet.
            let again = async || keys.verify(PROVIDER, "way").await;
            eventually_ok(&format!("it serves again after {case}"), RECOVERY, again).await;
        }
        let answer = keys(system.distrustful()).verify(PROVIDER, "way").await;
        let (case, says) = DISTRUST;
        self.refuses(case, Outcome::Unavailable, "way", says, answer);
        self.note(case, Outcome::Unavailable, says, system.proof(case));
    }

    /// What a provider says that was not connected before: another may say of its connection that it has ended. On a busy machine
    /// the time for a call may be over first.
    async fn connecting(&self, says: &str) -> Result<(), ProviderError> {
        let mut answer = Ok(());
        for _ in 0..3 {
            answer = keys(self.system.provider()).verify(PROVIDER, "way").await;
            if answer.as_ref().is_err_and(|error| error.cause().contains(says)) {
                break;
            }
        }
        answer
    }

    /// The same, where there is none.
    fn no_way(&mut self, proof: Proof) {
        for case in FAULTS.map(|(case, ..)| case).into_iter().chain([DISTRUST.0]) {
            self.note(case, Outcome::Unavailable, "", proof);
        }
    }

    fn proved(&self, case: &str) -> bool {
        self.system.proof(case).is_some()
    }

    /// Lets a case happen, unless the system cannot.
    async fn when<T>(&self, case: &str, happens: impl Future<Output = T>) -> Option<T> {
        if self.proved(case) { Some(happens.await) } else { None }
    }

    /// As `refuses`, for a case that happens in the system.
    fn check<T>(
        &mut self,
        case: &'static str,
        outcome: Outcome,
        key: &str,
        answer: Option<Result<T, ProviderError>>,
    ) {
        let says = answer.map_or("", |answer| {
            let says = self.system.says(case);
            self.refuses(case, outcome, key, says, answer);
            says
        });
        self.note(case, outcome, says, self.system.proof(case));
    }

    /// Whether a case came to what it must, and says whom it concerns and why, but no secret.
    fn refuses<T>(
        &self,
        case: &str,
        outcome: Outcome,
        key: &str,
        says: &str,
        answer: Result<T, ProviderError>,
    ) {
        let name = self.system.name();
        let Err(error) = answer else { panic!("{name}: {case}: it works") };
        let is = match error {
            ProviderError::Unavailable { .. } => Outcome::Unavailable,
            ProviderError::Refused { .. } => Outcome::Refused,
            ProviderError::Corrupt { .. } => Outcome::Corrupt,
        };
        assert_eq!(is, outcome, "{name}: {case}: {error}");
        let text = error.to_string();
        assert!(text.contains(PROVIDER) && text.contains(&format!("'{key}'")), "{name}: {case}: {text}");
        assert!(error.cause().contains(says), "{name}: {case}: no '{says}' in: {text}");
        for secret in self.system.secrets() {
            assert!(!text.contains(&secret), "{name}: {case} shows a secret");
        }
    }

    fn works(&mut self, case: &'static str) {
        self.note(case, Outcome::Works, "", self.system.proof(case));
    }

    fn note(&mut self, case: &'static str, outcome: Outcome, says: &'static str, proof: Proof) {
        self.held.push(Held { case, outcome, says, proof });
    }
}

pub(crate) fn context(key: &str) -> KmsContext {
    KmsContext {
        cluster: ClusterName::new("my-cluster").unwrap(),
        provider: ProviderName::new(PROVIDER).unwrap(),
        key: KeyName::new(key).unwrap(),
    }
}

pub(crate) fn provider_name() -> ProviderName {
    ProviderName::new(PROVIDER).unwrap()
}

async fn unwrap(provider: &dyn KeyProvider, key: &str, wrapped: &WrappedKey) -> Result<Dek, ProviderError> {
    provider.unwrap(&context(key), wrapped.as_bytes()).await
}

/// A provider as proxies use it.
pub(crate) fn keys(provider: Arc<dyn KeyProvider>) -> Keys {
    let limits = KeyLimits { call_timeout: PATIENCE, ..KeyLimits::default() };
    let cluster = ClusterName::new("my-cluster").unwrap();
    Keys::new(&cluster, HashMap::from([(provider_name(), provider)]), limits)
}
