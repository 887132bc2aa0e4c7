//! Which versions of which APIs go through, and that encryption works in every one of them.

mod zstd;

use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};
use std::time::Duration;

use tests::raw_connection::Location;
use tests::{
    Batch, By, Client, Cluster, Codec, ConsumeOptions, Field, Payload, ProduceOptions, Proxy, RawConnection,
    assert_same, topic,
};

/// The newest versions of what the proxy looks into.
const PRODUCE: i16 = 13;
const FETCH: i16 = 18;

async fn announced(address: &str) -> ApiVersionsResponse {
    RawConnection::connect(address).await.unwrap().api_versions().await.unwrap()
}

fn find(announced: &ApiVersionsResponse, key: ApiKey) -> Option<&ApiVersion> {
    announced.api_keys.iter().find(|api| api.api_key == key as i16)
}

/// A topic in this format, and a connection to the proxy.
async fn stage(format: &str, purpose: &str) -> (RawConnection, Location) {
    let cluster = Cluster::shared().await;
    let topic = topic(&format!("{format}.versions-{purpose}"));
    cluster.create_topic(&topic, 1, &[]).await;
    let at = cluster.locate(&topic, 0).await;
    (RawConnection::connect(&Proxy::shared().await.bootstrap()).await.unwrap(), at)
}

/// A raised minimum of Produce makes librdkafka send without compression (KAFKA-18659).
/// Conformance: P17-39.
#[tokio::test(flavor = "multi_thread")]
async fn minima_are_the_brokers() {
    let broker = announced(&Cluster::shared().await.bootstrap()).await;
    let proxy = announced(&Proxy::shared().await.bootstrap()).await;
    assert_eq!(
        find(&broker, ApiKey::Produce).unwrap().min_version,
        0,
        "this broker is not what the test is for"
    );
    for api in &proxy.api_keys {
        let of_broker = broker.api_keys.iter().find(|other| other.api_key == api.api_key).unwrap();
        assert_eq!(api.min_version, of_broker.min_version, "API {}", api.api_key);
    }
}

