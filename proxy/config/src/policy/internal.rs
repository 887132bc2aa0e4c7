//! Kafka's own topics.

/// What brokers write themselves and must be able to read.
const INTERNAL_TOPICS: [&str; 5] = [
    "__cluster_metadata",
    "__consumer_offsets",
    "__remote_log_metadata",
    "__share_group_state",
    "__transaction_state",
];

/// Kafka's own topics.
pub fn internal_topics() -> impl Iterator<Item = &'static str> {
    INTERNAL_TOPICS.into_iter()
}

/// Whether a topic is one of Kafka's own, to which neither rules nor `unmatchedTopics` apply.
pub fn is_internal_topic(topic: &str) -> bool {
    INTERNAL_TOPICS.contains(&topic)
}
