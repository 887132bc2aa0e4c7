//! Sessions that end unless the client authenticates again on the same connection (KIP-368).

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::{AlterClientQuotasRequest, SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;
use tests::{
    Batch, By, Client, Cluster, ConsumeOptions, KafkaErrorName, Payload, ProduceOptions, Proxy,
    RawConnection, Scratch, assert_same, eventually_ok, topic,
};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::identity::scram;
use super::{PATIENCE, policy};

/// How long the broker lets a session last.
const SESSION: Duration = Duration::from_secs(2);
/// Re-authentications that a test is to see at least.
const RENEWALS: u32 = 3;

async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let start = async || {
        let builder = Cluster::builder().user("slow", "slow-secret").user("fast", "fast-secret");
        let sessions = format!("connections.max.reauth.ms={}", SESSION.as_millis());
        // With the default of eleven a client may send ten seconds' worth at once.
        builder.property(sessions).property("quota.window.num=2").start().await
    };
    CLUSTER.get_or_init(start).await
}

async fn start() -> Proxy {
    let builder = Proxy::builder(vec![cluster().await.sasl_address(0)], 1);
    builder.policy(policy("sessions.")).start().await
}

async fn create(purpose: &str, configs: &[(&str, &str)]) -> String {
    let topic = topic(&format!("sessions.{purpose}"));
    cluster().await.create_topic(&topic, 1, configs).await;
    topic
}

/// From now on the broker takes no more than this from the user in a second.
async fn limit(user: &'static str, bytes: f64) {
    let user = EntityData::default()
        .with_entity_type(StrBytes::from_static_str("user"))
        .with_entity_name(Some(StrBytes::from_static_str(user)));
    let rate = OpData::default().with_key(StrBytes::from_static_str("producer_byte_rate")).with_value(bytes);
    let entry = EntryData::default().with_entity(vec![user]).with_ops(vec![rate]);
    let request = AlterClientQuotasRequest::default().with_entries(vec![entry]);
    let answer = cluster().await.admin().await.call(&request, 1).await.unwrap();
    assert!(answer.entries.iter().all(|entry| entry.error_code == 0), "{answer:?}");
}

/// Connections that ended other than by the client's wish.
async fn broken(proxy: &Proxy) -> f64 {
    let metrics = proxy.metrics().await;
    let closed = |labels| metrics.sum("topic_encryption_connections_closed_total", labels);
    closed(&[]) - closed(&[("reason", "client")])
}

