//! `decrypt` gets out exactly what was written, without a proxy.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tests::record::ReceivedRecord;
use tests::{
    Client, Cluster, Codec, Payload, ProduceOptions, Proxy, Rule, Scratch, SentRecord, assert_same,
    proxy::Pattern, topic,
};

use super::{Ran, config, owner, rotate, run, text};

fn bytes(object: &Value, name: &str) -> Option<Vec<u8>> {
    match (&object[name], &object[format!("{name}Base64")]) {
        (Value::String(text), Value::Null) => Some(text.clone().into_bytes()),
        (Value::Null, Value::String(text)) => Some(STANDARD.decode(text).unwrap()),
        (Value::Null, Value::Null) => None,
        _ => panic!("{name} of {object}"),
    }
}

/// The lines as records.
fn records(ran: &Ran) -> Vec<ReceivedRecord> {
    let record = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let header = |header: &Value| {
            (String::from_utf8(bytes(header, "name").unwrap()).unwrap(), bytes(header, "value"))
        };
        ReceivedRecord {
            topic: line["topic"].as_str().unwrap().to_owned(),
            partition: i32::try_from(line["partition"].as_i64().unwrap()).unwrap(),
            offset: line["offset"].as_i64().unwrap(),
            timestamp: line["timestamp"].as_i64().unwrap(),
            key: bytes(&line, "key"),
            value: bytes(&line, "value"),
            headers: line["headers"].as_array().unwrap().iter().map(header).collect(),
            deliveries: None,
            largest_poll: None,
        }
    };
    ran.out.lines().map(record).collect()
}

async fn decrypt(proxy: &Proxy, arguments: &[&str]) -> Ran {
    let config = config(proxy);
    run(&[&["decrypt", "--quiet", "--config", &config], arguments].concat()).await
}

/// What the tool gets out of a topic of the shared proxy: the same by its brokers and by its files.
pub(in super::super) async fn of_topic(topic: &str) -> Vec<ReceivedRecord> {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let by_brokers = decrypt(proxy, &["--topic", topic]).await.ends(0);
    let by_files = decrypt(proxy, &[&text(cluster.log_dir(topic, 0))]).await.ends(0);
    assert_eq!(by_brokers.out, by_files.out, "{topic}");
    records(&by_brokers)
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_and_segments_give_what_was_written() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let turns =
        ["batch", "record", "clear"].into_iter().flat_map(|format| Codec::ALL.map(|codec| (format, codec)));
    for ((format, codec), client) in turns.zip(Client::ALL.into_iter().cycle()) {
        let topic = topic(&format!("{format}.decrypt-{codec}"));
        cluster.create_topic(&topic, 1, &[]).await;
        let sent = Payload::new(31).orders(120);
        client.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic).codec(codec), &sent).await;
        assert_same(&topic, &sent, &of_topic(&topic).await);
        let base64 = decrypt(proxy, &["--topic", &topic, "--output", "json-base64"]).await.ends(0);
        assert_same(&topic, &sent, &records(&base64));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_elsewhere_and_a_file_of_keys_are_enough() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic("batch.decrypt-elsewhere");
    cluster.create_topic(&topic, 1, &[]).await;
    let sent = [SentRecord::of("one").partition(0), SentRecord::of("two").partition(0)];
    Client::Go.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic), &sent).await;
    let folder = Scratch::new("elsewhere");
    let segment = text(folder.join("segment"));
    fs::copy(cluster.log_dir(&topic, 0).join("00000000000000000000.log"), &segment).unwrap();
    let keys = proxy.keys_folder();
    let minimal = format!(
        "cluster: test-cluster\nkeyProviders: {{default: {{local: {{directory: {}}}}}}}\n",
        keys.display()
    );
    let file = text(folder.join("keys.yaml"));
    fs::write(&file, minimal).unwrap();
    let raw = async |partition: &str| {
        let arguments = [
            "decrypt",
            "--config",
            &file,
            &segment,
            "--topic",
            &topic,
            "--partition",
            partition,
            "--output",
            "raw",
        ];
        run(&arguments).await
    };
    assert_eq!(raw("0").await.ends(0).out, "one\ntwo\n");
    // What was sealed for one partition does not open as another's.
    let moved = raw("1").await.ends(1);
    assert!(moved.out.is_empty() && moved.errors.contains("not what was sealed"), "{}", moved.errors);
    let unnamed = run(&["decrypt", "--config", &file, &segment]).await.ends(1);
    assert!(unnamed.errors.contains("give them as options"), "{}", unnamed.errors);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_clients_that_look_like_envelopes_come_back() {
    let name = "encryption.strimzi.io";
    let topic = topic("batch.decrypt-own-header");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let record = SentRecord::of("a value").key("a key").partition(0);
    let sent = [
        record.clone().header(name, "of a client"),
        record.clone().header(name, [1, 3]),
        record.clone().header(name, [1, 2, 1, 1, 1, b'p', 1, b'k', 0, 1, 9]),
        SentRecord { value: None, ..record.clone() }.header(name, [1, 2]),
        record.header("another", "x").header(name, "later"),
    ];
    let options = ProduceOptions::to(Proxy::shared().await.bootstrap(), &topic);
    Client::Librdkafka.produce_all(&options, &sent).await;
    assert_same(&topic, &sent, &of_topic(&topic).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_go_into_a_new_file_of_its_owner_alone() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic("batch.decrypt-file");
    cluster.create_topic(&topic, 1, &[]).await;
    let sent = [SentRecord::of("one").partition(0)];
    Client::Go.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic), &sent).await;
    let folder = Scratch::new("file");
    let file = folder.join("records");
    let arguments = ["--topic", &topic, "--output", "raw", "--to", &text(file.clone())];
    assert_eq!(decrypt(proxy, &arguments).await.ends(0).out, "");
    assert_eq!(fs::read_to_string(&file).unwrap(), "one\n");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = decrypt(proxy, &arguments).await.ends(1);
    assert!(refused.errors.contains("failed to make the file"), "{}", refused.errors);
}

