//! Idempotent producers with several requests on the way, while keys come and go, topics become compacted, and single
//! records are refused: nothing is lost, nothing comes twice, the order stays.

use std::fs;
use std::time::{Duration, Instant};

use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest};
use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, Field, KafkaErrorName, Pattern, Payload, PolicyFile,
    ProduceOptions, Proxy, RawConnection, Rule, SentRecord, assert_same, eventually, eventually_ok, topic,
};

use super::{assert_same_in_partitions, end, request, small};

const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy whose keys can be taken away as a whole.
struct Outages {
    proxy: Proxy,
    format: &'static str,
    keys: u32,
}

impl Outages {
    const KEYS: u32 = 4;

    async fn before(cluster: &Cluster, format: &'static str) -> Self {
        let builder = Proxy::before(cluster).policy(Self::policy(format, 0));
        let named = (0..Self::KEYS).map(Self::key);
        let builder = named.fold(builder, |builder, key| builder.key(&key, 1));
        Self { proxy: builder.start().await, format, keys: 0 }
    }

    fn key(number: u32) -> String {
        format!("key-{number}")
    }

    fn policy(format: &str, key: u32) -> PolicyFile {
        let rule = Rule::encrypt([Pattern::prefix("outage.")], &Self::key(key));
        PolicyFile::new([rule.format(format)])
    }

    /// The key directory is gone, and the rule wants a key of which no data key is held.
    async fn begin(&mut self) {
        let keys = self.proxy.keys_folder();
        fs::rename(&keys, keys.with_extension("away")).unwrap();
        self.keys += 1;
        assert!(self.keys < Self::KEYS, "there are not so many keys");
        self.proxy.apply_policy(&Self::policy(self.format, self.keys)).await;
        self.proxy.wait_for_key_state(&Self::key(self.keys), "Unavailable").await;
    }

    fn end(&self) {
        let keys = self.proxy.keys_folder();
        fs::rename(keys.with_extension("away"), keys).unwrap();
    }

    /// Partitions that were refused for want of a key.
    async fn refusals(&self) -> f64 {
        self.proxy
            .metrics()
            .await
            .sum("topic_encryption_refused_partitions_total", &[("reason", "key_unavailable")])
    }
}

/// The first outage meets a producer that the broker does not know yet, the others one in full flight.
async fn outages_lose_nothing(client: Client, format: &'static str, one_by_one: (&str, &str)) {
    let cluster = Cluster::shared().await;
    let mut outages = Outages::before(cluster, format).await;
    let topic = topic(&format!("outage.{client}"));
    cluster.create_topic(&topic, 3, &[]).await;
    let mut places = Vec::new();
    for partition in 0..3 {
        places.push(cluster.locate(&topic, partition).await);
    }
    let stored = async || {
        let mut total = 0;
        for at in &places {
            total += end(at).await;
        }
        total
    };
    // Mostly for one partition, so that a request has hardly more than one record and there are many of them.
    let partition = |index| match index % 20 {
        0 => 1,
        10 => 2,
        _ => 0,
    };
    let record = |index| SentRecord::of(format!("{index:06}")).partition(partition(index));
    let sent: Vec<SentRecord> = (0..12_000).map(record).collect();
    let options = ProduceOptions::to(outages.proxy.bootstrap(), &topic)
        .in_flight(5)
        .linger_ms(0)
        .timeout(Duration::from_mins(1))
        .property(one_by_one.0, one_by_one.1)
        .property("request.timeout.ms", "4000");

    let mut producing = None;
    for least in [1.0, 3.0, 1.0] {
        let before = outages.refusals().await;
        outages.begin().await;
        let producing = producing.get_or_insert_with(|| {
            let (options, sent) = (options.clone(), sent.clone());
            tokio::spawn(async move { client.produce_all(&options, &sent).await })
        });
        eventually("the producer is refused", PATIENCE, async || {
            outages.refusals().await >= before + least || producing.is_finished()
        })
        .await;
        assert!(!producing.is_finished(), "{topic}: the producer was done before the outage");
        let before = stored().await;
        outages.end();
        eventually("the producer goes on", PATIENCE, async || {
            stored().await > before + 50 || producing.is_finished()
        })
        .await;
    }
    producing.unwrap().await.unwrap();
    let received = Client::Python.consume_all(&ConsumeOptions::from(outages.proxy.bootstrap(), &topic)).await;
    assert_same_in_partitions(&topic, &sent, &received);
}

