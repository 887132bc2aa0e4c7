//! The newest broker, with a proxy before it.

use std::sync::Arc;

use tests::{BrokerVersion, Cluster, Pattern, PolicyFile, Proxy, Rule, Segments};
use tokio::sync::OnceCell;

/// All topics but those that begin with `clear.` are encrypted, and clear records there are an error.
pub(crate) struct Stage {
    // Before the cluster, so that it is dropped before it.
    pub(crate) proxy: Proxy,
    pub(crate) cluster: Cluster,
}

impl Stage {
    pub(crate) fn version() -> BrokerVersion {
        BrokerVersion::diagonal().pop().unwrap()
    }

    pub(crate) async fn shared() -> Arc<Self> {
        static SHARED: OnceCell<Arc<Stage>> = OnceCell::const_new();
        let start = async || {
            let cluster = Cluster::builder().version(Self::version());
            // So that there are access control lists, which forbid nothing until there is one for a topic.
            let cluster = cluster
                .property("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer")
                .property("super.users=User:ANONYMOUS")
                // A member of a streams group that was killed is missed soon, since nobody can take its place before.
                .property("group.streams.initial.rebalance.delay.ms=0")
                .property("group.streams.heartbeat.interval.ms=1000")
                .property("group.streams.min.heartbeat.interval.ms=1000")
                .property("group.streams.session.timeout.ms=6000")
                .property("group.streams.min.session.timeout.ms=6000");
            let cluster = cluster.start().await;
            let rule = Rule::encrypt([Pattern::any()], "applications").on_plaintext("Reject");
            let policy = PolicyFile::new([rule, Rule::disabled([Pattern::prefix("clear.")])]);
            let proxy = Proxy::before(&cluster).policy(policy).start().await;
            Arc::new(Self { proxy, cluster })
        };
        SHARED.get_or_init(start).await.clone()
    }

    /// The brokers' disks have records of the topic, and this text in none of them.
    pub(crate) async fn is_illegible(&self, topic: &str, needle: &str) {
        let search = Segments::of(self.cluster.topic_dirs(topic)).search(&[needle]).await;
        assert!(search.records > 0 && search.invalid == 0, "{topic}: the search read nothing: {search:?}");
        assert!(!search.found(0), "{topic}: {:?}", search.places[0]);
    }

    /// Each value on the brokers' disks belongs to an envelope.
    pub(crate) async fn is_sealed(&self, topic: &str) {
        let mut values = 0;
        for batch in Segments::of(self.cluster.topic_dirs(topic)).dump().await {
            let is_control = batch.fields["control"] == true;
            for record in batch.records.iter().filter(|record| !is_control && record.value.is_some()) {
                let first = record.headers.first().map(|(name, _)| name.as_str());
                assert_eq!(first, Some("encryption.strimzi.io"), "{topic}: {record:?}");
                values += 1;
            }
        }
        assert!(values > 0, "{topic} has no values");
    }
}