#[tokio::test(flavor = "multi_thread")]
async fn aborted_records_come_only_when_asked_for() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    for format in ["batch", "record"] {
        let topic = topic(&format!("{format}.decrypt-aborted"));
        cluster.create_topic(&topic, 1, &[]).await;
        let mut payload = Payload::new(32);
        let (mut committed, mut all) = (Vec::new(), Vec::new());
        for (commit, count) in [(true, 30), (false, 40), (true, 5), (false, 1)] {
            let sent = payload.orders(count);
            let options = ProduceOptions::to(proxy.bootstrap(), &topic).transaction(&topic, commit);
            Client::Python.produce_all(&options, &sent).await;
            all.extend(sent.iter().cloned());
            if commit {
                committed.extend(sent);
            }
        }
        let seen = decrypt(proxy, &["--topic", &topic]).await.ends(0);
        assert_same(&topic, &committed, &records(&seen));
        let seen = decrypt(proxy, &["--topic", &topic, "--isolation", "read_uncommitted"]).await.ends(0);
        assert_same(&topic, &all, &records(&seen));
    }
}

/// The first version of a key is gone: what it sealed stays closed, and nothing else.
async fn without_its_key(format: &str) {
    let prefix = format!("shredded-{format}.").to_lowercase();
    let proxy = owner([Rule::encrypt([Pattern::prefix(&prefix)], "owner").format(format)]).await;
    let topic = topic(&format!("{prefix}topic"));
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let send = async |count| {
        let sent = Payload::new(33).orders(count);
        Client::Librdkafka.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic), &sent).await;
        sent
    };
    send(24).await;
    rotate(&proxy, "owner", 2, &topic).await;
    let kept = send(24).await;
    proxy.remove_key("owner", 1);
    let stopped = decrypt(&proxy, &["--topic", &topic]).await.ends(1);
    assert!(stopped.errors.contains("owner"), "{}", stopped.errors);
    let skipped = decrypt(&proxy, &["--topic", &topic, "--on-error", "skip"]).await.ends(1);
    let opened = records(&skipped);
    // Record format leaves null values open, which come before and are not counted as lost.
    let behind = &opened[opened.len() - kept.len()..];
    assert_same(&topic, &kept, behind);
    assert!(
        skipped.errors.contains("not opened") && !skipped.errors.contains(" 0 not opened"),
        "{}",
        skipped.errors
    );
    assert!(opened.iter().all(|record| record.offset >= 24 || record.value.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_key_closes_its_own_batches_alone() {
    without_its_key("Batch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_key_closes_its_own_records_alone() {
    without_its_key("Record").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_answer_ends_it_even_where_errors_are_skipped() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic("batch.decrypt-unanswered");
    cluster.create_topic(&topic, 1, &[]).await;
    Client::Go
        .produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic), &[SentRecord::of("x").partition(0)])
        .await;
    let folder = Scratch::new("unanswered");
    let file = text(folder.join("keys.yaml"));
    let keys = "cluster: test-cluster\nkeyProviders: {default: {local: {directory: not-there}}}\n";
    fs::write(&file, keys).unwrap();
    let log = text(cluster.log_dir(&topic, 0));
    let ended = run(&["decrypt", "--config", &file, "--on-error", "skip", &log]).await.ends(1);
    assert!(ended.out.is_empty() && ended.errors.contains("has to answer first"), "{}", ended.errors);
}
