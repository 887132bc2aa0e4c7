//! Transactions through the proxy: what is committed, aborted and seen.

use tests::{
    Client, Cluster, Codec, ConsumeOptions, Payload, ProduceOptions, Proxy, SentRecord, assert_same, topic,
};

/// Three transactions, of which the second is aborted, read in both ways.
async fn transactions(client: Client, format: &str) {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic(&format!("{format}.transactions-{client}"));
    cluster.create_topic(&topic, 1, &[]).await;
    let mut payload = Payload::new(11);
    let mut all: Vec<SentRecord> = Vec::new();
    let mut committed = Vec::new();
    for (commit, records) in [(true, 70), (false, 90), (true, 1), (false, 1), (true, 30)] {
        let sent = payload.orders(records);
        let options =
            ProduceOptions::to(proxy.bootstrap(), &topic).codec(Codec::Zstd).transaction(&topic, commit);
        client.produce_all(&options, &sent).await;
        all.extend(sent.iter().cloned());
        if commit {
            committed.extend(sent);
        }
    }
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic);
    for reader in [client, client.other()] {
        let seen = reader.consume_all(&options.clone().read_committed()).await;
        assert_same(&format!("{topic}: {reader}, committed"), &committed, &seen);
        let uncommitted = options.clone().option("--isolation", "read_uncommitted");
        let seen = reader.consume_all(&uncommitted).await;
        assert_same(&format!("{topic}: {reader}, uncommitted"), &all, &seen);
        // After each transaction its marker has an offset of its own.
        assert_eq!(seen.last().unwrap().offset, 195, "{topic}: {reader}");
    }
}

/// Conformance: TE-B03.
#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_java_in_batch_format() {
    transactions(Client::Java, "batch").await;
}

/// Conformance: TE-B03.
#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_java_in_record_format() {
    transactions(Client::Java, "record").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_java_with_pseudonyms() {
    transactions(Client::Java, "pseudonyms").await;
}

/// Conformance: TE-B04.
#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_python_in_batch_format() {
    transactions(Client::Python, "batch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_librdkafka_in_record_format() {
    transactions(Client::Librdkafka, "record").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aborted_transactions_leave_nothing_but_offsets() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic("batch.transactions-aborted");
    cluster.create_topic(&topic, 1, &[]).await;
    let sent = Payload::new(12).orders(100);
    let options = ProduceOptions::to(proxy.bootstrap(), &topic).transaction(&topic, false);
    Client::Python.produce_all(&options, &sent).await;
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic).read_committed();
    for reader in Client::ALL {
        assert_eq!(reader.consume_all(&options).await.len(), 0, "{reader}");
    }
}

/// A record that fits in clear but not encrypted makes its transaction fail, and the next one is whole again.
async fn a_refused_record_fails_its_transaction_alone(client: Client) {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic(&format!("batch.transactions-refused-{client}"));
    let settings = [("max.message.bytes", "10000")];
    cluster.create_topic(&topic, 1, &settings).await;
    let mut payload = Payload::new(13);
    let mut refused = payload.orders(10);
    refused.extend(payload.random(1, 9_920));
    let sent = payload.orders(20);
    let options = ProduceOptions::to(proxy.bootstrap(), &topic).batch_bytes(9_950).transaction(&topic, true);
    let answers = client.produce(&options, &refused).await;
    assert!(answers.iter().any(Result::is_err), "{client}: nothing was refused");
    client.produce_all(&options, &sent).await;
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic).read_committed();
    for reader in [client, client.other()] {
        assert_same(&topic, &sent, &reader.consume_all(&options).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_record_fails_its_transaction_alone_with_java() {
    a_refused_record_fails_its_transaction_alone(Client::Java).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_record_fails_its_transaction_alone_with_python() {
    a_refused_record_fails_its_transaction_alone(Client::Python).await;
}
