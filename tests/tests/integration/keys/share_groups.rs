//! A provider out of reach of a share group: what is handed over but cannot be opened would be archived in the end.

use std::time::Duration;

use kafka_protocol::messages::ShareFetchRequest;
use tests::raw_connection::Location;
use tests::{Batch, Proxy, RawConnection, eventually};

use super::outage::{bring_keys_back, hide_keys, requests};
use super::{PATIENCE, batch, create, start, write};
use crate::tampering::share::{Member, join};

/// A proxy that cannot open what the topic has, a connection to the leader through it, and a member of a group there.
async fn outage(purpose: &str) -> (Proxy, RawConnection, Location, Member) {
    let [writer, reader] = [start(purpose).await, start(purpose).await];
    let key = std::fs::read(writer.keys_folder().join("a.v1")).unwrap();
    reader.write_file("keys/a.v1", std::str::from_utf8(&key).unwrap());
    let topic = create(&format!("{purpose}.a")).await;
    write(&writer, &topic, &batch()).await.unwrap();
    hide_keys(&reader);
    reader.wait_for_key_state("a", "Unavailable").await;
    let (mut connection, at) = RawConnection::to_leader(&reader.bootstrap(), &topic, 0).await.unwrap();
    let member = join(&mut connection, &at, 1).await;
    (reader, connection, at, member)
}

async fn sent_upstream(proxy: &Proxy) -> f64 {
    proxy.metrics().await.sum("topic_encryption_upstream_bytes_total", &[("flow", "sent")])
}

async fn unavailable(proxy: &Proxy) -> f64 {
    proxy.metrics().await.sum("topic_encryption_key_calls_total", &[("outcome", "unavailable")])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_group_is_not_handed_records_that_cannot_be_opened() {
    let (proxy, mut connection, at, member) = outage("share").await;
    let (sent, before) = (sent_upstream(&proxy).await, requests(&proxy).await);
    connection.send(&member.request(0, &at, &[0]), 1).await.unwrap();
    eventually("the request has come", PATIENCE, async || requests(&proxy).await > before).await;
    let failed = unavailable(&proxy).await;
    eventually("the provider was asked again", PATIENCE, async || unavailable(&proxy).await > failed).await;
    assert!((sent_upstream(&proxy).await - sent).abs() < 0.5, "the broker was asked");

    bring_keys_back(&proxy).unwrap();
    let (_, mut answer) = connection.receive::<ShareFetchRequest>(1).await.unwrap();
    let mut session = 0;
    let delivered = loop {
        assert_eq!(answer.error_code, 0, "{answer:?}");
        let partitions = answer.responses.into_iter().flat_map(|topic| topic.partitions);
        let found = partitions.into_iter().find(|partition| !partition.acquired_records.is_empty());
        if let Some(found) = found {
            break found;
        }
        session += 1;
        assert!(session < 40, "no records come");
        answer = connection.call(&member.request(session, &at, &[0]), 1).await.unwrap();
    };
    let batches = Batch::split(delivered.records.as_deref().unwrap_or_default());
    assert_eq!(batches.iter().map(Batch::as_sent).collect::<Vec<_>>(), [batch().as_sent()]);
    let deliveries: Vec<i16> = delivered.acquired_records.iter().map(|range| range.delivery_count).collect();
    assert_eq!(deliveries, [1], "delivered for the first time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_fetch_that_waits_too_long_for_a_provider_ends_its_connection() {
    let (proxy, mut connection, at, member) = outage("share-end").await;
    connection.send(&member.request(0, &at, &[0]), 1).await.unwrap();
    assert!(connection.closes_within(Duration::from_secs(40)).await);
    let closed = async || {
        let metrics = proxy.metrics().await;
        metrics.sum("topic_encryption_connections_closed_total", &[("reason", "keys_unavailable")]) >= 1.0
    };
    eventually("the end has its reason", PATIENCE, closed).await;
}
