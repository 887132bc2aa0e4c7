//! A broker of each version, with a proxy before it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tests::{BrokerVersion, Cluster, Pattern, PolicyFile, Proxy, Rule};
use tokio::sync::OnceCell;

/// Topics that begin with `batch.` and `record.` are encrypted in that format, and clear records there are an error.
pub(crate) struct Stage {
    pub(crate) version: BrokerVersion,
    // Before the cluster, so that it is dropped before it.
    pub(crate) proxy: Proxy,
    pub(crate) cluster: Cluster,
}

impl Stage {
    pub(crate) async fn start(version: BrokerVersion) -> Self {
        let cluster = Cluster::builder().version(version).start().await;
        let rule = |format: &str| {
            let topics = Pattern::prefix(&format!("{format}.").to_lowercase());
            Rule::encrypt([topics], "matrix").format(format).on_plaintext("Reject")
        };
        let policy = PolicyFile::new(["Batch", "Record"].map(rule));
        let proxy = Proxy::before(&cluster).policy(policy).start().await;
        Self { version, proxy, cluster }
    }

    /// That of a version, for all tests of the binary.
    pub(crate) async fn shared(version: BrokerVersion) -> Arc<Self> {
        static SHARED: Mutex<BTreeMap<BrokerVersion, Arc<OnceCell<Arc<Stage>>>>> =
            Mutex::new(BTreeMap::new());
        let cell = SHARED.lock().unwrap_or_else(PoisonError::into_inner).entry(version).or_default().clone();
        cell.get_or_init(async || Arc::new(Self::start(version).await)).await.clone()
    }
}
