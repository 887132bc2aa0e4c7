//! Hints in answers to share groups. The codec knows version 1 of their APIs, and what version 2 adds is put in by hand.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::alter_share_group_offsets_request::{
    AlterShareGroupOffsetsRequestPartition, AlterShareGroupOffsetsRequestTopic,
};
use kafka_protocol::messages::share_fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{
    AlterShareGroupOffsetsRequest, GroupId, ResponseHeader, ShareFetchRequest, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request};
use tests::raw_connection::Location;
use tests::{Batch, By, Cluster, Proxy, RawConnection, SentRecord, eventually_ok, topic};

use super::{Hint, Wrong, leader_0_at};
use crate::cluster::addresses::{Addresses, PATIENCE, at, connect};
use crate::cluster::{ALL_RUN, Three, text};
use crate::tampering::share::{Member, join};

/// The version that the codec knows, and one more.
const VERSIONS: [i16; 2] = [KNOWN, 2];
const KNOWN: i16 = 1;
/// A tag count of none in the headers.
const CORRELATION_AND_TAGS: usize = 4 + 1;

/// What version 2 of an API adds.
struct Added {
    in_request: &'static [u8],
    /// Bytes of the request behind that.
    before_last: usize,
    /// Bytes of the answer.
    in_answer: usize,
    /// Where they are in its body.
    at: usize,
}

async fn call<R: Request>(
    connection: &mut RawConnection,
    request: &R,
    version: i16,
    added: &Added,
) -> R::Response {
    let (correlation, frame) = connection.encode(request, KNOWN);
    let mut frame = frame.to_vec();
    if version == 2 {
        frame[2..4].copy_from_slice(&version.to_be_bytes());
        let place = frame.len() - added.before_last;
        frame.splice(place..place, added.in_request.iter().copied());
    }
    connection.send_frame(&frame).await.unwrap();
    let mut answer = connection.receive_frame().await.unwrap().to_vec();
    if version == 2 {
        let place = CORRELATION_AND_TAGS + added.at;
        answer.drain(place..place + added.in_answer);
    }
    let mut answer = Bytes::from(answer);
    let header = ResponseHeader::decode(&mut answer, R::Response::header_version(KNOWN)).unwrap();
    assert_eq!(header.correlation_id, correlation, "the answer belongs to another request");
    let decoded = R::Response::decode(&mut answer, KNOWN).unwrap();
    assert!(answer.is_empty(), "{} bytes follow the answer", answer.len());
    decoded
}

/// Bytes of a list of one topic.
fn length_of(topic: &impl Encodable) -> usize {
    let mut bytes = BytesMut::new();
    topic.encode(&mut bytes, KNOWN).unwrap();
    1 + bytes.len()
}

