//! What each client library says on the wire is recorded, and said again, frame by frame, to a broker and to a proxy before another
//! one: both give the same answers, field by field, and with the same records, byte for byte.

mod answer;
mod ids;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{
    ApiKey, FindCoordinatorRequest, InitProducerIdRequest, ProducerId, TransactionalId,
};
use kafka_protocol::protocol::StrBytes;
use tests::{
    Client, Cluster, Codec, ConsumeOptions, KafkaErrorName, Pattern, Payload, PolicyFile, ProduceOptions,
    Proxy, RawConnection, Rule, SentRecord, Tap, Tapped, eventually, eventually_ok,
};
use uuid::Uuid;

use self::answer::Answer;
use self::ids::Ids;

/// Where clients are sent to in place of the proxy: the same ports at another address of the machine.
const TAPPED: &str = "127.0.0.2";
const PATIENCE: Duration = Duration::from_mins(1);
const RECORDS: usize = 12;
/// Of one connection: a consumer asks for more as long as it lives.
const FETCHES: usize = 4;
/// For each client a topic in each format, and one for a transaction.
const KINDS: [&str; 3] = ["batch", "record", "transaction"];

#[tokio::test(flavor = "multi_thread")]
async fn recorded_requests_of_each_client_get_the_same_answers_from_broker_and_proxy() {
    let (recorded_at, direct, proxied) = tokio::join!(Place::start(), Place::start(), Place::start());
    let scenes = record(&recorded_at).await;
    let to_broker = [direct.cluster.bootstrap(), direct.cluster.bootstrap()];
    let to_proxy = [proxied.proxy.bootstrap(), proxied.proxy.broker_address(0)];
    let (expected, answers) = tokio::join!(
        replay(&scenes, &to_broker, &recorded_at, &direct),
        replay(&scenes, &to_proxy, &recorded_at, &proxied),
    );
    for (place, (expected, answer)) in expected.iter().zip(&answers).enumerate() {
        assert!(
            answer == expected,
            "request {place} of {}\n broker: {expected:?}\nthrough: {answer:?}",
            answers.len()
        );
    }
    let clients = Client::MATRIX.len();
    for (api, least) in [
        (ApiKey::Produce, KINDS.len() * clients),
        (ApiKey::EndTxn, clients),
        (ApiKey::Fetch, KINDS.len() * clients),
        (ApiKey::SyncGroup, KINDS.len() * clients),
        (ApiKey::OffsetCommit, KINDS.len() * clients),
    ] {
        let well = answers.iter().filter(|answer| answer.api == api && answer.is_well).count();
        assert!(well >= least, "{well} of {least} {api:?} went well");
    }
}

/// A broker with a proxy before it, and the clients' topics. All of them are alike but for the topics' ids.
struct Place {
    proxy: Proxy,
    cluster: Cluster,
    topics: Vec<Uuid>,
}

impl Place {
    async fn start() -> Self {
        let cluster = Cluster::builder().start().await;
        let rule =
            |pattern, format| Rule::encrypt([pattern], "replayed").format(format).on_plaintext("Reject");
        let policy =
            PolicyFile::new([rule(Pattern::prefix("record-"), "Record"), rule(Pattern::any(), "Batch")]);
        let proxy = Proxy::before(&cluster).policy(policy).listener("advertisedHost", TAPPED).start().await;
        let mut topics = Vec::new();
        for kind in KINDS {
            for client in Client::MATRIX {
                topics.push(cluster.create_topic(&topic(kind, client), 1, &[]).await);
            }
        }
        let place = Self { proxy, cluster, topics };
        place.warm_up().await;
        place
    }

    /// Coordinators and producer ids are refused until they are there, which takes a moment that must not be told apart.
    async fn warm_up(&self) {
        self.gives_producer_ids(None).await;
        for kind in KINDS {
            for client in Client::MATRIX {
                self.cluster.coordinates(&topic(kind, client)).await;
            }
        }
        for client in Client::MATRIX {
            self.gives_producer_ids(Some(&topic("transaction", client))).await;
        }
    }

    async fn gives_producer_ids(&self, transactional: Option<&str>) {
        let id = transactional.map(|id| TransactionalId(StrBytes::from_string(id.to_owned())));
        // Whoever looks for a coordinator of transactions has the topic made in which these are kept.
        let find = FindCoordinatorRequest::default()
            .with_key(StrBytes::from_string(transactional.unwrap_or_default().to_owned()))
            .with_key_type(1);
        let request = InitProducerIdRequest::default()
            .with_transactional_id(id)
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        let ready = async || {
            let mut admin = self.cluster.admin().await;
            if transactional.is_some() {
                admin.call(&find, 3).await.map_err(|error| error.to_string())?;
            }
            let answer = admin.call(&request, 4).await.map_err(|error| error.to_string())?;
            KafkaErrorName::from_code(answer.error_code).map_or(Ok(()), |error| Err(error.to_string()))
        };
        eventually_ok("the broker gives producer ids", PATIENCE, ready).await;
    }

