//! What whoever runs the proxy relies on: the command line, draining, metrics, limits.

use std::collections::BTreeMap;
use std::process::Output;
use std::time::{Duration, Instant};

use kafka_protocol::messages::FetchRequest;
use serde_json::json;
use tests::process::describe;
use tests::proxy::{Metrics, binary};
use tests::raw_connection::Location;
use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, Pattern, Payload, PolicyFile, ProduceOptions, Proxy,
    RawConnection, Rig, Rule, Scratch, SentRecord, assert_same, eventually, eventually_ok, topic,
};
use tokio::process::Command;
use tokio::time::timeout;
use uuid::Uuid;

use crate::reload::{self, Feed};

const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the proxy's program on the files of a folder.
async fn program(folder: &Scratch, arguments: &[&str]) -> Output {
    // Only so that the program is there.
    Rig::ready().await;
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .arg("--config")
        .arg(folder.join("proxy.yaml"))
        .kill_on_drop(true);
    let ended = timeout(PATIENCE, command.output()).await;
    ended.expect("the program ends by itself").unwrap()
}

/// A folder with a good configuration, a policy and a key; a proxy could start there.
fn files(policy: &str) -> Scratch {
    let folder = Scratch::new("check");
    let config = json!({
        "cluster": "test-cluster",
        "upstream": {"bootstrapServers": ["127.0.0.1:9"]},
        "listeners": [{
            "name": "clients",
            "bind": "127.0.0.1:29092",
            "advertisedHost": "127.0.0.1",
            "brokerPorts": {"start": 29100, "count": 3},
        }],
        "keyProviders": {"default": {"local": {"directory": "keys"}}},
        "policy": {"file": "policy.yaml"},
    });
    std::fs::write(folder.join("proxy.yaml"), config.to_string()).unwrap();
    std::fs::write(folder.join("policy.yaml"), policy).unwrap();
    std::fs::create_dir(folder.join("keys")).unwrap();
    std::fs::write(
        folder.join("keys/payments.v1"),
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    )
    .unwrap();
    folder
}

