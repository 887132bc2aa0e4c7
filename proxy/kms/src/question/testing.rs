//! For the tests of several modules.

use proxy_crypto::{ClusterName, KeyName, KmsContext, ProviderName};

/// What a call is about.
pub(crate) fn context() -> KmsContext {
    KmsContext {
        cluster: ClusterName::new("cluster").unwrap(),
        provider: ProviderName::new("provider").unwrap(),
        key: KeyName::new("key").unwrap(),
    }
}
