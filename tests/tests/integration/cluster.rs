//! Several brokers behind the proxy: clients find each at the proxy's own ports, and outlive brokers that come and go.

mod addresses;
mod brokers_file;
mod failover;
mod followers;
mod groups;
mod hints;
mod names;
mod reassignment;
mod sessions;
mod strangers;
mod telemetry;
mod topics;

use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::{BrokerId, CreateTopicsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use tests::{Cluster, KafkaErrorName, Pattern, PolicyFile, Proxy, Rule};
use tokio::sync::{OnceCell, RwLock};

/// Held for writing by those who stop brokers, and for reading by those who need all of them.
static ALL_RUN: RwLock<()> = RwLock::const_new(());
/// `ElectionType.PREFERRED` of `ElectLeaders`: the first of a partition's replicas.
const PREFERRED: i8 = 0;

/// Three brokers and a proxy before them.
struct Three {
    cluster: Cluster,
    proxy: Proxy,
}

impl Three {
    async fn shared() -> &'static Self {
        static SHARED: OnceCell<Three> = OnceCell::const_new();
        let start = async || {
            // A broker that was killed is missed soon.
            let cluster = Cluster::builder()
                .nodes(3)
                .property("broker.heartbeat.interval.ms=500")
                .property("broker.session.timeout.ms=6000")
                // Leaders change when a test wants it.
                .property("auto.leader.rebalance.enable=false")
                .property("broker.rack=rack-{node}")
                .property("replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector");
            let cluster = cluster.start().await;
            let proxy = Proxy::before(&cluster).policy(policy()).start().await;
            Self { cluster, proxy }
        };
        SHARED.get_or_init(start).await
    }

    /// A topic whose partitions are on these brokers, the leader first.
    async fn place_topic(&self, name: &str, partitions: &[&[i32]]) {
        let assignments = (0..).zip(partitions).map(|(partition, brokers)| {
            CreatableReplicaAssignment::default()
                .with_partition_index(partition)
                .with_broker_ids(brokers.iter().copied().map(BrokerId).collect())
        });
        let enough = partitions.iter().map(|brokers| brokers.len().div_ceil(2)).min();
        let in_sync = CreatableTopicConfig::default()
            .with_name(text("min.insync.replicas"))
            .with_value(enough.map(|count| text(&count.to_string())));
        let topic = CreatableTopic::default()
            .with_name(TopicName(text(name)))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(assignments.collect())
            .with_configs(vec![in_sync]);
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(20_000);
        let answer = self.cluster.admin().await.call(&request, 7).await.unwrap();
        let error = KafkaErrorName::from_code(answer.topics[0].error_code);
        assert_eq!(error, None, "{name}: {:?}", answer.topics[0].error_message);
        for partition in (0..).take(partitions.len()) {
            self.cluster.locate(name, partition).await;
        }
    }
}

fn policy() -> PolicyFile {
    let rule = |prefix: &str| Rule::encrypt([Pattern::prefix(prefix)], "three").on_plaintext("Reject");
    let formats =
        ["Batch", "Record", "Auto"].map(|format| rule(&format!("{}.", format.to_lowercase())).format(format));
    PolicyFile::new(formats).rule(rule("headers.").seal_headers())
}

fn text(text: &str) -> StrBytes {
    StrBytes::try_from(Bytes::copy_from_slice(text.as_bytes())).expect("it was text before")
}
