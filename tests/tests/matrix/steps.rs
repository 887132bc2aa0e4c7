//! What a client does in a cell.

use serde_json::Value;
use std::time::Duration;

use tests::{Batch, By, Client, Codec, ConsumeOptions, Member, ProduceOptions, RawConnection, assert_same};

use crate::cell::Cell;

/// Long, since many processes share the machine; nothing waits for it where all is well. No transaction may take longer.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Every shape of record that there is, twice.
const RECORDS: usize = 24;

/// Each codec, and what Kafka's own client sends: read by the client and by Kafka's own.
pub(crate) async fn sweep(cell: &Cell, topic: &str) {
    cell.stage.cluster.create_topic(topic, 1, &[]).await;
    let mut sent = Vec::new();
    for (seed, codec) in cell.client.codecs().iter().enumerate() {
        let records = cell.records(seed as u64 + 1, RECORDS, 0);
        let options = produce(cell, topic).codec(*codec).linger_ms(50);
        let offsets = cell.client.produce_all(&options, &records).await;
        is_compressed(cell, topic, *codec, offsets.into_iter().min().unwrap()).await;
        sent.extend(records);
    }
    let codec = cell.client.codecs().last().copied().expect("each client has one");
    let records = cell.records(99, RECORDS, 0);
    Client::Java.produce_all(&produce(cell, topic).codec(codec), &records).await;
    sent.extend(records);
    for reader in [cell.client, Client::Java] {
        let options = ConsumeOptions::from(cell.bootstrap(), topic).timeout(TIMEOUT);
        let received = reader.consume_all(&options).await;
        assert_same(&cell.what(&format!("codecs, read by {reader}")), &sent, &received);
    }
}

/// What the client has just written, from this offset on, has the codec that it was asked for. Not all of it has to: some libraries
/// leave a batch alone that would be no smaller.
async fn is_compressed(cell: &Cell, topic: &str, codec: Codec, from: i64) {
    if cell.format == "record" && codec == Codec::None {
        // The proxy takes a codec of its own then.
        return;
    }
    let (mut connection, at) = if cell.format == "batch" {
        // Readers get the client's own batches, whatever brokers have.
        RawConnection::to_leader(&cell.bootstrap(), topic, 0).await.unwrap()
    } else {
        // Brokers have the client's codec, and readers none.
        cell.stage.cluster.leader(topic, 0).await
    };
    let fetched = connection.fetch(&at, By::Name, from).await.unwrap();
    let codecs: Vec<i64> = fetched.batches().iter().map(Batch::codec).collect();
    let what = cell.what(&format!("codec {codec}"));
    assert!(codecs.contains(&codec.number()), "{what}: {codecs:?}, {:?}", fetched.error);
}

/// A reader of what is committed gets that, and nothing of what was given up in between.
pub(crate) async fn transactions(cell: &Cell, topic: &str) {
    cell.stage.cluster.create_topic(topic, 1, &[]).await;
    let mut committed = Vec::new();
    for (seed, commit) in [(1, true), (2, false), (3, true)] {
        let records = cell.records(seed, RECORDS, 0);
        let options = produce(cell, topic).transaction(topic, commit);
        cell.client.produce_all(&options, &records).await;
        if commit {
            committed.extend(records);
        }
    }
    let options = ConsumeOptions::from(cell.bootstrap(), topic).timeout(TIMEOUT).read_committed();
    let received = cell.client.consume_all(&options.count(committed.len())).await;
    assert_same(&cell.what("transactions"), &committed, &received);
}

/// A group shares its partitions out anew when a second member comes, and a later member goes on where both have been.
pub(crate) async fn group(cell: &Cell, topic: &str) {
    let cluster = &cell.stage.cluster;
    cluster.create_topic(topic, 2, &[]).await;
    let options = ConsumeOptions::from(cell.bootstrap(), topic).timeout(TIMEOUT).group(topic);
    let sent = [cell.records(1, RECORDS, 0), cell.records(2, RECORDS, 1)];
    let count = sent[0].len();
    let member = options.clone().count(count);
    let mut first = Member::start(cell.client, &member).await;
    cluster.wait_for_members(topic, 1).await;
    let mut second = Member::start(cell.client, &member).await;
    cluster.wait_for_members(topic, 2).await;
    cell.client.produce_all(&produce(cell, topic), &sent.concat()).await;
    let (of_first, of_second) = tokio::join!(first.records(count), second.records(count));
    let mut received = [of_first, of_second];
    received.sort_by_key(|records| records[0].partition);
    for (sent, received) in sent.iter().zip(&received) {
        assert!(received.iter().all(|record| Some(record.partition) == sent[0].partition));
        assert_same(&cell.what("group"), sent, received);
    }
    tokio::join!(first.leave(), second.leave());
    let later = cell.records(3, RECORDS, 0);
    cell.client.produce_all(&produce(cell, topic), &later).await;
    let received = cell.client.consume_all(&options.count(later.len())).await;
    assert_same(&cell.what("group, a later member"), &later, &received);
}

/// A topic comes, is as it was asked for, and goes.
pub(crate) async fn administration(cell: &Cell) {
    let topic = cell.topic("administration");
    admin(cell, "create-topic", &topic, &["--partitions", "3"]).await;
    cell.stage.cluster.locate(&topic, 2).await;
    let described = admin(cell, "describe-topic", &topic, &[]).await;
    let partitions = described["partitions"].as_array().unwrap();
    let numbers: Vec<_> =
        partitions.iter().map(|partition| partition["partition"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2], "{}: {described}", cell.what("administration"));
    admin(cell, "delete-topic", &topic, &[]).await;
    let gone = async || cell.stage.cluster.admin().await.locate(&topic, 0).await.is_err();
    tests::eventually(&format!("{topic} is gone"), TIMEOUT, gone).await;
}

async fn admin(cell: &Cell, action: &str, topic: &str, more: &[&str]) -> Value {
    let bootstrap = cell.bootstrap();
    let words = [&[action, "--bootstrap", &bootstrap, "--topic", topic][..], more].concat();
    let words = words.into_iter().map(str::to_owned).collect();
    let outcome = cell.client.command("admin", words, ("records", Vec::new()), TIMEOUT).await;
    assert!(outcome.code == 0 && outcome.lines.len() == 1, "{}: {outcome}", cell.what(action));
    outcome.lines[0].clone()
}

fn produce(cell: &Cell, topic: &str) -> ProduceOptions {
    ProduceOptions::to(cell.bootstrap(), topic).timeout(TIMEOUT)
}
