//! What earlier programs encrypted: told without keys, and moved to ours.

use serde_json::json;
use tests::{Batch, Client, Cluster, ConsumeOptions, Scratch, SentRecord, assert_same, topic};

use super::{config, partition, run, text};
use crate::legacy::{Stage, stored_and_clear};
use crate::tampering::stage::plant;

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_moves_them_to_ours_and_an_audit_tells_before_and_after() {
    let proxy = &Stage::shared().await.proxy;
    let (stored, clear): (Vec<SentRecord>, Vec<SentRecord>) = stored_and_clear().into_iter().unzip();
    let [source, target] = ["source", "target"].map(|name| topic(&format!("legacy.both.{name}")));
    let cluster = Cluster::shared().await;
    for topic in [&source, &target] {
        cluster.create_topic(topic, 1, &[]).await;
    }
    let (mut direct, at) = cluster.leader(&source, 0).await;
    plant(&mut direct, &at, Batch::of(&stored)).await;
    let (config, folder) = (config(proxy), Scratch::new("copy-legacy"));

    let audit = async |topic: &str, more: &[&str]| {
        let words = ["audit", "--output", "json", "--quiet", "--topic", topic, "--config", &config];
        run(&[words.as_slice(), more].concat()).await
    };
    let before = audit(&source, &[]).await.ends(1).json();
    let before = partition(&before, &source, 0);
    // All but the tombstone.
    assert_eq!((&before["legacyRecords"], &before["clearRecords"]), (&json!(stored.len() - 1), &json!(0)));
    let rows = before["contents"].as_array().unwrap().iter().filter(|row| row["content"] == "legacy");
    let formats: Vec<_> = rows.map(|row| row["format"].as_str().unwrap().to_owned()).collect();
    assert_eq!(formats, ["TopicEncryptionV1", "KroxyliciousV2"]);
    // Any key may be one of theirs.
    let asked = audit(&source, &["--can-destroy", "default/other"]).await;
    assert!(asked.out.contains("earlier program"), "{}", asked.out);
    let inspected = run(&["inspect", "--topic", &source, "--config", &config, "--quiet"]).await;
    assert!(inspected.out.contains("KroxyliciousV2"), "{} {}", inspected.out, inspected.errors);

    // Also without any proxy, so that nobody is locked in.
    let words = ["decrypt", "--topic", &source, "--config", &config, "--quiet"];
    let decrypted = run(&[words.as_slice(), &["--legacy"]].concat()).await.ends(0);
    assert!(decrypted.out.contains("0123456789"), "{}", decrypted.out);
    assert_eq!(decrypted.out.lines().count(), stored.len());
    assert!(!run(&words).await.out.contains("0123456789"));

    let state = text(folder.join("state"));
    let words = ["copy", "--quiet", "--topic", &source, "--to", &target, "--config", &config];
    run(&[words.as_slice(), &["--state", &state, "--verify"]].concat()).await.ends(0);
    let after = audit(&target, &[]).await.ends(0).json();
    assert_eq!(partition(&after, &target, 0)["legacyRecords"], json!(0));
    let received = Client::Java.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &target)).await;
    assert_same("the target", &clear, &received);
}