#[tokio::test(flavor = "multi_thread")]
async fn outages_of_the_key_provider_lose_nothing_of_java_in_batch_format() {
    outages_lose_nothing(Client::Java, "Batch", ("batch.size", "1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outages_of_the_key_provider_lose_nothing_of_python_in_record_format() {
    outages_lose_nothing(Client::Python, "Record", ("batch.num.messages", "1")).await;
}

/// A producer id, without a transactional one.
pub(super) async fn producer_id(connection: &mut RawConnection) -> i64 {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000)
        .with_producer_id((-1).into())
        .with_producer_epoch(-1);
    let given = async || {
        let answer = connection.call(&request, 4).await.unwrap();
        match KafkaErrorName::from_code(answer.error_code) {
            None => Ok(answer.producer_id.0),
            Some(error) => Err(error),
        }
    };
    eventually_ok("the broker gives a producer id", PATIENCE, given).await
}

/// A batch of one record with a place in a producer's sequence.
pub(super) fn sequenced(producer: i64, sequence: i64) -> Batch {
    let mut batch = Batch::of(&small(1));
    batch.set(Field::ProducerId, producer);
    batch.set(Field::ProducerEpoch, 0);
    batch.set(Field::BaseSequence, sequence);
    batch.seal();
    batch
}

/// Conformance: TE-B03.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_refused_batch_none_goes_through_until_it_comes_again() {
    let cluster = Cluster::shared().await;
    let mut outages = Outages::before(cluster, "Batch").await;
    let topic = topic("outage.sequence");
    cluster.create_topic(&topic, 1, &[]).await;
    let (mut connection, at) = RawConnection::to_leader(&outages.proxy.bootstrap(), &topic, 0).await.unwrap();
    let producer = producer_id(&mut connection).await;

    outages.begin().await;
    let mut first = request(12, -1, &[(&at, &sequenced(producer, 0))]);
    first.timeout_ms = 1_000;
    let answer = connection.call(&first, 12).await.unwrap();
    let code = answer.responses[0].partition_responses[0].error_code;
    let error = KafkaErrorName::from_code(code).expect("the key is out of reach");
    assert_eq!(error, "NOT_ENOUGH_REPLICAS");
    outages.end();
    outages.proxy.wait_for_key_state(&Outages::key(1), "Ready").await;

    let mut produce = async |sequence| {
        let batch = sequenced(producer, sequence);
        connection.produce(&at, By::Id, batch).await.unwrap()
    };
    for sequence in [1, 2] {
        let appended = produce(sequence).await;
        let error = appended.error.as_ref().map(KafkaErrorName::as_str);
        assert_eq!(error, Some("NOT_ENOUGH_REPLICAS"), "{sequence}: {appended:?}");
    }
    for sequence in [0, 1, 2, 3] {
        let appended = produce(sequence).await;
        assert_eq!((appended.error, appended.base_offset), (None, sequence));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_batches_are_all_refused_before_the_client_gives_up() {
    const TIMEOUT: Duration = Duration::from_secs(4);
    let cluster = Cluster::shared().await;
    let mut outages = Outages::before(cluster, "Batch").await;
    let topic = topic("outage.patience");
    cluster.create_topic(&topic, 1, &[]).await;
    let (mut connection, at) = RawConnection::to_leader(&outages.proxy.bootstrap(), &topic, 0).await.unwrap();
    let producer = producer_id(&mut connection).await;
    outages.begin().await;
    let start = Instant::now();
    for sequence in 0..5 {
        let mut request = request(12, -1, &[(&at, &sequenced(producer, sequence))]);
        request.timeout_ms = i32::try_from(TIMEOUT.as_millis()).unwrap();
        connection.send(&request, 12).await.unwrap();
    }
    for sequence in 0..5 {
        let (_, answer) = connection.receive::<ProduceRequest>(12).await.unwrap();
        let code = answer.responses[0].partition_responses[0].error_code;
        let error = KafkaErrorName::from_code(code).expect("the key is out of reach");
        assert_eq!(error, "NOT_ENOUGH_REPLICAS", "{sequence}");
    }
    let took = start.elapsed();
    assert!(took < TIMEOUT, "the last answer came after {took:?}");
    outages.end();
}

/// Which of many pipelined records are refused, and why, when one in their midst is too large.
async fn refused_around_one_too_large(client: Client, prefix: &str, large: usize) -> Vec<(usize, String)> {
    const LARGE: usize = 200;
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    let topic = topic(&format!("{prefix}.one-too-large-{client}"));
    cluster.create_topic(&topic, 1, &[("max.message.bytes", "10000")]).await;
    let mut sent = Payload::new(41).random(400, 1_000);
    sent[LARGE] = Payload::new(42).random(1, large).remove(0);
    let options = ProduceOptions::to(proxy.bootstrap(), &topic).linger_ms(0).batch_bytes(1_100);
    // franz-go takes no number for idempotent producers.
    let options = if client == Client::Go { options } else { options.in_flight(5) };
    let answers = client.produce(&options, &sent).await;
    let refused: Vec<_> = answers
        .iter()
        .enumerate()
        .filter_map(|(index, answer)| Some((index, answer.as_ref().err()?.to_string())))
        .collect();
    let expected: Vec<_> =
        (0..sent.len()).filter(|index| answers[*index].is_ok()).map(|index| sent[index].clone()).collect();
    let received = client.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
    assert_same(&topic, &expected, &received);
    refused
}

async fn one_too_large_costs_no_other(client: Client) {
    let clear = refused_around_one_too_large(client, "clear", 20_000).await;
    assert_eq!(clear, [(200, "MESSAGE_TOO_LARGE".to_owned())], "{client}, clear");
    for format in ["batch", "record"] {
        // Within the limit in clear, beyond it once encrypted.
        let refused = refused_around_one_too_large(client, format, 9_920).await;
        assert_eq!(refused, clear, "{client}, {format}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_too_large_costs_no_other_of_java() {
    one_too_large_costs_no_other(Client::Java).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_too_large_costs_no_other_of_python() {
    one_too_large_costs_no_other(Client::Python).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_too_large_costs_no_other_of_go() {
    one_too_large_costs_no_other(Client::Go).await;
}
