//! Brokers that are told apart by the name in the TLS handshake, at one port.

mod answers;

use std::io::ErrorKind;

use kafka_protocol::messages::MetadataRequest;
use tests::{
    Certificates, Client, ConsumeOptions, Payload, ProduceOptions, Proxy, RawConnection, Segments,
    SentRecord, assert_same, canary, eventually, topic,
};

use super::addresses::{Addresses, PATIENCE, at};
use super::{ALL_RUN, Three, policy};

const NAMES: [&str; 4] = ["kafka.names.test", "b-0.names.test", "b-1.names.test", "b-2.names.test"];
const ANY: [&str; 1] = ["*.names.test"];

struct Named {
    certificates: Certificates,
    proxy: Proxy,
}

impl Named {
    /// A proxy whose certificate is for these names. It knows where the brokers are: it was asked for them.
    async fn start(names: &[&str]) -> Self {
        let certificates = Certificates::new();
        let server = certificates.server_named("proxy", names);
        let builder = Proxy::before(&Three::shared().await.cluster).policy(policy()).tls(&server, None);
        let proxy = builder.names(NAMES[0], "B-{id}.names.test").start().await;
        let started = Self { certificates, proxy };
        let mut connection = started.connect(NAMES[0]).await.unwrap();
        let request = MetadataRequest::default().with_topics(Some(Vec::new()));
        connection.call(&request, 12).await.unwrap();
        started
    }

    fn port(&self) -> i32 {
        self.proxy.bootstrap().rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// Where clients are to find them.
    fn brokers(&self) -> Addresses {
        (0..3).map(|id| at(id, &format!("b-{id}.names.test"), self.port())).collect()
    }

    /// A connection whose handshake asks for this name.
    async fn connect(&self, name: &str) -> std::io::Result<RawConnection> {
        let authority = std::fs::read_to_string(self.certificates.authority())?;
        let address = format!("127.0.0.1:{}", self.port());
        let mut connection = RawConnection::connect_tls(&address, name, &authority, None).await?;
        connection.api_versions().await?;
        Ok(connection)
    }
}

/// Conformance: TE-21.
#[tokio::test(flavor = "multi_thread")]
async fn clients_reach_every_broker_by_its_name_at_one_port() {
    let _all_run = ALL_RUN.read().await;
    let named = Named::start(&ANY).await;
    let name = topic("cluster.names");
    Three::shared().await.place_topic(&name, &[&[0], &[1], &[2]]).await;
    let sent: Vec<_> = (0..3)
        .flat_map(|partition| {
            Payload::new(7).orders(8).into_iter().map(move |record| record.partition(partition))
        })
        .collect();
    let tls = Client::Java.tls(&named.certificates.authority(), None);
    let options = ProduceOptions::to(named.proxy.bootstrap(), &name).properties(&tls);
    Client::Java.produce_all(&options, &sent).await;
    let options = ConsumeOptions::from(named.proxy.bootstrap(), &name).properties(&tls);
    assert_same("by name", &sent, &Client::Java.consume_all(&options).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_names_of_brokers_and_other_names_reach_nobody() {
    let _all_run = ALL_RUN.read().await;
    let named = Named::start(&ANY).await;
    let expected = named.brokers();
    for name in NAMES {
        let mut connection = named.connect(name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let answer =
            connection.call(&MetadataRequest::default().with_topics(Some(Vec::new())), 12).await.unwrap();
        let brokers = answer.brokers.iter().map(|broker| at(broker.node_id.0, &broker.host, broker.port));
        assert_eq!(brokers.collect::<Addresses>(), expected, "{name}");
    }
    for nobody in ["other.names.test", "b-00.names.test", "b-7.names.test", "127.0.0.1"] {
        // Without an alert: nothing tells a stranger which names there are.
        let error = named.connect(nobody).await.map(drop).expect_err(nobody);
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{nobody}: {error}");
    }
    for (why, times) in
        [("it asked for a name that is no broker's", 3), ("the address of broker 7 is not known", 1)]
    {
        let told = async || named.proxy.log().matches(why).count() == times;
        eventually(&format!("the log says {why}"), PATIENCE, told).await;
    }
}

/// Not every authority signs for all names of a domain.
#[tokio::test(flavor = "multi_thread")]
async fn every_client_reaches_every_broker_under_a_certificate_that_lists_the_names() {
    let _all_run = ALL_RUN.read().await;
    let (named, three) = (Named::start(&NAMES).await, Three::shared().await);
    for client in Client::ALL {
        let name = topic(&format!("batch.listed-{client}"));
        three.place_topic(&name, &[&[0], &[1], &[2]]).await;
        let needle = canary("listed");
        let record = |broker| SentRecord::of(format!("{needle} for broker {broker}")).partition(broker);
        let sent = [0, 1, 2].map(record);
        let tls = client.tls(&named.certificates.authority(), None);
        let options = ProduceOptions::to(named.proxy.bootstrap(), &name).properties(&tls);
        client.produce_all(&options, &sent).await;
        for (broker, sent) in (0..).zip(sent.chunks(1)) {
            let options = ConsumeOptions::from(named.proxy.bootstrap(), &name).partition(broker);
            let received = client.consume_all(&options.properties(&tls)).await;
            assert_same(&format!("{client} at broker {broker}"), sent, &received);
        }
        let search = Segments::of(three.cluster.topic_dirs(&name)).search(&[needle]).await;
        assert!(!search.found(0) && search.records > 0, "{client}: {search:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_name_a_certificate_does_not_list_is_not_trusted() {
    let _all_run = ALL_RUN.read().await;
    let named = Named::start(&NAMES[..3]).await;
    for name in &NAMES[..3] {
        named.connect(name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let error = named.connect(NAMES[3]).await.unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");
}
