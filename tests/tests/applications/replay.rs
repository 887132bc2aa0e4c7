//! What each client library says on the wire is recorded, and said again, frame by frame, to a broker and to a proxy before another
//! one: both answer with the same errors, and with the same records, byte for byte.

mod answer;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, InitProducerIdRequest, ProducerId};
use tests::{
    Client, Cluster, ConsumeOptions, KafkaErrorName, Pattern, Payload, PolicyFile, ProduceOptions, Proxy,
    RawConnection, Rule, Tap, Tapped, eventually_ok,
};
use uuid::Uuid;

use self::answer::Answer;

/// Where clients are sent to in place of the proxy: the same ports at another address of the machine.
const TAPPED: &str = "127.0.0.2";
const PATIENCE: Duration = Duration::from_mins(1);
const RECORDS: usize = 12;
/// Of one connection: a consumer asks for more as long as it lives.
const FETCHES: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn recorded_requests_of_each_client_get_the_same_answers_from_broker_and_proxy() {
    let (recorded_at, direct, proxied) = tokio::join!(Place::start(), Place::start(), Place::start());
    let requests = record(&recorded_at).await;
    let to_broker = [direct.cluster.bootstrap(), direct.cluster.bootstrap()];
    let to_proxy = [proxied.proxy.bootstrap(), proxied.proxy.broker_address(0)];
    let (expected, answers) = tokio::join!(
        replay(&requests, &to_broker, &recorded_at.topics, &direct.topics),
        replay(&requests, &to_proxy, &recorded_at.topics, &proxied.topics),
    );
    for (place, (expected, answer)) in expected.iter().zip(&answers).enumerate() {
        assert_eq!(answer, expected, "request {place} of {}", requests.len());
    }
    let well = |api: ApiKey| answers.iter().filter(|answer| answer.went_well(api)).count();
    let clients = Client::MATRIX.len();
    assert!(well(ApiKey::Produce) >= clients, "{} were produced", well(ApiKey::Produce));
    assert!(well(ApiKey::Fetch) >= clients, "{} were fetched", well(ApiKey::Fetch));
}

/// A broker with a proxy before it, and a topic for each client. All of them are alike but for the topics' ids.
struct Place {
    proxy: Proxy,
    cluster: Cluster,
    topics: Vec<Uuid>,
}

impl Place {
    async fn start() -> Self {
        let cluster = Cluster::builder().start().await;
        let rule = Rule::encrypt([Pattern::any()], "replayed").format("Batch").on_plaintext("Reject");
        let proxy =
            Proxy::before(&cluster).policy(PolicyFile::new([rule])).listener("advertisedHost", TAPPED);
        let proxy = proxy.start().await;
        let mut topics = Vec::new();
        for client in Client::MATRIX {
            topics.push(cluster.create_topic(&topic(client), 1, &[]).await);
        }
        let place = Self { proxy, cluster, topics };
        place.warm_up().await;
        place
    }

    /// Coordinators and producer ids are refused until they are there, which takes a moment that must not be told apart.
    async fn warm_up(&self) {
        for client in Client::MATRIX {
            self.cluster.coordinates(&topic(client)).await;
        }
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        let ready = async || {
            let answer =
                self.cluster.admin().await.call(&request, 4).await.map_err(|error| error.to_string())?;
            KafkaErrorName::from_code(answer.error_code).map_or(Ok(()), |error| Err(error.to_string()))
        };
        eventually_ok("the broker gives producer ids", PATIENCE, ready).await;
    }
}

fn topic(client: Client) -> String {
    format!("replayed-{client}")
}

/// One client after the other, so that all that the broker numbers has the same numbers in the replay.
async fn record(place: &Place) -> Vec<Tapped> {
    let port = |address: String| address.rsplit_once(':').unwrap().1.parse().unwrap();
    let ports = [port(place.proxy.bootstrap()), port(place.proxy.broker_address(0))];
    let tap = Tap::start(TAPPED, &ports, "127.0.0.1").await;
    let bootstrap = format!("{TAPPED}:{}", ports[0]);
    for client in Client::MATRIX {
        let topic = topic(client);
        let mut sent = Payload::new(11).orders(RECORDS);
        sent.retain(|record| {
            record.value.is_some() && record.headers.iter().all(|(_, value)| value.is_some())
        });
        let codec = client.codecs().last().copied().unwrap();
        client
            .produce_all(&ProduceOptions::to(&bootstrap, &topic).codec(codec).timeout(PATIENCE), &sent)
            .await;
        let options = ConsumeOptions::from(&bootstrap, &topic).group(&topic).count(sent.len());
        let received = client.consume_all(&options.timeout(PATIENCE)).await;
        tests::assert_same(&topic, &sent, &received);
    }
    let mut fetches: BTreeMap<usize, usize> = BTreeMap::new();
    let mut requests = tap.take();
    requests.retain(|request| {
        let fetch = answer::head(&request.frame).0 == ApiKey::Fetch;
        let so_far = fetches.entry(request.connection).or_default();
        *so_far += usize::from(fetch);
        !fetch || *so_far <= FETCHES
    });
    requests
}

/// Sends all requests in the order in which they were recorded, each as soon as the one before it is answered.
async fn replay(
    requests: &[Tapped],
    addresses: &[String; 2],
    recorded: &[Uuid],
    topics: &[Uuid],
) -> Vec<Answer> {
    let mut connections: BTreeMap<usize, RawConnection> = BTreeMap::new();
    let mut answers = Vec::new();
    for request in requests {
        let connection = match connections.entry(request.connection) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(new) => {
                new.insert(RawConnection::connect(&addresses[request.address]).await.unwrap())
            }
        };
        let frame = with_ids(&request.frame, recorded, topics);
        let (api, version) = answer::head(&frame);
        let received = match connection.send_frame(&frame).await {
            Ok(()) => connection.receive_frame().await,
            Err(error) => Err(error),
        };
        if received.is_err() {
            connections.remove(&request.connection);
        }
        answers.push(Answer::read(api, version, received));
    }
    answers
}

/// Topics have other ids there.
fn with_ids(frame: &Bytes, recorded: &[Uuid], topics: &[Uuid]) -> Bytes {
    let mut frame = frame.to_vec();
    for (from, to) in recorded.iter().zip(topics) {
        let places: Vec<usize> =
            frame.windows(16).enumerate().filter(|(_, at)| at == from.as_bytes()).map(|(at, _)| at).collect();
        for at in places {
            frame[at..at + 16].copy_from_slice(to.as_bytes());
        }
    }
    frame.into()
}
