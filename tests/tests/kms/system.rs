//! A key management system as the contract needs it.

use std::sync::Arc;

use async_trait::async_trait;
use proxy_crypto::KeyProvider;
use tests::kms::Faults;

use super::contract::Outcome;

/// What stood behind a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The server of the product itself.
    Real,
    /// A program that stands in for the product.
    StandIn,
    /// Made to happen on the way to the server.
    Injected,
    /// Nothing.
    NotProved,
    /// It cannot happen, for this reason.
    DoesNotApply(&'static str),
}

impl Proof {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Real => "real server".to_owned(),
            Self::StandIn => "stand-in".to_owned(),
            Self::Injected => "injected".to_owned(),
            Self::NotProved => "not proved".to_owned(),
            Self::DoesNotApply(reason) => format!("does not apply: {reason}"),
        }
    }

    /// Whether the case is made to happen.
    pub(crate) fn is_some(self) -> bool {
        !matches!(self, Self::NotProved | Self::DoesNotApply(_))
    }
}

/// A system, and a provider for it.
#[async_trait]
pub(crate) trait System: Send + Sync {
    /// The field of `keyProviders` that it stands for.
    fn name(&self) -> &'static str;
    /// Why nothing happens on the way to it, where it is not at the other end of a connection.
    fn has_no_connection(&self) -> Option<&'static str> {
        None
    }
    /// What passes between provider and system.
    fn faults(&self) -> &Faults;
    /// A provider with good credentials.
    fn provider(&self) -> Arc<dyn KeyProvider>;
    /// A provider that trusts another authority than the system's.
    fn distrustful(&self) -> Arc<dyn KeyProvider>;
    /// What stands behind a case that does not happen on the way. One that is not proved, or does not apply, is left out.
    fn proof(&self, _case: &str) -> Proof {
        Proof::Real
    }
    /// What the message about a case that happens in the system has: words of the provider, or of the system itself.
    fn says(&self, case: &str) -> &'static str;
    /// What a data key of another key comes to. Some systems tell it from an altered one.
    fn another_key(&self) -> Outcome {
        Outcome::Corrupt
    }
    /// Whether the version of the key can be told from a wrapped data key.
    fn tells_versions(&self) -> bool {
        true
    }
    /// Credentials, which no message may show.
    fn secrets(&self) -> Vec<String>;
    async fn make_key(&self, key: &str);
    /// A new version of the key.
    async fn rotate(&self, key: &str);
    /// What was wrapped so far is not unwrapped any more.
    async fn disable(&self, key: &str);
    async fn enable(&self, key: &str);
    async fn delete(&self, key: &str);
    /// The provider may not use the key any more.
    async fn deny(&self, key: &str);
    /// More calls than the next one are too many.
    async fn throttle(&self);
    async fn unthrottle(&self);
}
