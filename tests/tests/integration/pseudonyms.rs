//! Pseudonyms in the place of records' keys.

use std::collections::BTreeSet;

use serde_json::json;
use tests::{
    Batch, Client, Cluster, Codec, ConsumeOptions, Pattern, PolicyFile, ProduceOptions, Proxy, RawConnection,
    Rule, Segments, SentRecord, assert_same, canary, topic,
};

use crate::tampering::share::{fetch_all, join};

const RECORDS: usize = 40;

fn keyed(key: &str, value: &str) -> SentRecord {
    SentRecord::of(value.to_owned()).key(key.to_owned()).partition(0)
}

/// Some values for each of two keys, an erased key, a record without a key, and one with an empty one.
fn records(secret: &str) -> Vec<SentRecord> {
    let value = format!("{secret} value {}", "filler ".repeat(10));
    let record = |index: usize| keyed(&format!("{secret} {}", index % 2), &value).header("trace", "clear");
    let mut records: Vec<SentRecord> = (0..RECORDS).map(record).collect();
    records.push(SentRecord { value: None, headers: Vec::new(), ..record(0) });
    records.push(SentRecord { key: None, ..record(0) });
    records.push(keyed("", &value));
    records
}

async fn create(purpose: &str) -> String {
    let topic = topic(purpose);
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    topic
}

