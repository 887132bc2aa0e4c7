//! The metrics tell exactly what was done.

use std::collections::BTreeMap;

use tests::raw_connection::Location;
use tests::{Batch, By, Cluster, Pattern, Payload, PolicyFile, Proxy, Rule, SentRecord};
use uuid::Uuid;

use super::{connect, counts, create, encrypting};

/// Conformance: TE-24.
#[tokio::test(flavor = "multi_thread")]
async fn batches_and_records_are_counted_exactly() {
    let rule = |format: &str| {
        let topics = Pattern::prefix(&format!("count.{}", format.to_lowercase()));
        Rule::encrypt([topics], "operations").format(format).on_plaintext("Reject")
    };
    let policy = PolicyFile::new([rule("Batch"), rule("Record")]);
    let proxy = Proxy::before(Cluster::shared().await).policy(policy).start().await;
    let records: Vec<SentRecord> = (0..5).map(|index| SentRecord::of(format!("record {index}"))).collect();
    let mut loads = BTreeMap::new();
    for (format, batches) in [("batch", 3), ("record", 4), ("clear", 2)] {
        let topic = create(&format!("count.{format}"), &[]).await;
        let (mut connection, at) = connect(&proxy, &topic).await;
        for _ in 0..batches {
            let appended = connection.produce(&at, By::Id, Batch::of(&records)).await.unwrap();
            assert_eq!(appended.error, None, "{:?}", appended.message);
        }
        loads.insert(format, (connection, at));
    }
    let written = proxy.metrics().await;
    for (format, batches) in [("batch", 3), ("record", 4)] {
        let format = [("format", format)];
        counts(&written, "encrypted_batches_total", &format, batches);
        counts(&written, "encrypted_records_total", &format, 5 * batches);
        counts(&written, "decrypted_batches_total", &format, 0);
    }
    counts(&written, "clear_batches_total", &[("direction", "produce")], 2);
    for (connection, at) in loads.values_mut() {
        connection.fetch_all(at, By::Id).await.unwrap();
    }
    let read = proxy.metrics().await;
    for (format, batches) in [("batch", 3), ("record", 4)] {
        let format = [("format", format)];
        counts(&read, "decrypted_batches_total", &format, batches);
        counts(&read, "decrypted_records_total", &format, 5 * batches);
        counts(&read, "encrypted_batches_total", &format, batches);
    }
    counts(&read, "clear_batches_total", &[("direction", "fetch")], 2);
    counts(&read, "refused_partitions_total", &[], 0);
}

