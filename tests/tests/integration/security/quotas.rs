//! Quotas by user: brokers slow down the client's own user, and what they say of it reaches the client as it is.

use bytes::Bytes;
use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::{
    AlterClientQuotasRequest, FetchRequest, FetchResponse, ProduceRequest, ProduceResponse, ResponseHeader,
    SaslAuthenticateRequest, SaslHandshakeRequest,
};
use kafka_protocol::protocol::{Decodable, HeaderVersion, Request, StrBytes};
use tests::raw_connection::Location;
use tests::{Batch, By, Cluster, Payload, Proxy, RawConnection, Tap, topic};

use super::policy;

/// A host of this machine at which the tap is, in place of the broker.
const TAPPED: &str = "127.0.0.2";
/// Of both APIs: topics are named.
const VERSION: i16 = 12;
/// What a user may send and get in a second.
const RATE: f64 = 20_000.0;
/// One batch of this size is within the rate, two in a second are not.
const SIZE: usize = 15_000;
/// Batches that are sent, or asked for, one after the other until the user is slowed down.
const ENOUGH: usize = 20;

/// A broker that holds one of two users to a rate, and a proxy that reaches it through a tap.
struct Stage {
    cluster: Cluster,
    tap: Tap,
    proxy: Proxy,
}

impl Stage {
    async fn start() -> Self {
        let cluster = Cluster::builder().user("slow", "slow-secret").user("free", "free-secret");
        // With the default of eleven seconds a user may send ten seconds' worth at once, and is slowed down for as long.
        let cluster = cluster.property("quota.window.num=2").start().await;
        let port: u16 = cluster.sasl_address(0).rsplit(':').next().unwrap().parse().unwrap();
        let tap = Tap::start(TAPPED, &[port], "127.0.0.1").await;
        let builder = Proxy::builder(vec![format!("{TAPPED}:{port}")], 1).policy(policy("quotas."));
        Self { proxy: builder.start().await, cluster, tap }
    }

    /// From now on the user may do no more than [`RATE`] of this.
    async fn limit(&self, user: &'static str, key: &'static str) {
        let user = EntityData::default()
            .with_entity_type(StrBytes::from_static_str("user"))
            .with_entity_name(Some(StrBytes::from_static_str(user)));
        let rate = OpData::default().with_key(StrBytes::from_static_str(key)).with_value(RATE);
        let entry = EntryData::default().with_entity(vec![user]).with_ops(vec![rate]);
        let request = AlterClientQuotasRequest::default().with_entries(vec![entry]);
        let answer = self.cluster.admin().await.call(&request, 1).await.unwrap();
        assert!(answer.entries.iter().all(|entry| entry.error_code == 0), "{answer:?}");
    }

    /// A connection of the user through the proxy, to the one broker.
    async fn user(&self, name: &str) -> RawConnection {
        let mut connection = RawConnection::connect(&self.proxy.bootstrap()).await.unwrap();
        let plain = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
        assert_eq!(connection.call(&plain, 1).await.unwrap().error_code, 0);
        let password = Bytes::from(format!("\0{name}\0{name}-secret"));
        let request = SaslAuthenticateRequest::default().with_auth_bytes(password);
        assert_eq!(connection.call(&request, 2).await.unwrap().error_code, 0);
        connection
    }

    /// The answer that the client gets, and the one that the broker gave.
    async fn ask<R: Request>(
        &self,
        connection: &mut RawConnection,
        request: &R,
    ) -> (R::Response, R::Response) {
        self.tap.take_answers();
        let sent = connection.send(request, VERSION).await.unwrap();
        let (received, answer) = connection.receive::<R>(VERSION).await.unwrap();
        assert_eq!(received, sent);
        let of_broker = self.tap.take_answers().into_iter().find_map(|answer| {
            let mut frame = answer.frame;
            let header = ResponseHeader::decode(&mut frame, R::Response::header_version(VERSION)).unwrap();
            (header.correlation_id == sent).then(|| R::Response::decode(&mut frame, VERSION).unwrap())
        });
        (answer, of_broker.expect("the broker has answered"))
    }

    /// Asks again and again until the broker wants the user to wait; gives how long, in milliseconds, as the client is told.
    async fn waits<R: Request>(
        &self,
        user: &str,
        request: &R,
        throttle: impl Fn(&R::Response) -> i32,
    ) -> i32 {
        let mut connection = self.user(user).await;
        for _ in 0..ENOUGH {
            let (answer, of_broker) = self.ask(&mut connection, request).await;
            assert_eq!(throttle(&answer), throttle(&of_broker), "the client is told something else");
            if throttle(&answer) > 0 {
                return throttle(&answer);
            }
        }
        0
    }
}

fn batch() -> Batch {
    Batch::of(&Payload::new(19).random(3, SIZE / 3))
}

fn wait_of_produce(answer: &ProduceResponse) -> i32 {
    let partition = &answer.responses[0].partition_responses[0];
    assert_eq!(partition.error_code, 0, "{answer:?}");
    answer.throttle_time_ms
}

fn wait_of_fetch(answer: &FetchResponse) -> i32 {
    assert_eq!(answer.error_code, 0, "{answer:?}");
    answer.throttle_time_ms
}

async fn place(stage: &Stage, purpose: &str) -> Location {
    let topic = topic(&format!("quotas.{purpose}"));
    stage.cluster.create_topic(&topic, 1, &[]).await;
    stage.cluster.locate(&topic, 0).await
}

/// All that is in the partition, as everybody gets it who need not wait.
async fn is_whole(stage: &Stage, at: &Location, batches: usize) {
    let received = stage.user("free").await.fetch_all(at, By::Name).await.unwrap();
    assert!(received.len() >= batches, "{} batches of {batches}", received.len());
    assert!(received.iter().all(|received| received.as_sent() == batch().as_sent()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_beyond_its_quota_is_told_how_long_to_wait_and_nobody_else_is() {
    let stage = Stage::start().await;
    stage.limit("slow", "producer_byte_rate").await;
    stage.limit("slow", "consumer_byte_rate").await;
    let at = place(&stage, "both").await;
    let produce: ProduceRequest = RawConnection::produce_request(&at, VERSION, -1, batch().into());
    let fetch: FetchRequest = RawConnection::fetch_request(&at, VERSION, 0, 100);

    assert_eq!(stage.waits("free", &produce, wait_of_produce).await, 0);
    assert_eq!(stage.waits("free", &fetch, wait_of_fetch).await, 0);
    assert!(stage.waits("slow", &produce, wait_of_produce).await > 0, "as many batches, and no wait");
    assert!(stage.waits("slow", &fetch, wait_of_fetch).await > 0, "as many bytes, and no wait");
    is_whole(&stage, &at, ENOUGH + 2).await;
}
