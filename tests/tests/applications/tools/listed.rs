//! Which programs of the distribution these tests run, and why they leave the others out.

use crate::program::tool;

/// As classes of the tools' jar.
const RUN: [&str; 33] = [
    "AclCommand",
    "BrokerApiVersionsCommand",
    "ClientMetricsCommand",
    "ClusterTool",
    "ConfigCommand",
    "ConnectInternalTopics",
    "ConsoleProducer",
    "ConsumerPerformance",
    "DeleteRecordsCommand",
    "DumpLogSegments",
    "EndToEndLatency",
    "FeatureCommand",
    "GetOffsetShell",
    "GroupsCommand",
    "LeaderElectionCommand",
    "LogCompactionTester",
    "LogDirsCommand",
    "MetadataQuorumCommand",
    "ProducerPerformance",
    "ShareConsumerPerformance",
    "StreamsResetter",
    "TopicCommand",
    "TransactionalMessageCopier",
    "TransactionsCommand",
    "VerifiableConsumer",
    "VerifiableProducer",
    "VerifiableShareConsumer",
    "consumer.ConsoleConsumer",
    "consumer.ConsoleShareConsumer",
    "consumer.group.ConsumerGroupCommand",
    "consumer.group.ShareGroupCommand",
    "reassign.ReassignPartitionsCommand",
    "streams.StreamsGroupCommand",
];

/// With the reason. Of the distribution's other scripts `connect-distributed` and `connect-mirror-maker` have tests of their own;
/// those that start, stop and format brokers, and the shell that reads a controller's snapshot, never see a proxy.
const LEFT_OUT: [(&str, &str); 6] = [
    (
        "ClientCompatibilityTest",
        "checks one release of a client against the features that its caller expects",
    ),
    ("ConnectPluginPath", "reads folders of plugins and no broker"),
    ("DelegationTokenCommand", "wants a listener with SASL: the tests of security have tokens"),
    ("JmxTool", "reads a JVM's beans and no broker"),
    ("OAuthCompatibilityTool", "fetches a token from an identity provider and speaks to no broker"),
    ("ReplicaVerificationTool", "compares the replicas of brokers until it is interrupted"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_tool_of_the_distribution_is_run_or_left_out_for_a_reason() {
    let listed = tool("--list", &[]).await;
    let listed: Vec<&str> = listed.lines().collect();
    let mut known: Vec<&str> = RUN.into_iter().chain(LEFT_OUT.map(|(class, _)| class)).collect();
    known.sort_unstable();
    assert_eq!(listed, known);
}
