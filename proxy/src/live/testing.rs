//! Keys of a directory, for the tests of several modules.

use proxy_crypto::{ClusterName, KeyLimits, Keys, LocalKeys, ProviderName};
use std::path::Path;
use std::sync::Arc;

/// 32 bytes.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

/// A provider named `default` that has one key named `payments`.
pub(crate) fn local_keys(directory: &Path) -> (Arc<Keys>, Arc<LocalKeys>) {
    let files = directory.join("keys");
    std::fs::create_dir_all(&files).unwrap();
    std::fs::write(files.join("payments.v1"), KEY).unwrap();
    let provider = ProviderName::new("default").unwrap();
    let local = Arc::new(LocalKeys::open(files, provider.clone()));
    let cluster = ClusterName::new("test").unwrap();
    let providers = [(provider, Arc::clone(&local) as _)].into();
    (Arc::new(Keys::new(&cluster, providers, KeyLimits::default())), local)
}
