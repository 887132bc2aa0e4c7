//! The harness itself, against the broker without a proxy: what it cannot do here it cannot prove elsewhere.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tests::ports::Ports;
use tests::process::Process;
use tests::{
    Batch, By, Client, Cluster, Codec, ConsumeOptions, Field, Payload, ProduceOptions, RawConnection,
    Scratch, Segments, SentRecord, assert_same, canary, eventually, eventually_ok, topic,
};

async fn round_trips(client: Client) {
    let cluster = Cluster::shared().await;
    for codec in Codec::ALL {
        let topic = topic(&format!("harness-{client}-{codec}"));
        cluster.create_topic(&topic, 1, &[]).await;
        let sent = Payload::new(1).orders(60);
        let offsets =
            client.produce_all(&ProduceOptions::to(cluster.bootstrap(), &topic).codec(codec), &sent).await;
        assert_eq!(offsets, (0..60).collect::<Vec<_>>());
        let received = client.consume_all(&ConsumeOptions::from(cluster.bootstrap(), &topic)).await;
        assert_same(&format!("{client} {codec}"), &sent, &received);
        let stored = Segments::of(cluster.topic_dirs(&topic)).dump().await;
        assert!(
            stored.iter().all(|batch| batch.codec == codec.name()),
            "{client} did not use {codec}: {stored:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_java_round_trips_every_codec() {
    round_trips(Client::Java).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_python_round_trips_every_codec() {
    round_trips(Client::Python).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_go_round_trips_every_codec() {
    round_trips(Client::Go).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_librdkafka_round_trips_every_codec() {
    round_trips(Client::Librdkafka).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_clients_name_a_refusal() {
    let cluster = Cluster::shared().await;
    let topic = topic("harness-refusal");
    cluster.create_topic(&topic, 1, &[("cleanup.policy", "compact")]).await;
    let keyless = [SentRecord::of("no key").partition(0)];
    for client in Client::ALL {
        let answers = client.produce(&ProduceOptions::to(cluster.bootstrap(), &topic), &keyless).await;
        let error = answers.into_iter().next().unwrap().unwrap_err();
        assert_eq!(error, "INVALID_RECORD", "{client}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_segments_find_canaries_in_every_codec() {
    let cluster = Cluster::shared().await;
    for codec in Codec::ALL {
        let topic = topic(&format!("harness-needles-{codec}"));
        cluster.create_topic(&topic, 1, &[]).await;
        let [key, value, name, header, absent] = ["key", "value", "name", "header", "absent"].map(canary);
        let record = SentRecord::of(format!("{value} {}", "filler ".repeat(200))).key(key.clone());
        let records = [record.header(&name, header.clone()).partition(0)];
        Client::Java
            .produce_all(&ProduceOptions::to(cluster.bootstrap(), &topic).codec(codec), &records)
            .await;
        let search =
            Segments::of(cluster.topic_dirs(&topic)).search(&[key, value, name, header, absent]).await;
        assert!(search.found_in(0, "key"), "{codec}: {search:?}");
        assert!(search.found_in(1, "value"), "{codec}: {search:?}");
        assert!(search.found_in(2, "header name"), "{codec}: {search:?}");
        assert!(search.found_in(3, "header value"), "{codec}: {search:?}");
        assert!(!search.found(4), "{codec}: {search:?}");
        assert_eq!(search.batches.get(codec.name()), Some(&1), "{codec}: {search:?}");
        assert_eq!(search.invalid, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_raw_connection_writes_and_reads_the_same_bytes() {
    let cluster = Cluster::shared().await;
    let topic = topic("harness-raw");
    cluster.create_topic(&topic, 1, &[]).await;
    let (mut connection, at) = cluster.leader(&topic, 0).await;
    let mut next = 0;
    for by in [By::Name, By::Id, By::Version(7)] {
        let sent = Batch::of(&Payload::new(7).orders(12));
        let appended = connection.produce(&at, by, sent.clone()).await.unwrap();
        assert_eq!(appended.error, None, "{by:?}: {:?}", appended.message);
        assert_eq!(appended.base_offset, next);
        let fetched = connection.fetch(&at, by, next).await.unwrap();
        assert_eq!(fetched.error, None, "{by:?}");
        let batches = fetched.batches();
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].as_sent().bytes(), sent.as_sent().bytes(), "{by:?}");
        assert_eq!(batches[0].field(Field::BaseOffset), next);
        next = batches[0].next_offset();
    }
    assert_eq!(connection.fetch_all(&at, By::Name).await.unwrap().len(), 3);
    assert_eq!(connection.list_offset(&at, -1).await.unwrap(), 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_raw_batches_are_what_clients_understand() {
    let cluster = Cluster::shared().await;
    let topic = topic("harness-raw-clients");
    cluster.create_topic(&topic, 1, &[]).await;
    let sent = Payload::new(3).orders(24);
    let (mut connection, at) = cluster.leader(&topic, 0).await;
    let appended = connection.produce(&at, By::Name, Batch::of(&sent)).await.unwrap();
    assert_eq!(appended.error, None, "{:?}", appended.message);
    let received = Client::Java.consume_all(&ConsumeOptions::from(cluster.bootstrap(), &topic)).await;
    assert_same("raw to java", &sent, &received);
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_tampered_batches_are_refused_or_stored_as_wished() {
    let cluster = Cluster::shared().await;
    let topic = topic("harness-tamper");
    cluster.create_topic(&topic, 1, &[]).await;
    let (mut connection, at) = cluster.leader(&topic, 0).await;
    let mut batch = Batch::of(&[SentRecord::of("some value")]);
    *batch.records_mut().last_mut().unwrap() = 0;
    let last = batch.records().len() - 2;
    batch.records_mut()[last] ^= 1;
    assert!(!batch.is_sound());
    let refused = connection.produce(&at, By::Name, batch.clone()).await.unwrap();
    assert_eq!(refused.error.unwrap(), "CORRUPT_MESSAGE");
    batch.seal();
    assert!(batch.is_sound());
    assert_eq!(connection.produce(&at, By::Name, batch).await.unwrap().error, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_garbage_gets_the_connection_closed() {
    let cluster = Cluster::shared().await;
    let mut connection = RawConnection::connect(&cluster.bootstrap()).await.unwrap();
    connection.send_frame(&[0xff; 32]).await.unwrap();
    assert!(connection.closes_within(Duration::from_secs(10)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn harness_topics_can_be_altered_and_removed() {
    let cluster = Cluster::shared().await;
    let topic = topic("harness-alter");
    cluster.create_topic(&topic, 2, &[("retention.ms", "60000")]).await;
    assert_eq!(cluster.topic_dirs(&topic).len(), 2);
    assert_eq!(cluster.topic_config(&topic, "retention.ms").await.as_deref(), Some("60000"));
    cluster.alter_topic(&topic, &[("cleanup.policy", Some("compact")), ("retention.ms", None)]).await;
    assert_eq!(cluster.topic_config(&topic, "cleanup.policy").await.as_deref(), Some("compact"));
    cluster.delete_topic(&topic).await;
    let gone = async || RawConnection::to_leader(&cluster.bootstrap(), &topic, 0).await.is_err();
    eventually("the topic is gone", Duration::from_secs(10), gone).await;
}

#[test]
fn harness_ports_do_not_collide() {
    let taken: Vec<Ports> = (0..20).map(|_| Ports::take(5)).collect();
    let mut ports: Vec<u16> = taken.iter().flat_map(|ports| (0..5).map(|n| ports.port(n))).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 100);
}

/// The test binary runs itself, is killed, and must leave neither process nor folder.
#[tokio::test(flavor = "multi_thread")]
async fn harness_leaves_nothing_behind_when_killed() {
    if let Some(note) = std::env::var_os("HARNESS_VICTIM") {
        return be_the_victim(Path::new(&note)).await;
    }
    let scratch = Scratch::new("killer");
    let note = scratch.join("note");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "harness::harness_leaves_nothing_behind_when_killed"])
        .env("HARNESS_VICTIM", &note);
    let mut victim = Process::start("victim", command, &scratch.join("log")).unwrap();
    let note = async || std::fs::read_to_string(&note);
    let note = eventually_ok("the victim has started", Duration::from_secs(20), note).await;
    let (group, folder) = note.split_once(' ').unwrap();
    assert!(lives(group) && Path::new(folder).exists());
    victim.kill();
    let gone = async || !lives(group) && !Path::new(folder).exists();
    eventually("processes and folder are gone", Duration::from_secs(10), gone).await;
}

async fn be_the_victim(note: &Path) {
    let scratch = Scratch::new("victim");
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 300 & sleep 300"]);
    let process = Process::start("victim's child", command, &scratch.join("log")).unwrap();
    let unfinished = note.with_extension("unfinished");
    std::fs::write(&unfinished, format!("{} {}", process.id(), scratch.path().display())).unwrap();
    std::fs::rename(unfinished, note).unwrap();
    tokio::time::sleep(Duration::from_mins(5)).await;
}

fn lives(group: &str) -> bool {
    let script = "kill -s 0 -- -$0 2>/dev/null";
    Command::new("sh").args(["-c", script, group]).status().unwrap().success()
}
