//! What brokers have on disk: nothing that the policy hides, and a clear twin proves that the search would find it.

use tests::segments::Search;
use tests::{
    Client, Cluster, Codec, ConsumeOptions, ProduceOptions, Proxy, Segments, SentRecord, assert_same, canary,
    topic,
};

/// Enough for several records to be compressed together.
const RECORDS: usize = 40;

/// A topic, and what was put into its records.
struct Planted {
    topic: String,
    codec: Codec,
    /// Key, value, header name, header value.
    needles: [String; 4],
}

const KEY: usize = 0;
const VALUE: usize = 1;
const HEADER_NAME: usize = 2;
const HEADER_VALUE: usize = 3;

impl Planted {
    /// Sends records with needles through the proxy, and reads them again.
    async fn new(format: &str, codec: Codec, client: Client) -> Self {
        let proxy = Proxy::shared().await;
        let topic = topic(&format!("{format}.rest-{client}-{codec}"));
        Cluster::shared().await.create_topic(&topic, 1, &[]).await;
        let needles = ["key", "value", "name", "header"].map(canary);
        let sent: Vec<SentRecord> = (0..RECORDS).map(|index| record(&needles, index)).collect();
        client.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic).codec(codec), &sent).await;
        let received = client.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
        assert_same(&topic, &sent, &received);
        Self { topic, codec, needles }
    }

    /// Looks for the needles in the topic's files.
    async fn search(&self) -> Search {
        let search =
            Segments::of(Cluster::shared().await.topic_dirs(&self.topic)).search(&self.needles).await;
        assert_eq!(search.invalid, 0, "{}: {search:?}", self.topic);
        assert!(
            search.records >= RECORDS as u64,
            "{}: the search saw too few records: {search:?}",
            self.topic
        );
        search
    }

    /// All needles are where they were put.
    async fn is_clear(&self) {
        let search = self.search().await;
        for (needle, place) in
            [(KEY, "key"), (VALUE, "value"), (HEADER_NAME, "header name"), (HEADER_VALUE, "header value")]
        {
            assert!(search.found_in(needle, place), "{}: no {place}: {search:?}", self.topic);
        }
        assert!(search.batches.contains_key(self.codec.name()), "{}: {search:?}", self.topic);
    }
}

fn record(needles: &[String; 4], index: usize) -> SentRecord {
    let value = format!(
        "{{\"order\":{index},\"secret\":\"{}\",\"filler\":\"{}\"}}",
        needles[VALUE],
        "filler ".repeat(20)
    );
    let record = SentRecord::of(value)
        .key(needles[KEY].clone())
        .header(&needles[HEADER_NAME], needles[HEADER_VALUE].clone());
    record.partition(0)
}

/// Each codec with another client, so that all of them have a turn.
fn turns() -> impl Iterator<Item = (Codec, Client)> {
    Codec::ALL.into_iter().zip(Client::ALL.into_iter().cycle())
}

/// Conformance: P17-04, TE-17.
#[tokio::test(flavor = "multi_thread")]
async fn clear_twins_show_everything() {
    for (codec, client) in turns() {
        Planted::new("clear", codec, client).await.is_clear().await;
    }
}

/// Conformance: P17-01, P17-12, P17-13.
#[tokio::test(flavor = "multi_thread")]
async fn batch_format_hides_keys_headers_and_values() {
    let mut all = Vec::new();
    for (codec, client) in turns() {
        let planted = Planted::new("batch", codec, client).await;
        let search = planted.search().await;
        assert!(search.places.iter().all(Vec::is_empty), "{}: {search:?}", planted.topic);
        all.extend(planted.needles);
    }
    // Nor is anything of it in indexes, other topics or the brokers' own logs.
    let search = Segments::of(Cluster::shared().await.data_dirs()).search(&all).await;
    assert!(search.places.iter().all(Vec::is_empty), "{search:?}");
}

/// Conformance: P17-01, P17-05, P17-06, P17-13, TE-B02.
#[tokio::test(flavor = "multi_thread")]
async fn record_format_hides_values() {
    for (codec, client) in turns() {
        let planted = Planted::new("record", codec, client).await;
        let search = planted.search().await;
        assert!(!search.found(VALUE), "{}: {search:?}", planted.topic);
        for (needle, place) in [(KEY, "key"), (HEADER_NAME, "header name"), (HEADER_VALUE, "header value")] {
            assert!(search.found_in(needle, place), "{}: no {place}: {search:?}", planted.topic);
        }
    }
}

/// P17-12: values of the headers that a rule names are hidden like values of records, those of tombstones too.
#[tokio::test(flavor = "multi_thread")]
async fn sealed_headers_hide_their_values_and_nothing_else() {
    let proxy = Proxy::shared().await;
    for (codec, client) in turns() {
        let topic = topic(&format!("headers.rest-{client}-{codec}"));
        Cluster::shared().await.create_topic(&topic, 1, &[]).await;
        let [key, value, name, clear, sealed, erased] =
            ["key", "value", "name", "clear", "sealed", "erased"].map(canary);
        let record = |index: usize| {
            let record = SentRecord::of(format!("{value} {index} {}", "filler ".repeat(20))).key(key.clone());
            let record = record.header(&name, clear.clone()).header("secret", sealed.clone()).partition(0);
            record.header("secret", format!("{sealed} again"))
        };
        let mut sent: Vec<SentRecord> = (0..RECORDS).map(record).collect();
        let tombstone = SentRecord { value: None, headers: Vec::new(), ..record(0) };
        sent.push(tombstone.header("secret", erased.clone()).null_header("secret"));
        client.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic).codec(codec), &sent).await;
        let received = client.other().consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
        assert_same(&topic, &sent, &received);

        let needles = [&key, &name, &clear, &value, &sealed, &erased];
        let search = Segments::of(Cluster::shared().await.topic_dirs(&topic)).search(&needles).await;
        assert_eq!(search.invalid, 0, "{topic}: {search:?}");
        assert!(search.places[3..].iter().all(Vec::is_empty), "{topic}: {search:?}");
        for (needle, place) in ["key", "header name", "header value"].into_iter().enumerate() {
            assert!(search.found_in(needle, place), "{topic}: no {place}: {search:?}");
        }
    }
}
