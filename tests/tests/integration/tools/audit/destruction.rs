//! Whether a key can be destroyed.

use serde_json::json;
use tests::proxy::Pattern;
use tests::{Client, Cluster, Payload, PolicyFile, ProduceOptions, Proxy, Rule, SentRecord, canary, topic};

use super::{audit, can_destroy, delete_records, produce, ranges};
use crate::tools::{config, owner, partition, rotate, run, servers};

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