/// A topic's purpose and properties, what is sent to it, the error and its reason.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a Batch, &'a str, &'a str);

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_counted_by_reason() {
    let cluster = Cluster::shared().await;
    let rule = |prefix: &str, key: &str| Rule::encrypt([Pattern::prefix(prefix)], key).on_plaintext("Reject");
    let policy = PolicyFile::new([
        rule("refuse.good", "good"),
        rule("refuse.batch", "good").format("Batch"),
        rule("refuse.missing", "missing"),
    ]);
    let first = policy.clone().rule(rule("refuse.retired", "good"));
    let proxy = Proxy::before(cluster).policy(first).key("good", 1).start().await;
    proxy.wait_for_key_state("missing", "Refused").await;
    proxy.apply_policy(&policy.unmatched_topics("Reject")).await;

    let small = Batch::of(&[SentRecord::of("a small record")]);
    let mut bad_crc = small.clone();
    *bad_crc.records_mut().last_mut().unwrap() ^= 1;
    let mut malformed = small.clone();
    malformed.records_mut()[0] = 0x7f;
    malformed.seal();
    let large = Batch::of(&Payload::new(1).random(1, 2_000));
    let compacted = [("cleanup.policy", "compact")];
    let narrow = [("max.message.bytes", "2100")];
    let cases: [Case<'_>; 7] = [
        ("refuse.good", &[], &bad_crc, "CORRUPT_MESSAGE", "corrupt"),
        ("refuse.good", &[], &malformed, "INVALID_RECORD", "invalid_record"),
        ("refuse.good", &narrow, &large, "MESSAGE_TOO_LARGE", "too_large"),
        ("refuse.missing", &[], &small, "TOPIC_AUTHORIZATION_FAILED", "key_refused"),
        ("refuse.retired", &[], &small, "POLICY_VIOLATION", "retired"),
        ("refuse.unmatched", &[], &small, "POLICY_VIOLATION", "unmatched_rejected"),
        ("refuse.batch", &compacted, &small, "POLICY_VIOLATION", "compacted"),
    ];
    let mut reasons = Vec::new();
    for (purpose, configs, batch, error, reason) in cases {
        let topic = create(purpose, configs).await;
        let (mut connection, at) = connect(&proxy, &topic).await;
        let appended = connection.produce(&at, By::Id, batch.clone()).await.unwrap();
        assert_eq!(appended.error.unwrap(), error, "{reason}");
        reasons.push(reason);
    }

    let topic = create("refuse.good", &[]).await;
    let (mut broker, at) = cluster.leader(&topic, 0).await;
    broker.produce(&at, By::Name, small.clone()).await.unwrap();
    let (mut connection, at) = connect(&proxy, &topic).await;
    let fetched = connection.fetch(&at, By::Id, 0).await.unwrap();
    assert_eq!(fetched.error.unwrap(), "CORRUPT_MESSAGE");
    reasons.push("plaintext_rejected");

    let nowhere = Location { topic_id: Uuid::from_u128(7), ..at };
    let appended = connection.produce(&nowhere, By::Id, small.clone()).await.unwrap();
    assert_eq!(appended.error.unwrap(), "UNKNOWN_TOPIC_ID");
    reasons.push("unknown_topic_id");

    let metrics = proxy.metrics().await;
    for reason in &reasons {
        counts(&metrics, "refused_partitions_total", &[("reason", reason)], 1);
    }
    counts(&metrics, "refused_partitions_total", &[], u32::try_from(reasons.len()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_that_people_watch_are_there() {
    let metrics = Proxy::shared().await.metrics().await;
    for name in [
        "connections_open",
        "connections_total",
        "connections_closed_total",
        "client_bytes_total",
        "upstream_bytes_total",
        "frames_total",
        "encrypted_batches_total",
        "encrypted_records_total",
        "encrypted_bytes_total",
        "decrypted_batches_total",
        "decrypted_records_total",
        "decrypted_bytes_total",
        "clear_batches_total",
        "refused_partitions_total",
        "policy_reloads_total",
        "policy_generation",
        "policy_current",
        "certificate_reloads_total",
        "key_reloads_total",
        "key_calls_total",
        "unmatched_topics",
        "buffer_bytes",
    ] {
        let name = format!("topic_encryption_{name}");
        assert!(metrics.has(&name), "{name} is not in {:?}", metrics.names());
    }
}

/// Conformance: P17-04.
#[tokio::test(flavor = "multi_thread")]
async fn topics_without_a_rule_are_counted_once_each() {
    let proxy = Proxy::before(Cluster::shared().await).policy(encrypting("matched.")).start().await;
    let mut topics = Vec::new();
    for purpose in ["matched.topic", "stray.one", "stray.two"] {
        let topic = create(purpose, &[]).await;
        let (mut connection, at) = connect(&proxy, &topic).await;
        for _ in 0..2 {
            let batch = Batch::of(&[SentRecord::of("a record")]);
            assert_eq!(connection.produce(&at, By::Id, batch).await.unwrap().error, None);
        }
        topics.push(topic);
    }
    counts(&proxy.metrics().await, "unmatched_topics", &[], 2);
    let told = proxy.topics().await.to_string();
    assert!(told.contains(&topics[1]) && told.contains(&topics[2]), "{told}");
}