async fn read(proxy: &Proxy, client: Client, topic: &str) -> Vec<tests::ReceivedRecord> {
    client.consume_all(&ConsumeOptions::from(proxy.bootstrap(), topic)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_have_no_key_on_disk_and_readers_get_each() {
    let proxy = Proxy::shared().await;
    let mut pseudonyms: BTreeSet<Vec<u8>> = BTreeSet::new();
    for (codec, client) in Codec::ALL.into_iter().zip(Client::ALL.into_iter().cycle()) {
        let topic = create(&format!("pseudonyms.rest-{client}-{codec}")).await;
        let secret = canary("key");
        let sent = records(&secret);
        client.produce_all(&ProduceOptions::to(proxy.bootstrap(), &topic).codec(codec), &sent).await;
        assert_same(&topic, &sent, &read(proxy, client.other(), &topic).await);

        let segments = Segments::of(Cluster::shared().await.topic_dirs(&topic));
        let search = segments.search(&[secret.as_str(), "clear"]).await;
        assert_eq!(search.invalid, 0, "{topic}: {search:?}");
        assert!(search.places[0].is_empty(), "{topic}: {search:?}");
        assert!(search.found_in(1, "header value"), "the search finds nothing: {search:?}");
        let stored = segments.dump().await;
        let keys: Vec<_> = stored.iter().flat_map(|batch| &batch.records).map(|record| &record.key).collect();
        assert_eq!(keys.len(), sent.len());
        let equal = |one: usize, other: usize| keys[one] == keys[other];
        assert!(equal(0, 2) && equal(1, 3) && equal(0, RECORDS), "one pseudonym for a key");
        assert!(!equal(0, 1) && keys[RECORDS + 1].is_none(), "another for another key, and none for none");
        let of_topic: BTreeSet<_> = keys.into_iter().flatten().cloned().collect();
        assert_eq!(of_topic.len(), 3);
        assert!(of_topic.is_disjoint(&pseudonyms), "keys of two topics have nothing in common");
        pseudonyms.extend(of_topic);
    }
}

/// The same key in two topics.
#[tokio::test(flavor = "multi_thread")]
async fn equal_keys_of_two_topics_are_stored_as_different_ones() {
    let proxy = Proxy::shared().await;
    let mut stored = BTreeSet::new();
    for purpose in ["pseudonyms.one", "pseudonyms.other"] {
        let topic = create(purpose).await;
        let batch = Batch::of(&[keyed("the same", "a"), keyed("the same", "b")]);
        proxy.write_batch(&topic, &batch).await.unwrap();
        let batches = Segments::of(Cluster::shared().await.topic_dirs(&topic)).dump().await;
        let keys: BTreeSet<_> = batches
            .iter()
            .flat_map(|batch| &batch.records)
            .map(|record| record.key.clone().unwrap())
            .collect();
        assert_eq!(keys.len(), 1);
        stored.extend(keys);
    }
    assert_eq!(stored.len(), 2);
}

/// Whoever has no right to the key makes no pseudonyms, and nothing is stored without them.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_pseudonym_key_a_rule_writes_nothing() {
    let cluster = Cluster::shared().await;
    let rule = || Rule::encrypt([Pattern::prefix("no-pseudonyms.")], "a");
    let other = Rule::encrypt([Pattern::prefix("other.")], "b");
    let proxy = Proxy::before(cluster).policy(PolicyFile::new([rule(), other.clone()])).start().await;
    let topic = create("no-pseudonyms.topic").await;
    let batch = Batch::of(&[keyed("a key", "a value")]);
    let right = proxy.pseudonym_key("a").await;
    let mut altered = right.clone();
    let middle = altered.len() / 2..altered.len() / 2 + 1;
    let letter = if &altered[middle.clone()] == "A" { "B" } else { "A" };
    altered.replace_range(middle, letter);
    for wrong in [proxy.pseudonym_key("b").await, altered, right[..8].to_owned()] {
        proxy.apply_policy(&PolicyFile::new([rule().pseudonyms(&wrong), other.clone()])).await;
        let error = proxy.write_batch(&topic, &batch).await.unwrap_err();
        assert_eq!(error.as_str(), "TOPIC_AUTHORIZATION_FAILED");
    }
    assert_eq!(Segments::of(cluster.topic_dirs(&topic)).dump().await.len(), 0);
    proxy.apply_policy(&PolicyFile::new([rule().pseudonyms(&right), other])).await;
    proxy.write_batch(&topic, &batch).await.unwrap();
    assert_same("in the end", &[keyed("a key", "a value")], &read(&proxy, Client::Java, &topic).await);
}

/// A share group waits where its rule's key is refused, which the key of the pseudonyms says nothing of.
#[tokio::test(flavor = "multi_thread")]
async fn a_pseudonym_key_that_is_refused_stops_no_share_group() {
    let cluster = Cluster::shared().await;
    let rule = || Rule::encrypt([Pattern::prefix("share-pseudonyms.")], "a");
    let other = Rule::encrypt([Pattern::prefix("other.")], "b");
    let proxy = Proxy::before(cluster).policy(PolicyFile::new([rule(), other.clone()])).start().await;
    let with = |key: &str| PolicyFile::new([rule().pseudonyms(key), other.clone()]);
    proxy.apply_policy(&with(&proxy.pseudonym_key("a").await)).await;
    let topic = create("share-pseudonyms.topic").await;
    proxy.write_batch(&topic, &Batch::of(&[keyed("a key", "a value")])).await.unwrap();

    proxy.apply_policy(&with(&proxy.pseudonym_key("b").await)).await;
    proxy.wait_for_key_state("a", "Refused").await;
    let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), &topic, 0).await.unwrap();
    let member = join(&mut connection, &at, 1).await;
    let answered = fetch_all(&mut connection, &member, &at, &[0]).await;
    assert_eq!((answered[0].error_code, answered[0].acquired_records.len()), (0, 1), "{:?}", answered[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_need_no_pseudonym_key() {
    let cluster = Cluster::shared().await;
    let patterns = || [Pattern::prefix("read-pseudonyms.")];
    let plain = || Rule::encrypt(patterns(), "a").format("Record");
    let writer = Proxy::before(cluster).policy(PolicyFile::new([plain()])).start().await;
    let key = writer.pseudonym_key("a").await;
    writer.apply_policy(&PolicyFile::new([plain().pseudonyms(&key).seal_headers()])).await;
    let topic = create("read-pseudonyms.topic").await;
    let sent = records("secret");
    Client::Librdkafka.produce_all(&ProduceOptions::to(writer.bootstrap(), &topic), &sent).await;

    let keys = json!({"default": {"local": {"directory": writer.keys_folder()}}});
    for (what, rule) in [("a rule without", plain()), ("a retired rule", Rule::retired(patterns()))] {
        let policy = PolicyFile::new([rule]).read_key("a");
        let reader = Proxy::before(cluster).config("keyProviders", keys.clone()).policy(policy).start().await;
        for client in [Client::Java, Client::Go] {
            assert_same(what, &sent, &read(&reader, client, &topic).await);
        }
    }
}

/// In clear anybody could have put it there: under such a rule tombstones are sealed.
#[tokio::test(flavor = "multi_thread")]
async fn tombstones_that_nobody_sealed_are_refused_where_clear_records_are() {
    let proxy = Proxy::shared().await;
    let erased = Batch::of(&[SentRecord { value: None, ..keyed("a key", "") }]);
    for (prefix, refused) in [("record", false), ("pseudonyms", true)] {
        let topic = create(&format!("{prefix}.clear-tombstone")).await;
        let broker = Proxy::before(Cluster::shared().await).policy(PolicyFile::default()).start().await;
        broker.write_batch(&topic, &erased).await.unwrap();
        let read = proxy.read_batches(&topic, 0).await;
        assert_eq!(read.is_err(), refused, "{topic}: {read:?}");
    }
}