const GOOD: &str = "rules: [{topics: [{prefix: payments.}], key: {name: payments}, onPlaintext: Reject}]";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_mistakes_of_the_configuration_are_told_at_once() {
    let folder = files(GOOD);
    let config = "
cluster: 'with blanks in it'
upstream: {bootstrapServers: []}
lisners: []
listeners:
- name: clients
  bind: 127.0.0.1:29092
  advertisedHost: 127.0.0.1
  brokerPorts: {start: 65530}
keyProviders: {default: {local: {directory: keys}}}
policy: {file: policy.yaml}
limits: {connections: 0}
";
    std::fs::write(folder.join("proxy.yaml"), config).unwrap();
    for command in ["run", "check"] {
        let output = program(&folder, &[command]).await;
        assert_eq!(output.status.code(), Some(64), "{command}");
        let errors = text(&output.stderr);
        let places = [
            "cluster",
            "upstream.bootstrapServers",
            "lisners",
            "brokerPorts.start",
            "limits.connections",
        ];
        for place in places {
            let told = errors
                .lines()
                .any(|line| line.contains("proxy.yaml") && line.contains(place));
            assert!(told, "{command} says nothing of {place}:\n{errors}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_good_files_mean_and_changes_nothing() {
    let folder = files(GOOD);
    let output = program(&folder, &["check"]).await;
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert!(
        said.contains("prefix payments.: encrypted with key payments"),
        "{said}"
    );
    assert!(!folder.join("policy.yaml.state").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_all_mistakes_of_a_policy() {
    let folder = files("unmatched: Reject\nrules: [{topics: [], key: {name: payments}, format: Bach}]");
    let output = program(&folder, &["check"]).await;
    assert_eq!(output.status.code(), Some(64));
    let errors = text(&output.stderr);
    for place in ["unmatched", "rules[0].topics", "rules[0].format"] {
        let told = errors
            .lines()
            .any(|line| line.contains("policy.yaml") && line.contains(place));
        assert!(told, "nothing of {place}:\n{errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_online_fails_where_a_key_is_missing() {
    let folder = files(GOOD);
    let good = program(&folder, &["check", "--online"]).await;
    assert!(
        good.status.success(),
        "{}{}",
        text(&good.stdout),
        text(&good.stderr)
    );
    std::fs::remove_file(folder.join("keys/payments.v1")).unwrap();
    let offline = program(&folder, &["check"]).await;
    assert!(
        offline.status.success(),
        "keys are not looked at without --online"
    );
    let bad = program(&folder, &["check", "--online"]).await;
    assert!(
        bad.status.code().is_some_and(|code| code != 0),
        "{}",
        describe(bad.status)
    );
    let said = text(&bad.stdout);
    assert!(
        said.lines()
            .any(|line| line.contains("payments") && line.contains("Refused")),
        "{said}"
    );
}

fn encrypting(prefix: &str) -> PolicyFile {
    PolicyFile::new([Rule::encrypt([Pattern::prefix(prefix)], "operations").on_plaintext("Reject")])
}

async fn create(purpose: &str, configs: &[(&str, &str)]) -> String {
    let topic = topic(purpose);
    Cluster::shared().await.create_topic(&topic, 1, configs).await;
    topic
}

async fn connect(proxy: &Proxy, topic: &str) -> (RawConnection, Location) {
    RawConnection::to_leader(&proxy.bootstrap(), topic, 0)
        .await
        .unwrap()
}

async fn requests(proxy: &Proxy) -> f64 {
    proxy
        .metrics()
        .await
        .sum("topic_encryption_frames_total", &[("message", "request")])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_waits_for_the_answers_of_requests_under_way() {
    let proxy = Proxy::before(Cluster::shared().await)
        .policy(encrypting("drain."))
        .start()
        .await;
    let topic = create("drain.answers", &[]).await;
    let (mut connection, at) = connect(&proxy, &topic).await;
    // Learns the topic's id first, so that the next request is one frame.
    connection.fetch(&at, By::Name, 0).await.unwrap();
    let before = requests(&proxy).await;
    let fetch = RawConnection::fetch_request(&at, 12, 0, 3_000);
    let sent = connection.send(&fetch, 12).await.unwrap();
    eventually("the fetch waits at the broker", PATIENCE, async || {
        requests(&proxy).await > before
    })
    .await;
    proxy.signal_terminate();
    let told = async || match proxy.get("/readyz").await {
        Ok(answer) if answer.status == 503 && answer.body.contains("shutting down") => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually_ok("the proxy says that it shuts down", PATIENCE, told).await;
    let (received, answer) = connection.receive::<FetchRequest>(12).await.unwrap();
    assert_eq!((received, answer.error_code), (sent, 0));
    assert!(connection.closes_within(PATIENCE).await);
    let status = proxy.wait_ended(PATIENCE).await;
    assert_eq!(status.code(), Some(0), "{}", describe(status));
    assert!(proxy.log().contains("all connections were finished"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_under_load_loses_no_acknowledged_record() {
    const EACH: usize = 4_000;
    let proxy = Proxy::before(Cluster::shared().await)
        .policy(encrypting("drain."))
        .start()
        .await;
    let topic = create("drain.load", &[]).await;
    let mut feed = Feed::start(&proxy.bootstrap(), &topic).await;
    feed.send(EACH).await;
    eventually("records come in", PATIENCE, async || {
        reload::end(&topic).await >= 500
    })
    .await;
    let load = async {
        for _ in 0..40 {
            feed.send(EACH / 40).await;
            // The pace of the load, not a condition.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::join!(proxy.restart(), load);
    feed.send(EACH).await;
    feed.finish().await;
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic);
    let received = Client::Go.consume_all(&options).await;
    let sent: Vec<SentRecord> = (0..3 * EACH)
        .map(|index| SentRecord::of(reload::value(index)))
        .collect();
    assert_same("across the restart", &sent, &received);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_delays_an_end_no_longer_than_allowed() {
    let builder = Proxy::before(Cluster::shared().await).policy(encrypting("drain."));
    let proxy = builder.drain_seconds(1).start().await;
    let topic = create("drain.stuck", &[]).await;
    fill(&proxy, &topic, 8, 1).await;
    let (mut connection, at) = connect(&proxy, &topic).await;
    let fetch = RawConnection::fetch_request(&at, 12, 0, 0);
    for _ in 0..20 {
        connection.send(&fetch, 12).await.unwrap();
    }
    let sent = async || {
        proxy
            .metrics()
            .await
            .sum("topic_encryption_client_bytes_total", &[("flow", "sent")])
    };
    let mut last = sent().await;
    let stuck = async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let before = std::mem::replace(&mut last, sent().await);
        last > 1e6 && (last - before).abs() < 1.0
    };
    eventually("the proxy cannot write any more", PATIENCE, stuck).await;
    let start = Instant::now();
    let status = proxy.terminate().await;
    assert_eq!(status.code(), Some(0), "{}", describe(status));
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        start.elapsed()
    );
    assert!(
        proxy
            .log()
            .contains("connections were cut off at the end of the drain time")
    );
}

/// Puts so many batches of nearly a megabyte into the topic, each of so many records.
async fn fill(proxy: &Proxy, topic: &str, batches: usize, records: usize) {
    let (mut connection, at) = connect(proxy, topic).await;
    let batch = Batch::of(&Payload::new(11).random(records, 900_000 / records));
    for _ in 0..batches {
        let appended = connection.produce(&at, By::Id, batch.clone()).await.unwrap();
        assert_eq!(appended.error, None, "{:?}", appended.message);
    }
}

fn counts(metrics: &Metrics, name: &str, labels: &[(&str, &str)], expected: u32) {
    let name = format!("topic_encryption_{name}");
    assert!(metrics.has(&name), "{name} is not in {:?}", metrics.names());
    let sum = metrics.sum(&name, labels);
    assert!(
        (sum - f64::from(expected)).abs() < 0.5,
        "{name} {labels:?} is {sum}, not {expected}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_and_records_are_counted_exactly() {
    let rule = |format: &str| {
        let topics = Pattern::prefix(&format!("count.{}", format.to_lowercase()));
        Rule::encrypt([topics], "operations")
            .format(format)
            .on_plaintext("Reject")
    };
    let policy = PolicyFile::new([rule("Batch"), rule("Record")]);
    let proxy = Proxy::before(Cluster::shared().await)
        .policy(policy)
        .start()
        .await;
    let records: Vec<SentRecord> = (0..5)
        .map(|index| SentRecord::of(format!("record {index}")))
        .collect();
    let mut loads = BTreeMap::new();
    for (format, batches) in [("batch", 3), ("record", 4), ("clear", 2)] {
        let topic = create(&format!("count.{format}"), &[]).await;
        let (mut connection, at) = connect(&proxy, &topic).await;
        for _ in 0..batches {
            let appended = connection
                .produce(&at, By::Id, Batch::of(&records))
                .await
                .unwrap();
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
    let cases: [(&str, &[(&str, &str)], &Batch, &str, &str); 7] = [
        ("refuse.good", &[], &bad_crc, "CORRUPT_MESSAGE", "corrupt"),
        ("refuse.good", &[], &malformed, "INVALID_RECORD", "invalid_record"),
        ("refuse.good", &narrow, &large, "MESSAGE_TOO_LARGE", "too_large"),
        (
            "refuse.missing",
            &[],
            &small,
            "TOPIC_AUTHORIZATION_FAILED",
            "key_refused",
        ),
        ("refuse.retired", &[], &small, "POLICY_VIOLATION", "retired"),
        (
            "refuse.unmatched",
            &[],
            &small,
            "POLICY_VIOLATION",
            "unmatched_rejected",
        ),
        (
            "refuse.batch",
            &compacted,
            &small,
            "POLICY_VIOLATION",
            "compacted",
        ),
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

    let nowhere = Location {
        topic_id: Uuid::from_u128(7),
        ..at
    };
    let appended = connection.produce(&nowhere, By::Id, small).await.unwrap();
    assert_eq!(appended.error.unwrap(), "UNKNOWN_TOPIC_ID");
    reasons.push("unknown_topic_id");

    let metrics = proxy.metrics().await;
    for reason in &reasons {
        counts(&metrics, "refused_partitions_total", &[("reason", reason)], 1);
    }
    counts(
        &metrics,
        "refused_partitions_total",
        &[],
        u32::try_from(reasons.len()).unwrap(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_that_operators_watch_are_there() {
    let metrics = Proxy::shared().await.metrics().await;
    for name in [
        "connections_open",
        "connections_total",
        "connections_refused_total",
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

#[tokio::test(flavor = "multi_thread")]
async fn topics_without_a_rule_are_counted_once_each() {
    let proxy = Proxy::before(Cluster::shared().await)
        .policy(encrypting("matched."))
        .start()
        .await;
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

#[tokio::test(flavor = "multi_thread")]
async fn rejected_topics_are_read_but_not_written() {
    let cluster = Cluster::shared().await;
    let policy = encrypting("matched.").unmatched_topics("Reject");
    let proxy = Proxy::before(cluster).policy(policy).start().await;
    let topic = create("stray.rejected", &[]).await;
    let sent = [SentRecord::of("from before the proxy").partition(0)];
    Client::Go
        .produce_all(&ProduceOptions::to(cluster.bootstrap(), &topic), &sent)
        .await;
    for client in [Client::Java, Client::Go, Client::Librdkafka] {
        let answers = client
            .produce(&ProduceOptions::to(proxy.bootstrap(), &topic), &sent)
            .await;
        assert_eq!(answers[0].clone().unwrap_err(), "POLICY_VIOLATION", "{client}");
    }
    let received = Client::Go
        .consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic))
        .await;
    assert_same("what was there before", &sent, &received);
}

#[tokio::test(flavor = "multi_thread")]
async fn consumer_groups_and_internal_topics_work_where_topics_are_rejected() {
    let cluster = Cluster::shared().await;
    let policy = encrypting("matched.").unmatched_topics("Reject");
    let proxy = Proxy::before(cluster).policy(policy).start().await;
    let topic = create("matched.group", &[]).await;
    let sent = Payload::new(2).orders(20);
    Client::Java
        .produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic), &sent)
        .await;
    for client in [Client::Java, Client::Librdkafka] {
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic)
            .group(&format!("{topic}-{client}"))
            .count(10);
        for half in [&sent[..10], &sent[10..]] {
            assert_same(client.name(), half, &client.consume_all(&options).await);
        }
    }
    for partition in 0..3 {
        let internal = RawConnection::to_leader(&proxy.bootstrap(), "__consumer_offsets", partition).await;
        let (mut connection, at) = internal.unwrap();
        connection.fetch_all(&at, By::Id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_clients_as_allowed_are_served_and_no_more() {
    const LIMIT: usize = 4;
    let cluster = Cluster::shared().await;
    // More ports than connections are allowed.
    let builder = Proxy::builder(vec![cluster.bootstrap()], 6).policy(encrypting("matched."));
    let proxy = builder.limit("connections", LIMIT as u64).start().await;
    let mut served = Vec::new();
    for index in 0..LIMIT {
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
        let answer = timeout(Duration::from_secs(10), connection.api_versions()).await;
        assert!(
            answer.is_ok_and(|answer| answer.is_ok()),
            "client {index} of {LIMIT} is served"
        );
        served.push(connection);
    }
    let mut surplus = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let early = timeout(Duration::from_secs(1), surplus.api_versions()).await;
    assert!(
        !early.is_ok_and(|answer| answer.is_ok()),
        "one more is not served"
    );
    counts(
        &proxy.metrics().await,
        "connections_open",
        &[],
        u32::try_from(LIMIT).unwrap(),
    );
    served.pop();
    let next = async || {
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await?;
        let answer = timeout(Duration::from_millis(500), connection.api_versions()).await;
        answer.map_err(std::io::Error::from)?.map(drop)
    };
    drop(surplus);
    eventually_ok("a place that becomes free is given to the next", PATIENCE, next).await;
}

/// The budget, what the process needs anyway, and as much again for the work on what the budget holds.
#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_within_its_bound_whatever_clients_fetch() {
    const BUDGET: u64 = 32 << 20;
    const CLIENTS: usize = 32;
    let rule = |format: &str| {
        let topics = Pattern::prefix(&format!("memory.{}", format.to_lowercase()));
        Rule::encrypt([topics], "operations").format(format)
    };
    let builder =
        Proxy::before(Cluster::shared().await).policy(PolicyFile::new([rule("Batch"), rule("Record")]));
    let proxy = builder
        .limit("maxFrameBytes", 16 << 20)
        .limit("bufferBytes", BUDGET)
        .start()
        .await;
    let idle = proxy.rss();
    for (format, records) in [("batch", 1), ("batch", 100), ("record", 100)] {
        let topic = create(&format!("memory.{format}"), &[]).await;
        fill(&proxy, &topic, 10, records).await;
        let (_, at) = connect(&proxy, &topic).await;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| tokio::spawn(fetch_all(at.clone())))
            .collect();
        for client in clients {
            assert!(client.await.unwrap() > 9_000_000, "all is delivered");
        }
        let peak = proxy.peak_rss();
        let bound = idle + 2 * BUDGET;
        let mib = |bytes: u64| bytes >> 20;
        assert!(
            peak <= bound,
            "{format} {records}: peak {} MiB, bound {} MiB, idle {} MiB",
            mib(peak),
            mib(bound),
            mib(idle)
        );
    }
}

/// Reads a partition in portions as large as the proxy lets pass, and returns the number of bytes.
async fn fetch_all(at: Location) -> usize {
    let mut connection = RawConnection::connect(&at.leader).await.unwrap();
    let batches = connection.fetch_all(&at, By::Name).await.unwrap();
    batches.iter().map(|batch| batch.bytes().len()).sum()
}
