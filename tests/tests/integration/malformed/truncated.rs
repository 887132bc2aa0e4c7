//! Fetch answers that end within a sealed batch, as a broker may cut them: what is whole is opened.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::json;
use tests::raw_connection::Location;
use tests::{Batch, By, Cluster, Pattern, Payload, PolicyFile, Proxy, RawConnection, Rule, SentRecord};

use super::mock_broker::{Answer, before_mock, encode, fetched};
use super::partition;

/// By name, so that the proxy has nothing to look up at the mock.
const VERSION: i16 = 12;

/// Two batches go through the proxy; returns where, and what the broker has of each.
async fn sealed(proxy: &Proxy, purpose: &str, sent: &Batch) -> (Location, [Batch; 2]) {
    let (mut connection, at) = partition(proxy, purpose).await;
    for _ in 0..2 {
        let appended = connection.produce(&at, By::Id, sent.clone()).await.unwrap();
        assert_eq!(appended.error, None, "{:?}", appended.message);
    }
    let (mut direct, at) = Cluster::shared().await.leader(&at.topic, 0).await;
    let stored = direct.fetch_all(&at, By::Name).await.unwrap();
    (at, stored.try_into().expect("there are two"))
}

/// What the proxy makes of a whole batch and the start of another, for each way to cut.
async fn only_whole_batches_are_opened(format: &str, records: &[SentRecord]) {
    let prefix = format!("{}.", format.to_lowercase());
    let rule = Rule::encrypt([Pattern::prefix(&prefix)], "cut").format(format).on_plaintext("Reject");
    let policy = PolicyFile::new([rule]);
    let real = Proxy::before(Cluster::shared().await).policy(policy.clone()).start().await;
    let sent = Batch::of(records);
    let (at, [first, second]) = sealed(&real, &format!("{prefix}cut"), &sent).await;

    let answer = Arc::new(Mutex::new(Bytes::new()));
    let mock: Answer = {
        let (answer, topic) = (Arc::clone(&answer), at.topic.clone());
        Arc::new(move |id| encode(id, &fetched(&topic, &[(0, answer.lock().unwrap().clone())]), VERSION))
    };
    let same_keys = json!({"default": {"local": {"directory": real.keys_folder()}}});
    let proxy = before_mock(mock).await.policy(policy).config("keyProviders", same_keys).start().await;
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let whole = second.bytes().len();
    // In the base offset, before and behind the length, in the header, behind it, in the envelope, in the ciphertext.
    for cut in [1, 8, 12, 40, 61, 100, 61 + (whole - 61) / 2, whole - 1, whole] {
        *answer.lock().unwrap() = [first.bytes(), &second.bytes()[..cut]].concat().into();
        let request = RawConnection::fetch_request(&at, VERSION, 0, 100);
        let answer = connection.call(&request, VERSION).await.unwrap();
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.error_code, 0, "cut to {cut} of {whole}");
        let opened = Batch::split(partition.records.as_deref().unwrap());
        let opened: Vec<Batch> = opened.iter().map(Batch::as_sent).collect();
        let count = if cut < whole { 1 } else { 2 };
        assert_eq!(opened, vec![sent.as_sent(); count], "cut to {cut} of {whole}");
    }
    assert!(proxy.runs() && !proxy.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_batches_in_batch_format_are_left_out() {
    only_whole_batches_are_opened("Batch", &Payload::new(9).orders(12)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_batches_in_record_format_are_left_out() {
    only_whole_batches_are_opened("Record", &[SentRecord::of("v".repeat(100)).key("key")]).await;
}