/// Each call opens a session of its own.
async fn share_fetch_hint(
    connection: &mut RawConnection,
    wrong: &Location,
    member: &str,
    version: i16,
) -> Hint {
    let partition = FetchPartition::default().with_partition_index(wrong.partition);
    let topic = FetchTopic::default().with_topic_id(wrong.topic_id).with_partitions(vec![partition]);
    // How records are acquired, and whether this keeps those that were. Behind that topics, forgotten ones, and tags.
    let before_last = length_of(&topic) + 1 + 1;
    let added = Added { in_request: &[0, 0], before_last, in_answer: 0, at: 0 };
    let request = ShareFetchRequest::default()
        .with_group_id(Some(GroupId(text(&wrong.topic))))
        .with_member_id(Some(text(member)))
        .with_share_session_epoch(0)
        .with_max_wait_ms(100)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_max_records(10)
        .with_batch_size(10)
        .with_topics(vec![topic]);
    let answer = call(connection, &request, version, &added).await;
    assert_eq!(answer.error_code, 0, "{answer:?}");
    let partition = &answer.responses[0].partitions[0];
    let nodes = answer.node_endpoints.iter();
    (
        partition.error_code,
        partition.current_leader.leader_id,
        nodes.map(|node| at(node.node_id.0, &node.host, node.port)).collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn share_fetch_answers_hint_at_the_leaders_proxy_port() {
    let _all_run = ALL_RUN.read().await;
    let Three { cluster, proxy } = Three::shared().await;
    for prefix in ["clear", "batch", "record"] {
        let mut wrong = Wrong::leader_of(prefix).await;
        for (version, members) in VERSIONS.into_iter().zip([["AQ", "Ag"], ["Aw", "BA"]]) {
            let [straight, proxied] = members.map(|last| format!("AAAAAAAAAAAAAAAAAAAA{last}"));
            let twin = share_fetch_hint(&mut wrong.straight, &wrong.at, &straight, version).await;
            assert_eq!(twin, leader_0_at(cluster.address(0)), "{prefix} {version}");
            let hint = share_fetch_hint(&mut wrong.proxied, &wrong.at, &proxied, version).await;
            assert_eq!(hint, leader_0_at(proxy.broker_address(0)), "{prefix} {version}");
        }
    }
}

/// Fetches until the member holds the record; and the number of the session's next request.
async fn acquire(connection: &mut RawConnection, member: &Member, at: &Location) -> i32 {
    let mut session = 0;
    let acquired = async || {
        let answer = connection.call(&member.request(session, at, &[at.partition]), KNOWN).await.unwrap();
        // A session begins with number 0; where it did not begin, it is tried again.
        session = if answer.error_code == 0 { session + 1 } else { 0 };
        let mut partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
        if partitions.any(|partition| !partition.acquired_records.is_empty()) {
            Ok(())
        } else {
            Err(answer.error_code)
        }
    };
    eventually_ok("the member holds the record", PATIENCE, acquired).await;
    session
}

/// Sets the offsets of a group without members anew, so that the leader's state of it is an earlier one.
async fn overtake(group: GroupId, at: &Location) {
    let partition = AlterShareGroupOffsetsRequestPartition::default()
        .with_partition_index(at.partition)
        .with_start_offset(0);
    let topic = AlterShareGroupOffsetsRequestTopic::default()
        .with_topic_name(TopicName(text(&at.topic)))
        .with_partitions(vec![partition]);
    let request = AlterShareGroupOffsetsRequest::default().with_group_id(group).with_topics(vec![topic]);
    let answer = Cluster::shared().await.admin().await.call(&request, 0).await.unwrap();
    assert_eq!(answer.error_code, 0, "{answer:?}");
    assert_eq!(answer.responses[0].partitions[0].error_code, 0, "{answer:?}");
}

/// Acknowledges what a leader does not lead any more, as it learns only then: the one error with a hint that a broker alone
/// can be brought to.
async fn share_acknowledge_hint(address: &str, wrong: &Location, version: i16) -> Hint {
    let mut connection = connect(address).await;
    let member = join(&mut connection, wrong, 1).await;
    let session = acquire(&mut connection, &member, wrong).await;
    member.leave(&mut connection).await;
    overtake(member.group(), wrong).await;
    let request = member.acknowledgement(session, wrong, 0);
    // Whether records are kept for longer, before topics and tags; and for how long, behind two numbers and no text.
    let before_last = length_of(&request.topics[0]) + 1;
    let added = Added { in_request: &[0], before_last, in_answer: 4, at: 4 + 2 + 1 };
    let answer = call(&mut connection, &request, version, &added).await;
    assert_eq!(answer.error_code, 0, "{answer:?}");
    let partition = &answer.responses[0].partitions[0];
    let nodes = answer.node_endpoints.iter();
    (
        partition.error_code,
        partition.current_leader.leader_id,
        nodes.map(|node| at(node.node_id.0, &node.host, node.port)).collect::<Addresses>(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn share_acknowledge_answers_hint_at_the_leaders_proxy_port() {
    let (cluster, proxy) = (Cluster::shared().await, Proxy::shared().await);
    for prefix in ["clear", "batch", "record"] {
        let topic = topic(&format!("{prefix}.overtaken"));
        cluster.create_topic(&topic, 1, &[]).await;
        let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), &topic, 0).await.unwrap();
        let sent = Batch::of(&[SentRecord::of("acknowledged too late").key("key")]);
        assert_eq!(connection.produce(&at, By::Id, sent).await.unwrap().error, None);
        for version in VERSIONS {
            let twin = share_acknowledge_hint(&cluster.bootstrap(), &at, version).await;
            assert_eq!(twin, leader_0_at(cluster.address(0)), "{prefix} {version}");
            let hint = share_acknowledge_hint(&proxy.bootstrap(), &at, version).await;
            assert_eq!(hint, leader_0_at(proxy.broker_address(0)), "{prefix} {version}");
        }
    }
}
