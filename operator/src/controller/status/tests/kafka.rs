//! What is told of the Kafka cluster while the proxies go on.

use serde_json::json;

use super::{brief, find, has, healthy, policy_status, proxy_status};
use crate::controller::dereference::Observed;
use crate::controller::fixtures::{kafka, pool};

/// The reason of `KafkaDegraded` and its message, the same on both kinds, which stay ready.
fn degraded(observed: &Observed) -> (String, String) {
    let conditions = policy_status(observed).conditions;
    let (status, reason, message) = find(&conditions, "KafkaDegraded");
    assert_eq!(status, "True");
    assert_eq!(brief(&conditions, "Ready"), "True Ready", "pods serve");
    let of_proxy = proxy_status(observed).conditions;
    assert_eq!(find(&of_proxy, "KafkaDegraded").2, message);
    assert_eq!(brief(&of_proxy, "Ready"), "True Ready");
    (reason, message)
}

#[test]
fn a_healthy_cluster_is_not_degraded() {
    assert!(!has(&policy_status(&healthy()).conditions, "KafkaDegraded"));
}

#[test]
fn brokers_that_were_known_last_are_told_with_the_cause() {
    let mut observed = healthy();
    pool(&mut observed, 0).data["status"]["clusterId"] = json!("another");
    let (reason, message) = degraded(&observed);
    assert_eq!(reason, "BrokersUnknown");
    assert!(message.contains("cluster id another") && message.contains("known last are used"), "{message}");
    let mut observed = healthy();
    for index in 0..observed.strimzi.as_ref().unwrap().pools.len() {
        pool(&mut observed, index).data["status"]["nodeIds"] = json!("many");
    }
    assert!(degraded(&observed).1.contains("status.nodeIds"));
}

#[test]
fn listeners_that_are_lost_are_told_with_what_is_used() {
    let mut observed = healthy();
    kafka(&mut observed)["status"]["listeners"] = json!([]);
    let (reason, message) = degraded(&observed);
    assert_eq!(reason, "ListenersLost");
    assert!(message.contains("my-cluster-kafka-bootstrap.kafka.svc"), "{message}");
}

#[test]
fn what_strimzi_says_of_kafka_is_told() {
    let failed = json!([{"type": "NotReady", "status": "True", "reason": "Timeout", "message": "waited"}]);
    let paused = json!([{"type": "ReconciliationPaused", "status": "True"}]);
    let creating = json!([{"type": "NotReady", "status": "True", "reason": "Creating"}]);
    for (conditions, expected, part) in [
        (failed, "KafkaNotReady", "Timeout: waited"),
        (paused, "KafkaPaused", "strimzi.io/pause-reconciliation"),
        (creating, "KafkaCreating", "still creating"),
    ] {
        let mut observed = healthy();
        kafka(&mut observed)["status"]["conditions"] = conditions;
        let (reason, message) = degraded(&observed);
        assert_eq!(reason, expected);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn proxies_that_are_not_admitted_are_told_so() {
    let mut observed = healthy();
    let listeners = kafka(&mut observed)["spec"]["kafka"]["listeners"].as_array_mut().unwrap();
    let used = listeners.iter_mut().find(|each| each["name"] == "tls").unwrap();
    used["networkPolicyPeers"] = json!([{"podSelector": {"matchLabels": {"app": "other"}}}]);
    for conditions in [policy_status(&observed).conditions, proxy_status(&observed).conditions] {
        let (_, reason, message) = find(&conditions, "ProxiesNotAdmitted");
        assert_eq!(reason, "NetworkPolicyPeers");
        assert!(message.contains("listener tls do not admit the proxies"), "{message}");
        assert!(message.contains("topic-encryption-proxy"), "{message}");
        let message = find(&conditions, "BrokersReachableDirectly").2;
        assert!(!message.contains("listener tls "), "{message}");
    }
}

#[test]
fn anybody_being_a_super_user_is_told_to_everybody() {
    let mut observed = healthy();
    for conditions in [policy_status(&observed).conditions, proxy_status(&observed).conditions] {
        assert!(!has(&conditions, "AnonymousSuperUser"));
    }
    kafka(&mut observed)["spec"]["kafka"]["authorization"]["superUsers"] = json!(["ANONYMOUS"]);
    for conditions in [policy_status(&observed).conditions, proxy_status(&observed).conditions] {
        let (status, reason, message) = find(&conditions, "AnonymousSuperUser");
        assert_eq!((status.as_str(), reason.as_str()), ("True", "AnonymousSuperUser"));
        assert!(
            message.contains("superUsers of the Kafka resource") && message.contains("plain"),
            "{message}"
        );
        assert_eq!(brief(&conditions, "Ready"), "True Ready", "a warning, not an obstacle");
    }
}
