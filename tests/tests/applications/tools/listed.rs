//! Which programs of the distribution tests run, and why they leave the others out.

use crate::program::tool;

/// As classes of the tools' jar, each with the name by which tests call it.
const RUN: [(&str, &str); 35] = [
    ("AclCommand", "kafka-acls"),
    ("BrokerApiVersionsCommand", "kafka-broker-api-versions"),
    ("ClientMetricsCommand", "kafka-client-metrics"),
    ("ClusterTool", "kafka-cluster"),
    ("ConfigCommand", "kafka-configs"),
    ("ConnectInternalTopics", "connect-internal-topics"),
    ("ConsoleProducer", "kafka-console-producer"),
    ("ConsumerPerformance", "kafka-consumer-perf-test"),
    ("DelegationTokenCommand", "kafka-delegation-tokens"),
    ("DeleteRecordsCommand", "kafka-delete-records"),
    ("DumpLogSegments", "kafka-dump-log"),
    ("EndToEndLatency", "kafka-e2e-latency"),
    ("FeatureCommand", "kafka-features"),
    ("GetOffsetShell", "kafka-get-offsets"),
    ("GroupsCommand", "kafka-groups"),
    ("LeaderElectionCommand", "kafka-leader-election"),
    ("LogCompactionTester", "log-compaction-tester"),
    ("LogDirsCommand", "kafka-log-dirs"),
    ("MetadataQuorumCommand", "kafka-metadata-quorum"),
    ("ProducerPerformance", "kafka-producer-perf-test"),
    ("ReplicaVerificationTool", "kafka-replica-verification"),
    ("ShareConsumerPerformance", "kafka-share-consumer-perf-test"),
    ("StreamsResetter", "kafka-streams-application-reset"),
    ("TopicCommand", "kafka-topics"),
    ("TransactionalMessageCopier", "transactional-message-copier"),
    ("TransactionsCommand", "kafka-transactions"),
    ("VerifiableConsumer", "kafka-verifiable-consumer"),
    ("VerifiableProducer", "kafka-verifiable-producer"),
    ("VerifiableShareConsumer", "kafka-verifiable-share-consumer"),
    ("consumer.ConsoleConsumer", "kafka-console-consumer"),
    ("consumer.ConsoleShareConsumer", "kafka-console-share-consumer"),
    ("consumer.group.ConsumerGroupCommand", "kafka-consumer-groups"),
    ("consumer.group.ShareGroupCommand", "kafka-share-groups"),
    ("reassign.ReassignPartitionsCommand", "kafka-reassign-partitions"),
    ("streams.StreamsGroupCommand", "kafka-streams-groups"),
];

/// Where they are called, and where their names lead to classes.
const TESTS: [&str; 7] = [
    include_str!("../tools.rs"),
    include_str!("checks.rs"),
    include_str!("controllers.rs"),
    include_str!("several.rs"),
    include_str!("sharing.rs"),
    include_str!("../streams.rs"),
    include_str!("../../integration/security/delegation.rs"),
];
const NAMES: &str = include_str!("../../../rig/tool");

/// With the reason. Of the distribution's other scripts `connect-distributed` and `connect-mirror-maker` have tests of their own;
/// those that start, stop and format brokers, and the shell that reads a controller's snapshot, never see a proxy.
const LEFT_OUT: [(&str, &str); 4] = [
    (
        "ClientCompatibilityTest",
        "checks one release of a client against the features that its caller expects",
    ),
    ("ConnectPluginPath", "reads folders of plugins and no broker"),
    ("JmxTool", "reads a JVM's beans and no broker"),
    ("OAuthCompatibilityTool", "fetches a token from an identity provider and speaks to no broker"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_tool_of_the_distribution_is_run_or_left_out_for_a_reason() {
    let listed = tool("--list", &[]).await;
    let listed: Vec<&str> = listed.lines().collect();
    let mut known: Vec<&str> = RUN.into_iter().chain(LEFT_OUT).map(|(class, _)| class).collect();
    known.sort_unstable();
    assert_eq!(listed, known);
    let tests: String = TESTS.concat().split_whitespace().collect();
    for (class, name) in RUN {
        assert!(NAMES.contains(&format!("  {name}) class={class} ;;")), "{name} is not {class}");
        let calls = ["tool(", "attempt(", "watch(", "with_input(", "prints(stage,", "prints(self.stage,"];
        let is_called = calls.iter().any(|call| tests.contains(&format!("{call}\"{name}\"")));
        assert!(is_called, "no test calls {name}");
    }
}