/// Authenticates, for the first time or again.
async fn authenticate(connection: &mut RawConnection) -> Result<(), KafkaErrorName> {
    let plain = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
    let answer = connection.call(&plain, 1).await.unwrap();
    KafkaErrorName::from_code(answer.error_code).map_or(Ok(()), Err)?;
    let password = Bytes::from_static(b"\0fast\0fast-secret");
    let request = SaslAuthenticateRequest::default().with_auth_bytes(password);
    let answer = connection.call(&request, 2).await.unwrap();
    KafkaErrorName::from_code(answer.error_code).map_or(Ok(()), Err)?;
    assert_eq!(u128::try_from(answer.session_lifetime_ms).unwrap(), SESSION.as_millis());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_looked_up_between_re_authentications() {
    let proxy = start().await;
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    authenticate(&mut connection).await.unwrap();
    let (start, mut renewals) = (Instant::now(), 0);
    let sent = Batch::of(&Payload::new(3).orders(5));
    while renewals < RENEWALS || start.elapsed() < SESSION * 2 {
        // Before the session begins, which is too short for a machine that is busy.
        let at = cluster().await.locate(&create("renewed", &[]).await, 0).await;
        // The broker refuses it, and keeps the connection, within a second of the last time.
        let renew = async || authenticate(&mut connection).await;
        eventually_ok("the session is renewed", PATIENCE, renew).await;
        renewals += 1;
        // By an id that the proxy has to ask for on this connection.
        let appended = connection.produce(&at, By::Id, sent.clone()).await.unwrap();
        assert_eq!(appended.error, None, "{:?}", appended.message);
        let fetched = connection.fetch(&at, By::Id, 0).await.unwrap();
        assert_eq!(fetched.error, None);
        assert_eq!(fetched.batches()[0].as_sent(), sent.as_sent());
    }
}

/// Conformance: P17-40.
#[tokio::test(flavor = "multi_thread")]
async fn clients_re_authenticate_while_they_produce_and_consume() {
    let proxy = start().await;
    let topic = create("java", &[("message.timestamp.type", "LogAppendTime")]).await;
    limit("slow", 10_000.0).await;
    let sent = Payload::new(8).random(100, 1_000);
    let sasl = |user: &str| Client::Java.sasl("SCRAM-SHA-512", user, &format!("{user}-secret"), None);
    let patience = 2 * PATIENCE;
    let to = |topic: &str, user| ProduceOptions::to(proxy.bootstrap(), topic).properties(&sasl(user));
    let writing = {
        // One record in each request, so that the quota spreads them.
        let options = to(&topic, "slow").batch_bytes(1_200).in_flight(1).timeout(patience);
        let sent = sent.clone();
        tokio::spawn(async move { Client::Java.produce_all(&options, &sent).await })
    };
    let reading = {
        let options = ConsumeOptions::from(proxy.bootstrap(), &topic).properties(&sasl("fast"));
        let options = options.count(sent.len()).timeout(patience);
        tokio::spawn(async move { Client::Java.consume_all(&options).await })
    };
    while !reading.is_finished() {
        let topic = create("java-new", &[]).await;
        let sent = Payload::new(2).orders(3);
        Client::Java.produce_all(&to(&topic, "fast"), &sent).await;
    }
    writing.await.unwrap();
    let received = reading.await.unwrap();
    // The records' times are the broker's: from the first to the last one the producer's session ended so often.
    let [first, .., last] = &received[..] else { panic!("{received:?}") };
    let lasted = u128::try_from(last.timestamp - first.timestamp).unwrap();
    assert!(lasted > (SESSION * (RENEWALS + 1)).as_millis(), "it took {lasted} ms only");
    assert_same("java", &sent, &received);
    assert!(broken(&proxy).await < 1.0, "a connection broke\n{}", proxy.log());
}

/// A proxy that authenticates as this user, whoever comes, and the folder with the password.
async fn start_as(user: &str) -> (Proxy, Scratch) {
    let folder = Scratch::new("password");
    fs::write(folder.join("password"), format!("{user}-secret")).unwrap();
    let builder = Proxy::builder(vec![cluster().await.sasl_address(0)], 1).policy(policy("sessions."));
    (builder.upstream("authentication", scram(user, &folder.join("password"))).start().await, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_with_an_identity_of_its_own_renews_sessions_before_requests_and_its_own_look_ups() {
    let (proxy, _password) = start_as("fast").await;
    let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let (start, sent) = (Instant::now(), Batch::of(&Payload::new(3).orders(5)));
    while start.elapsed() < SESSION * (RENEWALS + 1) {
        let at = cluster().await.locate(&create("own-new", &[]).await, 0).await;
        // By an id that the proxy has to ask for on this connection.
        let appended = connection.produce(&at, By::Id, sent.clone()).await.unwrap();
        assert_eq!(appended.error, None, "{:?}", appended.message);
        let fetched = connection.fetch(&at, By::Id, 0).await.unwrap();
        assert_eq!(fetched.batches()[0].as_sent(), sent.as_sent());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_with_an_identity_of_its_own_renews_sessions_under_clients_that_know_of_none() {
    let (proxy, _password) = start_as("slow").await;
    let topic = create("own", &[("message.timestamp.type", "LogAppendTime")]).await;
    limit("slow", 10_000.0).await;
    let sent = Payload::new(9).random(100, 1_000);
    let patience = 2 * PATIENCE;
    let writing = {
        // One record in each request, so that the quota spreads them.
        let options = ProduceOptions::to(proxy.bootstrap(), &topic).batch_bytes(1_200).in_flight(1);
        let sent = sent.clone();
        tokio::spawn(async move { Client::Java.produce_all(&options.timeout(patience), &sent).await })
    };
    let options = ConsumeOptions::from(proxy.bootstrap(), &topic).count(sent.len()).timeout(patience);
    let received = Client::Librdkafka.consume_all(&options).await;
    writing.await.unwrap();
    let [first, .., last] = &received[..] else { panic!("{received:?}") };
    let lasted = u128::try_from(last.timestamp - first.timestamp).unwrap();
    assert!(lasted > (SESSION * (RENEWALS + 1)).as_millis(), "it took {lasted} ms only");
    assert_same("librdkafka", &sent, &received);
    assert!(broken(&proxy).await < 1.0, "a connection broke\n{}", proxy.log());
}