    /// The end of a transaction comes into the topic when its producer has been answered.
    async fn has_ended_transactions(&self, records: &[usize]) {
        for (client, records) in Client::MATRIX.into_iter().zip(records) {
            let topic = topic("transaction", client);
            let end = i64::try_from(records + 1).unwrap();
            let ended = async || {
                let (mut leader, at) = self.cluster.leader(&topic, 0).await;
                leader.list_offset(&at, -1).await.is_ok_and(|found| found == end)
            };
            eventually(&format!("the transaction of {client} has ended"), PATIENCE, ended).await;
        }
    }
}

fn topic(kind: &str, client: Client) -> String {
    format!("{kind}-{client}")
}

/// What clients said, with the answers: first all that they wrote, then all that they read.
struct Scenes {
    requests: [Vec<Tapped>; 2],
    answers: BTreeMap<(usize, i32), Bytes>,
    /// How many records each client sent in its transaction.
    in_transactions: Vec<usize>,
}

/// One client after the other, so that all that the broker numbers has the same numbers in the replay.
async fn record(place: &Place) -> Scenes {
    let port = |address: String| address.rsplit_once(':').unwrap().1.parse().unwrap();
    let ports = [port(place.proxy.bootstrap()), port(place.proxy.broker_address(0))];
    let tap = Tap::start(TAPPED, &ports, "127.0.0.1").await;
    let bootstrap = format!("{TAPPED}:{}", ports[0]);
    let mut sent = Payload::new(11).orders(RECORDS);
    sent.retain(|record| record.value.is_some() && record.headers.iter().all(|(_, value)| value.is_some()));
    for client in Client::MATRIX {
        for kind in KINDS {
            write(client, kind, &bootstrap, &sent).await;
        }
    }
    let written = tap.take();
    let in_transactions = vec![sent.len(); Client::MATRIX.len()];
    place.has_ended_transactions(&in_transactions).await;
    for client in Client::MATRIX {
        for kind in KINDS {
            let topic = topic(kind, client);
            let options = ConsumeOptions::from(&bootstrap, &topic).group(&topic).count(sent.len());
            let received = client.consume_all(&options.read_committed().timeout(PATIENCE)).await;
            tests::assert_same(&topic, &sent, &received);
        }
    }
    let mut fetches: BTreeMap<usize, usize> = BTreeMap::new();
    let mut read = tap.take();
    read.retain(|request| {
        let fetch = answer::head(&request.frame).0 == ApiKey::Fetch;
        let so_far = fetches.entry(request.connection).or_default();
        *so_far += usize::from(fetch);
        !fetch || *so_far <= FETCHES
    });
    let answers = tap.take_answers().into_iter();
    let answers = answers.map(|answer| ((answer.connection, (&answer.frame[..]).get_i32()), answer.frame));
    Scenes { requests: [written, read], answers: answers.collect(), in_transactions }
}

async fn write(client: Client, kind: &str, bootstrap: &str, sent: &[SentRecord]) {
    let topic = topic(kind, client);
    let options = ProduceOptions::to(bootstrap, &topic).timeout(PATIENCE);
    let options = match kind {
        "transaction" => options.transaction(&topic, true),
        // Values are sealed one by one, and compressed anew.
        "record" => options.codec(Codec::None),
        _ => options.codec(client.codecs().last().copied().unwrap()),
    };
    client.produce_all(&options, sent).await;
}

/// Sends all requests in the order in which they were recorded, each as soon as the one before it is answered.
async fn replay(scenes: &Scenes, addresses: &[String; 2], recorded: &Place, place: &Place) -> Vec<Answer> {
    let mut connections: BTreeMap<usize, RawConnection> = BTreeMap::new();
    let mut ids = Ids::of_topics(&recorded.topics, &place.topics);
    let mut answers = Vec::new();
    for requests in &scenes.requests {
        for request in requests {
            let connection = match connections.entry(request.connection) {
                Entry::Occupied(open) => open.into_mut(),
                Entry::Vacant(new) => {
                    new.insert(RawConnection::connect(&addresses[request.address]).await.unwrap())
                }
            };
            let (api, version) = answer::head(&request.frame);
            let received = match connection.send_frame(&ids.translate(&request.frame)).await {
                Ok(()) => connection.receive_frame().await,
                Err(error) => Err(error),
            };
            match &received {
                Ok(frame) => {
                    let correlation = (&frame[..]).get_i32();
                    if let Some(before) = scenes.answers.get(&(request.connection, correlation)) {
                        ids.learn(before, frame);
                    }
                }
                Err(_) => drop(connections.remove(&request.connection)),
            }
            answers.push(Answer::read(api, version, received, &place.topics));
        }
        place.has_ended_transactions(&scenes.in_transactions).await;
    }
    answers
}
