//! A key management system as the contract needs it.

use std::sync::Arc;

use async_trait::async_trait;
use proxy_crypto::KeyProvider;
use tests::kms::Faults;

/// What stood behind a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The server of the product itself.
    Real,
    /// Made to happen on the way to the server.
    Injected,
}

impl Proof {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Real => "real server",
            Self::Injected => "injected",
        }
    }
}

/// A system, and a provider for it.
#[async_trait]
pub(crate) trait System: Send + Sync {
    /// The field of `keyProviders` that it stands for.
    fn name(&self) -> &'static str;
    /// What passes between provider and system.
    fn faults(&self) -> &Faults;
    /// A provider with good credentials.
    fn provider(&self) -> Arc<dyn KeyProvider>;
    /// A provider that trusts another authority than the system's.
    fn distrustful(&self) -> Arc<dyn KeyProvider>;
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
