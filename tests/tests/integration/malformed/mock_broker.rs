//! A mock of a broker that misbehaves as a real one cannot be made to. It answers each request with prepared bytes.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{BrokerId, FetchResponse, ResponseHeader, TopicName};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use tests::proxy::ProxyBuilder;
use tests::{Pattern, PolicyFile, Proxy, Rule};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Makes the bytes that go out for a request with this correlation id.
pub(crate) type Answer = Arc<dyn Fn(i32) -> Vec<u8> + Send + Sync>;

/// A frame of these bytes behind the correlation id.
pub(crate) fn frame(correlation: i32, rest: &[u8]) -> Vec<u8> {
    let mut frame = BytesMut::new();
    frame.put_u32(u32::try_from(rest.len() + 4).unwrap());
    frame.put_i32(correlation);
    frame.put_slice(rest);
    frame.to_vec()
}

/// A sound answer as a frame.
pub(crate) fn encode<T: Encodable + HeaderVersion>(correlation: i32, answer: &T, version: i16) -> Vec<u8> {
    let mut message = BytesMut::new();
    let header = ResponseHeader::default().with_correlation_id(correlation);
    header.encode(&mut message, T::header_version(version)).unwrap();
    answer.encode(&mut message, version).unwrap();
    let message: Bytes = message.freeze();
    frame(correlation, &message[4..])
}

/// A Fetch answer, by name, for these partitions of a topic.
pub(crate) fn fetched(topic: &str, partitions: &[(i32, Bytes)]) -> FetchResponse {
    let partitions = partitions.iter().map(|(index, records)| {
        PartitionData::default()
            .with_partition_index(*index)
            .with_high_watermark(100)
            .with_preferred_read_replica(BrokerId(-1))
            .with_aborted_transactions(None)
            .with_records(Some(records.clone()))
    });
    let topic = FetchableTopicResponse::default()
        .with_topic(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(partitions.collect());
    FetchResponse::default().with_responses(vec![topic])
}

/// A proxy before a mock that gives this answer to everything.
pub(crate) async fn proxy_before_mock(answer: Answer) -> Proxy {
    let rule = |format: &str| {
        Rule::encrypt([Pattern::prefix(&format!("{format}.").to_lowercase())], "mock")
            .format(format)
            .on_plaintext("Reject")
    };
    before_mock(answer).await.policy(PolicyFile::new(["Batch", "Record"].map(rule))).start().await
}

/// The same, still to be given its policy and keys.
pub(crate) async fn before_mock(answer: Answer) -> ProxyBuilder {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&answer)));
        }
    });
    Proxy::builder(vec![address], 1)
}

async fn serve(mut stream: TcpStream, answer: Answer) -> std::io::Result<()> {
    loop {
        let length = stream.read_u32().await?;
        let mut request = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut request).await?;
        let correlation = i32::from_be_bytes(request[4..8].try_into().unwrap());
        stream.write_all(&answer(correlation)).await?;
    }
}
