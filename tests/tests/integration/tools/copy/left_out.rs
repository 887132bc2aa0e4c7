//! What is left out, and what stops a copy instead.

use tests::proxy::Pattern;
use tests::{Client, Cluster, Codec, Payload, ProduceOptions, Rule, Scratch, SentRecord, assert_same, topic};

use super::Stage;
use crate::tools::audit::delete_records;
use crate::tools::owner;

#[tokio::test(flavor = "multi_thread")]
async fn clear_records_are_sealed_only_when_asked_for_and_never_against_the_sources_rule() {
    let cluster = Cluster::shared().await;
    let stage = Stage::new("copy-clear", ["Batch", "Batch"], 1).await;
    let forged = [SentRecord::of("anybody").partition(0)];
    stage.produce(Client::Go, Codec::None, &Payload::new(52).orders(5)).await;
    Client::Go.produce_all(&ProduceOptions::to(cluster.bootstrap(), &stage.source), &forged).await;
    let refused = stage.copy(&[]).await.ends(1);
    assert!(refused.errors.contains("in clear at offset 5"), "{}", refused.errors);
    let sealed = stage.copy(&["--seal-clear"]).await.ends(0);
    assert!(sealed.errors.contains("6 records") && sealed.errors.contains("1 of those"), "{}", sealed.errors);

    let rule = |prefix: &str, key: &str| Rule::encrypt([Pattern::prefix(prefix)], key).format("Record");
    let [from, to] = ["copy-reject-from.", "copy-reject-to."];
    let proxy = owner([rule(from, "old").on_plaintext("Reject"), rule(to, "new")]).await;
    let (source, target) = (topic(&format!("{from}topic")), topic(&format!("{to}topic")));
    cluster.create_topic(&source, 1, &[]).await;
    cluster.create_topic(&target, 1, &[]).await;
    let stage = Stage { proxy, source, target, folder: Scratch::new("copy") };
    // A tombstone beside sealed records is none that the rule refuses.
    let tombstone = SentRecord { key: Some(b"k".to_vec()), partition: Some(0), ..SentRecord::default() };
    stage.produce(Client::Go, Codec::None, &[SentRecord::of("x").partition(0), tombstone.clone()]).await;
    stage.copy(&["--verify"]).await.ends(0);
    // Nor is one alone, which proxies deliver too.
    Client::Go.produce_all(&ProduceOptions::to(cluster.bootstrap(), &stage.source), &[tombstone]).await;
    let copied = stage.copy(&["--verify"]).await.ends(0);
    assert!(copied.errors.contains("verified: 3 records"), "{}", copied.errors);
    Client::Go.produce_all(&ProduceOptions::to(cluster.bootstrap(), &stage.source), &forged).await;
    let refused = stage.copy(&["--seal-clear"]).await.ends(1);
    assert!(refused.errors.contains("onPlaintext: Reject"), "{}", refused.errors);
    assert_eq!(stage.consume(0).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_removed_before_it_was_read_is_told() {
    let stage = Stage::new("copy-removed", ["Batch", "Batch"], 1).await;
    let sent = Payload::new(53).orders(30);
    for part in sent.chunks(10) {
        stage.produce(Client::Go, Codec::None, part).await;
        if part == &sent[..10] {
            stage.copy(&[]).await.ends(0);
        }
    }
    delete_records(&stage.source, 20).await;
    let refused = stage.copy(&[]).await.ends(1);
    assert!(refused.errors.contains("removed 10 offsets"), "{}", refused.errors);
    let ran = stage.copy(&["--skip-removed", "--verify"]).await.ends(0);
    assert!(ran.errors.contains("10 offsets were removed by retention"), "{}", ran.errors);
    let copied = [&sent[..10], &sent[20..]].concat();
    assert_same(&stage.target, &copied, &stage.consume(0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_records_of_keys_that_are_said_to_be_destroyed_are_skipped() {
    let stage = Stage::new("copy-destroyed", ["Batch", "Batch"], 1).await;
    stage.produce(Client::Go, Codec::None, &Payload::new(54).orders(10)).await;
    crate::tools::rotate(&stage.proxy, "old", 2, &stage.source).await;
    let kept = Payload::new(55).orders(5);
    stage.produce(Client::Go, Codec::None, &kept).await;
    stage.proxy.remove_key("old", 1);
    let refused = stage.copy(&["--skip-unopened"]).await.ends(1);
    assert!(refused.errors.contains("--skip-key"), "{}", refused.errors);
    stage.copy(&["--skip-unopened", "--skip-key", "default/other"]).await.ends(1);
    assert!(stage.consume(0).await.is_empty());
    let ran = stage.copy(&["--skip-unopened", "--skip-key", "default/old"]).await.ends(0);
    assert!(!ran.errors.contains(" 0 left out"), "{}", ran.errors);
    let copied = stage.consume(0).await;
    assert_same(&stage.target, &kept, &copied[copied.len() - kept.len()..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_committed_records_are_copied() {
    let stage = Stage::new("copy-committed", ["Batch", "Record"], 1).await;
    let mut payload = Payload::new(45);
    let mut committed = Vec::new();
    for (commit, count) in [(false, 30), (true, 50), (false, 1), (true, 1)] {
        let sent = payload.orders(count);
        let options =
            ProduceOptions::to(stage.proxy.bootstrap(), &stage.source).transaction(&stage.source, commit);
        Client::Python.produce_all(&options, &sent).await;
        if commit {
            committed.extend(sent);
        }
    }
    stage.copy(&["--verify"]).await.ends(0);
    assert_same(&stage.target, &committed, &stage.consume(0).await);
}
