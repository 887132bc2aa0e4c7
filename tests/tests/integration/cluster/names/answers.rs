//! All other answers that name brokers: by the names that each has in the TLS handshake.

use tests::{Client, ConsumeOptions, Payload, ProduceOptions, SentRecord, assert_same, eventually_ok, topic};

use super::{ALL_RUN, ANY, NAMES, Named, PATIENCE, Three};
use crate::cluster::addresses::{coordinators_by, described_by};
use crate::cluster::hints::{Wrong, fetch_hint, leader_0_at, produce_hint};

const PARTITIONS: i32 = 3;
/// Records in each partition.
const EACH: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn find_coordinator_has_the_names_of_brokers() {
    let _all_run = ALL_RUN.read().await;
    let named = Named::start(&ANY).await;
    let mut connection = named.connect(NAMES[0]).await.unwrap();
    for version in 0..=6 {
        // The topic of the groups' offsets is made when it is asked for.
        let found = async || coordinators_by(&mut connection, version).await;
        let found = eventually_ok("all groups have coordinators", PATIENCE, found).await;
        assert_eq!(found, named.brokers(), "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn describe_cluster_has_the_names_of_brokers() {
    let _all_run = ALL_RUN.read().await;
    let named = Named::start(&ANY).await;
    let mut connection = named.connect(NAMES[0]).await.unwrap();
    for version in 0..=2 {
        let found = described_by(&mut connection, version).await;
        assert_eq!(found, named.brokers(), "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_at_a_leader_have_its_name() {
    let _all_run = ALL_RUN.read().await;
    let named = Named::start(&ANY).await;
    let wrong = Wrong::leader_of("batch").await;
    let (_, leader) = named.brokers().into_iter().next().unwrap();
    // Broker 1, which does not lead it.
    let mut connection = named.connect(NAMES[2]).await.unwrap();
    let hint = produce_hint(&mut connection, &wrong.at, 13).await;
    assert_eq!(hint, leader_0_at(leader.clone()), "Produce");
    let hint = fetch_hint(&mut connection, &wrong.at, 18).await;
    assert_eq!(hint, leader_0_at(leader), "Fetch");
}

/// Members find their coordinator, and the leaders of all partitions, by name.
#[tokio::test(flavor = "multi_thread")]
async fn consumer_groups_of_java_read_and_go_on_by_name() {
    let _all_run = ALL_RUN.read().await;
    let named = Named::start(&ANY).await;
    let tls = Client::Java.tls(&named.certificates.authority(), None);
    let name = topic("batch.named-group");
    Three::shared().await.place_topic(&name, &[&[0], &[1], &[2]]).await;
    let of =
        |partition| Payload::new(7).orders(EACH).into_iter().map(move |record| record.partition(partition));
    let sent: Vec<SentRecord> = (0..PARTITIONS).flat_map(of).collect();
    let options = ProduceOptions::to(named.proxy.bootstrap(), &name).properties(&tls);
    Client::Java.produce_all(&options, &sent).await;
    for protocol in ["classic", "consumer"] {
        let options = ConsumeOptions::from(named.proxy.bootstrap(), &name).properties(&tls);
        let options = options.property("group.protocol", protocol).group(&format!("{name}-{protocol}"));
        let options = options.count(sent.len() / 2).timeout(PATIENCE);
        let mut received = Client::Java.consume_all(&options).await;
        received.extend(Client::Java.consume_all(&options).await);
        received.sort_by_key(|record| (record.partition, record.offset));
        assert_same(protocol, &sent, &received);
    }
}