/// Conformance: P17-38, TE-22, TE-B06.
#[tokio::test(flavor = "multi_thread")]
async fn maxima_are_at_most_the_brokers_and_the_proxys() {
    let broker = announced(&Cluster::shared().await.bootstrap()).await;
    let proxy = announced(&Proxy::shared().await.bootstrap()).await;
    for api in &proxy.api_keys {
        let of_broker = broker.api_keys.iter().find(|other| other.api_key == api.api_key).unwrap();
        assert!(api.max_version <= of_broker.max_version, "API {}", api.api_key);
    }
    for (key, newest) in [(ApiKey::Produce, PRODUCE), (ApiKey::Fetch, FETCH), (ApiKey::DescribeQuorum, 1)] {
        let broker = find(&broker, key).unwrap().max_version;
        assert_eq!(find(&proxy, key).unwrap().max_version, newest.min(broker), "{key:?}");
    }
    // A broker of today offers more than the proxy lets through: the comparison above is not empty.
    assert!(find(&broker, ApiKey::DescribeQuorum).unwrap().max_version > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_use_is_offered() {
    let proxy = announced(&Proxy::shared().await.bootstrap()).await;
    assert_eq!(proxy.error_code, 0);
    for key in [
        ApiKey::Produce,
        ApiKey::Fetch,
        ApiKey::Metadata,
        ApiKey::ListOffsets,
        ApiKey::FindCoordinator,
        ApiKey::InitProducerId,
        ApiKey::JoinGroup,
        ApiKey::ConsumerGroupHeartbeat,
        ApiKey::ShareFetch,
        ApiKey::ShareAcknowledge,
        ApiKey::CreateTopics,
        ApiKey::IncrementalAlterConfigs,
        ApiKey::DescribeCluster,
    ] {
        assert!(find(&proxy, key).is_some(), "{key:?}");
    }
}

/// Conformance: P17-03, TE-22.
#[tokio::test(flavor = "multi_thread")]
async fn what_brokers_speak_among_themselves_is_hidden() {
    let proxy = announced(&Proxy::shared().await.bootstrap()).await;
    let broker = announced(&Cluster::shared().await.bootstrap()).await;
    let internal = [
        ApiKey::WriteTxnMarkers,
        ApiKey::AlterPartition,
        ApiKey::Envelope,
        ApiKey::FetchSnapshot,
        ApiKey::BrokerRegistration,
        ApiKey::BrokerHeartbeat,
        ApiKey::AllocateProducerIds,
        ApiKey::ControllerRegistration,
    ];
    for key in internal {
        assert!(find(&proxy, key).is_none(), "{key:?}");
    }
    assert!(internal.iter().any(|key| find(&broker, *key).is_some()), "the broker hides them all by itself");
}

/// TE-B14: what is read of a header ends where the header ends, whatever is in it.
#[tokio::test(flavor = "multi_thread")]
async fn client_ids_of_any_letters_and_tagged_headers_are_understood() {
    for format in ["batch", "record"] {
        let (mut connection, at) = stage(format, "headers").await;
        connection.introduce("größe-鍵-🔑", 7, b"a field of tomorrow");
        let sent = Batch::of(&Payload::new(9).orders(5));
        // Headers may have tagged fields since Produce 9 and Fetch 12.
        for (produce, fetch, offset) in [(3, 4, 0), (9, 12, 5), (13, 17, 10)] {
            let appended = connection.produce(&at, By::Version(produce), sent.clone()).await.unwrap();
            assert_eq!((appended.error, appended.base_offset), (None, offset), "{format}, Produce {produce}");
            let fetched = connection.fetch(&at, By::Version(fetch), offset).await.unwrap();
            let records = fetched.batches()[0].field(Field::Count);
            assert_eq!((fetched.error, records), (None, 5), "{format}, Fetch {fetch}");
        }
    }
}

/// KIP-511: whatever was asked, the answer has the body of version 0, so that every client can read it.
/// Conformance: P17-38.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_versions_of_api_versions_are_answered_in_version_0() {
    for version in [5, 99, i16::MAX, -1] {
        let mut connection = RawConnection::connect(&Proxy::shared().await.bootstrap()).await.unwrap();
        let mut request = 18_i16.to_be_bytes().to_vec();
        request.extend(version.to_be_bytes());
        request.extend([0, 0, 0, 9, 0xff, 0xff]);
        // What follows is for the future to know.
        request.extend([0, 1, 2, 3]);
        connection.send_frame(&request).await.unwrap();
        let (correlation, answer) = connection.receive::<ApiVersionsRequest>(0).await.unwrap();
        assert_eq!(correlation, 9);
        assert_eq!(answer.error_code, 35, "version {version}");
        let own = answer.api_keys.iter().find(|api| api.api_key == 18).expect("it says what it knows");
        assert!(own.max_version >= 3, "version {version}: {own:?}");
        // The client tries again on the same connection.
        assert_eq!(connection.api_versions().await.unwrap().error_code, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_of_api_versions_is_answered() {
    let mut connection = RawConnection::connect(&Proxy::shared().await.bootstrap()).await.unwrap();
    for version in 0..=4 {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(kafka_protocol::protocol::StrBytes::from_static_str("test"))
            .with_client_software_version(kafka_protocol::protocol::StrBytes::from_static_str("1"));
        let answer = connection.call(&request, version).await.unwrap();
        assert_eq!(answer.error_code, 0, "version {version}");
        assert!(find(&answer, ApiKey::Produce).is_some(), "version {version}");
    }
}

/// Each version of Produce writes, each version of Fetch reads.
async fn every_version_round_trips(format: &str) {
    let (mut connection, at) = stage(format, "all").await;
    let mut direct = RawConnection::connect(&Cluster::shared().await.bootstrap()).await.unwrap();
    let broker = announced(&Cluster::shared().await.bootstrap()).await;
    let newest = |key, newest: i16| newest.min(find(&broker, key).unwrap().max_version);
    let mut sent = Vec::new();
    for (version, seed) in (3..=newest(ApiKey::Produce, PRODUCE)).zip(1..) {
        let batch = Batch::of(&Payload::new(seed).orders(5));
        let appended = connection.produce(&at, By::Version(version), batch.clone()).await.unwrap();
        assert_eq!(appended.error, None, "Produce {version}: {:?}", appended.message);
        let stored = direct.fetch(&at, By::Id, appended.base_offset).await.unwrap();
        assert_ne!(stored.batches()[0].records(), batch.records(), "Produce {version}: stored in clear");
        sent.push(batch.as_sent());
    }
    assert!(sent.len() > 9);
    for version in 4..=newest(ApiKey::Fetch, FETCH) {
        let read = connection.fetch(&at, By::Version(version), 0).await.unwrap();
        assert_eq!(read.error, None, "Fetch {version}");
        let read: Vec<Batch> = read.batches().iter().map(Batch::as_sent).collect();
        assert_eq!(read, sent, "Fetch {version}");
    }
}

/// Conformance: P17-01, TE-B05.
#[tokio::test(flavor = "multi_thread")]
async fn every_version_round_trips_in_batch_format() {
    every_version_round_trips("batch").await;
}

/// Conformance: P17-39, TE-B05.
#[tokio::test(flavor = "multi_thread")]
async fn every_version_round_trips_in_record_format() {
    every_version_round_trips("record").await;
}

/// A request of a version that the codec of these tests does not know any more, up to the body.
fn old_head(key: i16, version: i16) -> Vec<u8> {
    let mut frame = key.to_be_bytes().to_vec();
    frame.extend(version.to_be_bytes());
    frame.extend(11_i32.to_be_bytes());
    frame.extend((-1_i16).to_be_bytes());
    frame
}

fn text(frame: &mut Vec<u8>, text: &str) {
    frame.extend(i16::try_from(text.len()).unwrap().to_be_bytes());
    frame.extend(text.as_bytes());
}

/// Without record headers there is no place for envelopes, so nothing may be stored.
#[tokio::test(flavor = "multi_thread")]
async fn old_produce_to_encrypted_topics_is_refused() {
    for (format, version) in [("batch", 0), ("batch", 2), ("record", 1), ("record", 2)] {
        let (mut connection, at) = stage(format, "old-produce").await;
        let records = Batch::of(&Payload::new(1).orders(2));
        let mut frame = old_head(0, version);
        frame.extend((-1_i16).to_be_bytes());
        frame.extend(10_000_i32.to_be_bytes());
        frame.extend(1_i32.to_be_bytes());
        text(&mut frame, &at.topic);
        frame.extend([0, 0, 0, 1, 0, 0, 0, 0]);
        frame.extend(i32::try_from(records.bytes().len()).unwrap().to_be_bytes());
        frame.extend(records.bytes());
        connection.send_frame(&frame).await.unwrap();
        let answer = connection.receive_frame().await.unwrap();
        // Correlation id, one topic, its name, one partition, its index, the error.
        let error = 4 + 4 + 2 + at.topic.len() + 4 + 4;
        assert_eq!(answer[..4], 11_i32.to_be_bytes());
        assert_eq!(answer[error..error + 2], 35_i16.to_be_bytes(), "{format}, Produce {version}: {answer:?}");
        let mut direct = RawConnection::connect(&Cluster::shared().await.bootstrap()).await.unwrap();
        assert_eq!(
            direct.list_offset(&at, -1).await.unwrap(),
            0,
            "{format}, Produce {version}: something was stored"
        );
    }
}

/// Such a client would get envelopes without their headers. These brokers have no such versions: they close, and what
/// the proxy does with the answer of an older broker is a test beside its code.
/// Conformance: TE-20.
#[tokio::test(flavor = "multi_thread")]
async fn old_fetch_from_encrypted_topics_gets_no_records() {
    for (format, version) in [("batch", 0), ("batch", 3), ("record", 2), ("record", 3)] {
        let (mut connection, at) = stage(format, "old-fetch").await;
        let sent = Batch::of(&Payload::new(1).orders(2));
        assert_eq!(connection.produce(&at, By::Id, sent).await.unwrap().error, None);
        let mut frame = old_head(1, version);
        frame.extend((-1_i32).to_be_bytes());
        frame.extend(100_i32.to_be_bytes());
        frame.extend(1_i32.to_be_bytes());
        if version >= 3 {
            frame.extend((1_i32 << 20).to_be_bytes());
        }
        frame.extend(1_i32.to_be_bytes());
        text(&mut frame, &at.topic);
        frame.extend([0, 0, 0, 1, 0, 0, 0, 0]);
        frame.extend(0_i64.to_be_bytes());
        frame.extend((1_i32 << 20).to_be_bytes());
        connection.send_frame(&frame).await.unwrap();
        assert!(connection.closes_within(Duration::from_secs(10)).await, "{format}, Fetch {version}");
    }
}

/// The old librdkafka looks at the broker's minimum of Produce to decide whether it may compress.
/// Conformance: P17-39.
#[tokio::test(flavor = "multi_thread")]
async fn old_librdkafka_compresses_through_the_proxy() {
    let proxy = Proxy::shared().await;
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let (mut connection, at) = stage("batch", &format!("librdkafka-{codec}")).await;
        let sent = Payload::new(2).orders(100);
        let options = ProduceOptions::to(proxy.bootstrap(), &at.topic).codec(codec).linger_ms(100);
        Client::Librdkafka.produce_all(&options, &sent).await;
        // In batch format a reader gets the batches as they were sent, codec included.
        let restored = connection.fetch_all(&at, By::Id).await.unwrap();
        assert!(!restored.is_empty());
        for batch in &restored {
            assert_eq!(batch.codec(), codec.number(), "{codec}");
        }
        let received =
            Client::Librdkafka.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &at.topic)).await;
        assert_same(codec.name(), &sent, &received);
    }
}
