//! `audit` accounts for keys, and answers whether one can be destroyed.

use std::fs;

use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::{DeleteRecordsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use serde_json::{Value, json};
use tests::process::Process;
use tests::{
    Client, Cluster, Payload, PolicyFile, ProduceOptions, Proxy, Rule, Scratch, SentRecord, canary,
    eventually_ok, proxy::Pattern, topic,
};

use super::super::security::Secured;
use super::dam::Dam;
use super::{PATIENCE, Ran, config, owner, partition, rotate, run, servers, text, tool};

/// Removes records before an offset, as retention would.
pub(super) async fn delete_records(topic: &str, before: i64) {
    let (mut connection, at) = Cluster::shared().await.leader(topic, 0).await;
    let partition = DeleteRecordsPartition::default().with_partition_index(at.partition).with_offset(before);
    let topic = DeleteRecordsTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    let answer = connection.call(&request, 2).await.unwrap();
    assert_eq!(answer.topics[0].partitions[0].error_code, 0);
}

/// An audit of one topic by a proxy's file.
async fn audit(proxy: &Proxy, topic: &str, more: &[&str]) -> Ran {
    let config = config(proxy);
    run(&[&["audit", "--output", "json", "--quiet", "--topic", topic, "--config", &config], more].concat())
        .await
}

async fn can_destroy(proxy: &Proxy, topic: &str, key: &str) -> Ran {
    audit(proxy, topic, &["--can-destroy", key]).await
}

async fn produce(bootstrap: String, topic: &str, records: &[SentRecord]) {
    Client::Librdkafka.produce_all(&ProduceOptions::to(bootstrap, topic), records).await;
}

fn ranges(report: &Value, topic: &str) -> Vec<(String, i64, i64)> {
    let ranges = partition(report, topic, 0)["ranges"].as_array().unwrap().iter().map(|range| {
        let what = match range["content"].as_str().unwrap() {
            "sealed" => {
                format!("{}:{}", range["key"].as_str().unwrap(), range["version"].as_str().unwrap_or("?"))
            }
            other => other.to_owned(),
        };
        (what, range["firstOffset"].as_i64().unwrap(), range["lastOffset"].as_i64().unwrap())
    });
    ranges.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_can_be_destroyed_once_the_records_that_need_it_are_gone() {
    let proxy = owner([Rule::encrypt([Pattern::prefix("audit.")], "owner").format("Batch")]).await;
    let topic = topic("audit.rotated");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let needle = canary("audit");
    let sent = [SentRecord::of(needle.clone()).partition(0), SentRecord::of(needle.clone()).partition(0)];
    produce(proxy.bootstrap(), &topic, &sent).await;
    let ran = audit(&proxy, &topic, &[]).await.ends(0);
    ran.hides(&[&needle]);
    assert_eq!(ranges(&ran.json(), &topic), [("owner:1".to_owned(), 0, 1)]);
    can_destroy(&proxy, &topic, "default/other").await.ends(3);
    can_destroy(&proxy, &topic, "default/owner:2").await.ends(3);
    can_destroy(&proxy, &topic, "default/owner").await.ends(1);
    can_destroy(&proxy, &topic, "default/owner:1").await.ends(1);

    rotate(&proxy, "owner", 2, &topic).await;
    produce(proxy.bootstrap(), &topic, &sent).await;
    let ran = can_destroy(&proxy, &topic, "default/owner:1").await.ends(1);
    let report = ran.json();
    let answer = &report["canDestroy"];
    assert_eq!(answer["answer"], "no", "{report}");
    let dependents = answer["dependents"].as_array().unwrap();
    assert_eq!(
        (dependents.len(), &dependents[0]["topic"], &dependents[0]["firstOffset"]),
        (1, &json!(topic), &json!(0))
    );
    let found = ranges(&report, &topic);
    assert_eq!(found.len(), 2, "{report}");
    let first_of_second = found[1].1;
    assert_eq!(
        (found[0].2 + 1, dependents[0]["lastOffset"].as_i64()),
        (first_of_second, Some(first_of_second - 1))
    );
    let table =
        run(&["audit", "--topic", &topic, "--config", &config(&proxy), "--can-destroy", "default/owner:1"])
            .await
            .ends(1);
    assert!(table.out.contains("NO") && table.out.contains("default/owner:2"), "{}", table.out);

    delete_records(&topic, first_of_second).await;
    // Other topics were not read.
    let ran = can_destroy(&proxy, &topic, "default/owner:v1").await.ends(4);
    assert_eq!(ran.json()["canDestroy"]["answer"], "not in these topics");
    can_destroy(&proxy, &topic, "default/owner:2").await.ends(1);
    can_destroy(&proxy, &topic, "default/owner").await.ends(1);
    // Without the provider's configuration a version is a guess, and a guess is no yes.
    let arguments = [
        "audit",
        "--topic",
        &topic,
        "--bootstrap-servers",
        &servers().await,
        "--can-destroy",
        "default/owner:1",
    ];
    let guessed = run(&arguments).await.ends(1);
    assert!(guessed.out.contains("--config"), "{}", guessed.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_is_said_of_whole_clusters_and_with_its_conditions() {
    let cluster = Cluster::builder().start().await;
    let rules = [Rule::encrypt([Pattern::prefix("audit.")], "owner").format("Batch")];
    let proxy = Proxy::before(&cluster).policy(PolicyFile::new(rules)).start().await;
    cluster.create_topic("audit.whole", 1, &[]).await;
    proxy.write_key("owner", 2);
    produce(proxy.bootstrap(), "audit.whole", &[SentRecord::of("x").partition(0)]).await;
    let config = config(&proxy);
    let ask = async |key: &str| {
        let arguments = ["audit", "--quiet", "--config", &config, "--can-destroy", key];
        run(&[&arguments[..], &["--output", "json"]].concat()).await
    };
    let report = ask("default/owner:1").await.ends(0).json();
    assert_eq!(report["canDestroy"]["answer"], "yes", "{report}");
    assert!(report["canDestroy"]["conditions"].to_string().contains("/keys/rotate"), "{report}");
    assert!(partition(&report, "audit.whole", 0)["endTakenAt"].is_string(), "{report}");
    let report = ask("default/ownre:1").await.ends(3).json();
    assert_eq!(report["canDestroy"]["answer"], "not seen", "{report}");
    ask("defualt/owner:1").await.ends(1);
    ask("default/owner:one").await.ends(2);
    let table = run(&["audit", "--config", &config, "--can-destroy", "default/owner:1"]).await.ends(0);
    assert!(table.out.contains("yes") && table.out.contains("provided that"), "{}", table.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_records_are_told_with_their_offsets_in_both_formats() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    for format in ["batch", "record"] {
        let topic = topic(&format!("{format}.audit-clear"));
        cluster.create_topic(&topic, 1, &[]).await;
        let needle = canary("clear");
        let records: Vec<SentRecord> =
            (0..10).map(|_| SentRecord::of(needle.clone()).key("k").partition(0)).collect();
        produce(cluster.bootstrap(), &topic, &records).await;
        produce(proxy.bootstrap(), &topic, &records).await;
        let tombstone = SentRecord { key: Some(b"k".to_vec()), partition: Some(0), ..SentRecord::default() };
        produce(proxy.bootstrap(), &topic, &[tombstone]).await;
        produce(cluster.bootstrap(), &topic, &records[..1]).await;
        let ran = audit(proxy, &topic, &[]).await.ends(1);
        ran.hides(&[&needle]);
        let report = ran.json();
        // A tombstone is sealed in batch format, and nothing to be sealed in record format.
        let last = if format == "batch" { 20 } else { 19 };
        let expected =
            [("clear".to_owned(), 0, 9), ("shared:1".to_owned(), 10, last), ("clear".to_owned(), 21, 21)];
        assert_eq!(ranges(&report, &topic), expected, "{report}");
        assert_eq!(
            (&report["clean"], &partition(&report, &topic, 0)["clearRecords"]),
            (&json!(false), &json!(11))
        );
        can_destroy(proxy, &topic, "default/another").await.ends(3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aborted_records_need_their_keys_too() {
    let proxy = Proxy::shared().await;
    let topic = topic("batch.audit-aborted");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let sent = Payload::new(21).orders(50);
    let options = ProduceOptions::to(proxy.bootstrap(), &topic).transaction(&topic, false);
    Client::Python.produce_all(&options, &sent).await;
    let report = can_destroy(proxy, &topic, "default/shared:1").await.ends(1).json();
    let found = partition(&report, &topic, 0);
    assert_eq!(
        (&found["abortedRecords"], &found["openTransactionRecords"]),
        (&json!(50), &json!(0)),
        "{report}"
    );
    assert_eq!(report["canDestroy"]["dependents"][0]["records"], 50, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_finds_keys_in_use_and_never_says_yes() {
    let proxy = Proxy::shared().await;
    let topic = topic("batch.audit-sample");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    let sent = Payload::new(22).random(64, 256 * 1024);
    produce(proxy.bootstrap(), &topic, &sent).await;
    let report = audit(proxy, &topic, &["--sample", "25%"]).await.ends(1).json();
    let counted = partition(&report, &topic, 0)["contents"][0]["records"].as_u64().unwrap();
    assert!((1..64).contains(&counted), "{report}");
    let sampled =
        async |key| audit(proxy, &topic, &["--sample", "1/4", "--can-destroy", key]).await.ends(1).json();
    assert_eq!(sampled("default/shared").await["canDestroy"]["answer"], "no");
    let unknown = sampled("default/another").await;
    assert_eq!(unknown["canDestroy"]["answer"], "no", "{unknown}");
    assert!(unknown["canDestroy"]["reasons"].to_string().contains("sample"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn few_ranges_are_listed_and_totals_stay_exact() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic("record.audit-ranges");
    cluster.create_topic(&topic, 1, &[]).await;
    for _ in 0..5 {
        for bootstrap in [cluster.bootstrap(), proxy.bootstrap()] {
            produce(bootstrap, &topic, &[SentRecord::of("x").partition(0)]).await;
        }
    }
    let report = audit(proxy, &topic, &["--max-ranges", "3"]).await.ends(1).json();
    let found = partition(&report, &topic, 0);
    assert_eq!(
        (found["ranges"].as_array().unwrap().len(), &found["rangesEndAt"]),
        (3, &json!(3)),
        "{report}"
    );
    let totals: Vec<_> =
        found["contents"].as_array().unwrap().iter().map(|row| row["records"].as_u64()).collect();
    assert_eq!(totals, [Some(5), Some(5)], "{report}");
}

/// The file of a proxy with the broker behind a dam.
fn behind(dam: &Dam, proxy: &Proxy, folder: &Scratch) -> String {
    let config = fs::read_to_string(config(proxy)).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["upstream"] = json!({"bootstrapServers": [dam.address()], "brokers": {"0": dam.address()}});
    config["keyProviders"] = json!({"default": {"local": {"directory": proxy.keys_folder()}}});
    let file = folder.join("proxy.yaml");
    fs::write(&file, config.to_string()).unwrap();
    text(file)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_was_killed_goes_on_where_it_was() {
    let proxy = Proxy::shared().await;
    let topic = topic("batch.audit-resume");
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    produce(proxy.bootstrap(), &topic, &Payload::new(23).random(64, 256 * 1024)).await;
    let folder = Scratch::new("audit");
    let dam = Dam::before(servers().await, 6 << 20).await;
    let state = text(folder.join("state"));
    let half = behind(&dam, proxy, &folder);
    let arguments = ["audit", "--quiet", "--topic", &topic, "--state", &state];
    let mut child = tool(&[&arguments[..], &["--config", &half]].concat()).spawn().unwrap();
    let read = || -> Result<i64, String> {
        let text = fs::read(&state).map_err(|error| error.to_string())?;
        let state: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        state["partitions"][0]["next"].as_i64().filter(|next| *next > 0).ok_or_else(|| state.to_string())
    };
    let next = eventually_ok("the audit has begun", PATIENCE, async || read()).await;
    child.kill().await.unwrap();
    assert!(next < 64, "{next}");

    // What came since counts too.
    produce(proxy.bootstrap(), &topic, &[SentRecord::of("later").partition(0)]).await;
    let config = config(proxy);
    let mut resumed = tool(&[&arguments[..], &["--config", &config, "--output", "json"]].concat());
    let resumed = Ran::of(resumed.env("RUST_LOG", "info").output().await.unwrap()).ends(0);
    assert!(resumed.errors.contains("going on from the state file"), "{}", resumed.errors);
    let whole = audit(proxy, &topic, &[]).await.ends(0);
    let without_time = |mut report: Value| {
        report["partitions"][0]["endTakenAt"].take();
        report
    };
    let (resumed, whole) = (without_time(resumed.json()), without_time(whole.json()));
    assert_eq!(resumed, whole);
    assert_eq!(resumed["partitions"][0]["endOffset"], 65, "{resumed}");
    assert!(fs::metadata(&state).is_err(), "a complete audit leaves no state");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_are_reached_over_tls_as_a_user() {
    let secured = Secured::shared().await;
    let topic = topic("audit-secured");
    secured.cluster.create_topic(&topic, 1, &[]).await;
    produce(secured.cluster.bootstrap(), &topic, &[SentRecord::of("clear").partition(0)]).await;
    let folder = Scratch::new("password");
    let password = text(folder.join("password"));
    let authority = text(secured.certificates.authority());
    let server = secured.cluster.sasl_address(0);
    let arguments = [
        "audit",
        "--output",
        "json",
        "--topic",
        &topic,
        "--bootstrap-servers",
        &server,
        "--tls-ca",
        &authority,
        "--sasl-username",
        "alice",
        "--sasl-password-file",
        &password,
    ];
    fs::write(&password, "alice-secret").unwrap();
    let report = run(&arguments).await.ends(1).json();
    assert_eq!(partition(&report, &topic, 0)["clearRecords"], 1);
    fs::write(&password, "not her password").unwrap();
    let refused = run(&arguments).await.ends(2);
    assert!(refused.errors.contains("authenticate"), "{}", refused.errors);
    refused.hides(&["not her password"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_audited_is_an_error_and_no_answer() {
    let servers = servers().await;
    let missing = run(&["audit", "--topic", "no-such-topic", "--bootstrap-servers", &servers]).await.ends(2);
    assert!(missing.errors.contains("there is no topic no-such-topic"), "{}", missing.errors);
    assert_eq!(missing.out, "");
    run(&["audit", "--bootstrap-servers", &servers, "--can-destroy", "nonsense"]).await.ends(2);
    run(&["audit"]).await.ends(2);
    run(&["audit", "--config", "/nowhere/proxy.yaml"]).await.ends(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_not_grow_with_the_topic() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic("batch.audit-large");
    cluster.create_topic(&topic, 1, &[]).await;
    let options = ProduceOptions::to(proxy.bootstrap(), &topic);
    for seed in 0..8 {
        Client::Librdkafka.produce_all(&options, &Payload::new(50 + seed).random(80, 200 * 1024)).await;
    }
    let folder = Scratch::new("memory");
    let mut command = std::process::Command::new(tests::programs::proxy());
    command.args(["audit", "--quiet", "--topic", &topic, "--bootstrap-servers", &servers().await]);
    let mut process = Process::start("audit", command, &folder.join("log")).unwrap();
    // The kernel's own mark of the most that was ever resident, as it was shortly before the end.
    let mut peak = 0;
    let ended = async || {
        peak = process.peak_resident_bytes().max(peak);
        process.ended().ok_or("it still runs")
    };
    let status = eventually_ok("the audit ends", PATIENCE, ended).await;
    assert!(status.success(), "{}", process.log());
    // The topic has 128 MB.
    assert!((1_000_000..64_000_000).contains(&peak), "{peak} bytes");
}
