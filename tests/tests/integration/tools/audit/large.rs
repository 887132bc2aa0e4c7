//! Topics too large to read in one go, or at all.

use std::fs;

use serde_json::{Value, json};
use tests::process::Process;
use tests::{Client, Cluster, Payload, ProduceOptions, Proxy, Scratch, SentRecord, eventually_ok, topic};

use super::{audit, produce};
use crate::tools::dam::Dam;
use crate::tools::{PATIENCE, Ran, config, partition, servers, text, tool};

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
