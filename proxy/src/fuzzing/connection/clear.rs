//! Topics without a rule pass as they are.

use super::client::{encoded, next_frame};
use super::script::{Script, framed};
use super::stage::Stage;
use super::*;
use crate::fuzzing::{Sequence, batch};
use crate::wire::write;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{FetchRequest, FetchResponse, ProduceRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use proxy_records::{Attributes, BatchHeader, Codec};
use tokio::io::AsyncWriteExt;

const PRODUCE: (i16, i16) = (0, 9);
const FETCH: (i16, i16) = (1, 12);

fn topic() -> TopicName {
    TopicName(StrBytes::from_static_str("clear.c"))
}

/// What the broker gets of this request, and the client of this answer, both without their lengths.
async fn passed(request: &[u8], answer: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let stage = Stage::new(&Script::parse(&[]));
    let (mut client, client_theirs) = tokio::io::duplex(1 << 16);
    let (mut broker, broker_theirs) = tokio::io::duplex(1 << 16);
    let (shared, advertised) = stage.parts();
    let halves = (split_tls(Box::new(broker_theirs)), split_tls(Box::new(client_theirs)));
    let relaying = relay(shared, advertised, halves.0, halves.1, CancellationToken::new());
    let exchange = async {
        client.write_all(&framed(request)).await.unwrap();
        let got = next_frame(&mut broker).await.expect("the request goes on");
        broker.write_all(&framed(answer)).await.unwrap();
        (got, next_frame(&mut client).await.expect("the answer goes on"))
    };
    tokio::select! {
        ended = relaying => panic!("{ended:?}"),
        passed = exchange => passed,
    }
}

fn request((key, version): (i16, i16), body: &[u8]) -> Vec<u8> {
    write::request(key, version, 1, &[&[0, 1, b'c', 0], body].concat())
}

fn produce(records: Vec<u8>) -> Vec<u8> {
    let partition = PartitionProduceData::default().with_records(Some(records.into()));
    let topic = TopicProduceData::default().with_name(topic()).with_partition_data(vec![partition]);
    let body = ProduceRequest::default().with_acks(1).with_timeout_ms(1000).with_topic_data(vec![topic]);
    request(PRODUCE, &encoded(&body, PRODUCE.1).unwrap())
}

/// A batch whose header is in order, with this behind it.
fn with_section(codec: Codec, section: &[u8]) -> Vec<u8> {
    let mut header = BatchHeader::parse(&batch(&[Some(b"value")], Codec::None, Sequence::NONE)).unwrap();
    header.attributes = Attributes(0).with_codec(codec);
    [&header.complete(&[section])[..], section].concat()
}

/// Conformance: P17-04. Nothing is decompressed, and whether it could be is for the broker to say.
#[tokio::test(start_paused = true)]
async fn what_is_produced_in_clear_goes_on_as_it_is_whatever_it_is() {
    let junk = b"neither records nor what a codec makes";
    for records in [with_section(Codec::Gzip, junk), with_section(Codec::None, junk), junk.to_vec()] {
        let sent = produce(records);
        let answer = [
            &[0, 0, 0, 1, 0][..],
            &encoded(&kafka_protocol::messages::ProduceResponse::default(), 9).unwrap(),
        ]
        .concat();
        assert_eq!(passed(&sent, &answer).await, (sent, answer));
    }
}

/// Conformance: P17-04.
#[tokio::test(start_paused = true)]
async fn what_is_fetched_in_clear_goes_on_as_it_is() {
    let asked = request(FETCH, &encoded(&FetchRequest::default(), FETCH.1).unwrap());
    for codec in [Codec::None, Codec::Lz4] {
        let records = batch(&[Some(b"value"), None], codec, Sequence::NONE);
        let partition = PartitionData::default().with_records(Some(records.into()));
        let topic = FetchableTopicResponse::default().with_topic(topic()).with_partitions(vec![partition]);
        let body = encoded(&FetchResponse::default().with_responses(vec![topic]), FETCH.1).unwrap();
        let answer = [&[0, 0, 0, 1, 0][..], &body].concat();
        assert_eq!(passed(&asked, &answer).await.1, answer, "{codec:?}");
    }
}
