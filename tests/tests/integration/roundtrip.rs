//! What one client sends through the proxy another reads through the proxy: the same records, in order.

use tests::{Client, Cluster, Codec, ConsumeOptions, Payload, ProduceOptions, Proxy, assert_same, topic};

/// Every shape of record that [`Payload::orders`] has, several times.
const RECORDS: i64 = 120;

/// Every codec, from this client to the next, on topics of this format.
async fn round_trips(client: Client, format: &str) {
    let cluster = Cluster::shared().await;
    let proxy = Proxy::shared().await;
    for codec in Codec::ALL {
        let topic = topic(&format!("{format}.roundtrip-{client}-{codec}"));
        cluster.create_topic(&topic, 1, &[]).await;
        let sent = Payload::new(codec.number().unsigned_abs() + 1).orders(usize::try_from(RECORDS).unwrap());
        let options = ProduceOptions::to(proxy.bootstrap(), &topic).codec(codec);
        let offsets = client.produce_all(&options, &sent).await;
        assert!(offsets.iter().copied().eq(0..RECORDS), "{client} {codec}: offsets are {offsets:?}");
        let reader = client.other();
        let received = reader.consume_all(&ConsumeOptions::from(proxy.bootstrap(), &topic)).await;
        assert_same(&format!("{client} to {reader}, {format} {codec}"), &sent, &received);
        assert!(
            received.iter().map(|record| record.offset).eq(0..RECORDS),
            "{client} to {reader}: offsets have gaps"
        );
    }
}

macro_rules! round_trips {
    ($($name:ident: $client:ident, $format:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            round_trips(Client::$client, $format).await;
        }
    )*};
}

round_trips! {
    // Conformance: P17-02, TE-B15.
    batch_format_from_java_to_python: Java, "batch";
    batch_format_from_python_to_go: Python, "batch";
    batch_format_from_go_to_librdkafka: Go, "batch";
    batch_format_from_librdkafka_to_java: Librdkafka, "batch";
    // Conformance: P17-10, TE-B01, TE-B02.
    record_format_from_java_to_python: Java, "record";
    // Conformance: P17-02.
    record_format_from_python_to_go: Python, "record";
    record_format_from_go_to_librdkafka: Go, "record";
    record_format_from_librdkafka_to_java: Librdkafka, "record";
    // Conformance: P17-12.
    sealed_headers_from_java_to_python: Java, "headers";
    sealed_headers_from_librdkafka_to_java: Librdkafka, "headers";
    // Conformance: P17-33.
    automatic_format_from_java_to_python: Java, "auto";
    // Conformance: P17-04, TE-17.
    clear_topics_from_java_to_python: Java, "clear";
}
