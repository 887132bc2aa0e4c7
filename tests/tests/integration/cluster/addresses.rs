//! Whatever names a broker names it at the proxy's host and port. The same question to a broker shows that the answer
//! would name the broker's own address.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::messages::{DescribeClusterRequest, FindCoordinatorRequest, MetadataRequest};
use tests::{
    Client, Cluster, ConsumeOptions, KafkaErrorName, PolicyFile, ProduceOptions, Proxy, RawConnection,
    SentRecord, eventually_ok, topic,
};

use super::{ALL_RUN, Three, policy, text};

pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Broker ids and where they are.
pub(super) type Addresses = BTreeSet<(i32, String)>;

pub(super) fn at(id: i32, host: &str, port: i32) -> (i32, String) {
    (id, format!("{host}:{port}"))
}

fn of_cluster(cluster: &Cluster) -> Addresses {
    (0..3).zip(0..).map(|(node, id)| (id, cluster.address(node))).collect()
}

fn of_proxy(proxy: &Proxy, brokers: usize) -> Addresses {
    (0..brokers).zip(0..).map(|(node, id)| (id, proxy.broker_address(node))).collect()
}

pub(super) async fn connect(address: &str) -> RawConnection {
    RawConnection::connect(address).await.unwrap()
}

async fn in_metadata(bootstrap: &str, version: i16) -> Addresses {
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let answer = connect(bootstrap).await.call(&request, version).await.unwrap();
    let brokers = answer.brokers.iter();
    brokers.map(|broker| at(broker.node_id.0, &broker.host, broker.port)).collect()
}

async fn in_describe_cluster(bootstrap: &str, version: i16) -> Addresses {
    described_by(&mut connect(bootstrap).await, version).await
}

pub(super) async fn described_by(connection: &mut RawConnection, version: i16) -> Addresses {
    let answer = connection.call(&DescribeClusterRequest::default(), version).await.unwrap();
    assert_eq!(answer.error_code, 0);
    let brokers = answer.brokers.iter();
    brokers.map(|broker| at(broker.broker_id.0, &broker.host, broker.port)).collect()
}

async fn coordinators(bootstrap: &str, version: i16) -> Result<Addresses, String> {
    coordinators_by(&mut connect(bootstrap).await, version).await
}

/// The coordinators of enough groups for each broker to be one.
pub(super) async fn coordinators_by(
    connection: &mut RawConnection,
    version: i16,
) -> Result<Addresses, String> {
    let groups: Vec<_> = (0..30).map(|group| text(&format!("group-{group}"))).collect();
    let mut found = Addresses::new();
    if version >= 4 {
        let request = FindCoordinatorRequest::default().with_coordinator_keys(groups);
        let answer = connection.call(&request, version).await.unwrap();
        for coordinator in answer.coordinators {
            if let Some(error) = KafkaErrorName::from_code(coordinator.error_code) {
                return Err(error.to_string());
            }
            found.insert(at(coordinator.node_id.0, &coordinator.host, coordinator.port));
        }
        return Ok(found);
    }
    for group in groups {
        let request = FindCoordinatorRequest::default().with_key(group);
        let answer = connection.call(&request, version).await.unwrap();
        if let Some(error) = KafkaErrorName::from_code(answer.error_code) {
            return Err(error.to_string());
        }
        found.insert(at(answer.node_id.0, &answer.host, answer.port));
    }
    Ok(found)
}

/// The topic of the groups' offsets is made when it is asked for.
async fn settled_coordinators(bootstrap: &str, version: i16) -> Addresses {
    let found = async || coordinators(bootstrap, version).await;
    eventually_ok("all groups have coordinators", PATIENCE, found).await
}

/// Conformance: P17-34, P17-36, TE-21.
#[tokio::test(flavor = "multi_thread")]
async fn metadata_names_the_proxys_ports_only() {
    let _all_run = ALL_RUN.read().await;
    let Three { cluster, proxy } = Three::shared().await;
    for version in 0..=13 {
        let twin = in_metadata(&cluster.bootstrap(), version).await;
        assert_eq!(twin, of_cluster(cluster), "version {version}");
        let found = in_metadata(&proxy.bootstrap(), version).await;
        assert_eq!(found, of_proxy(proxy, 3), "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_from_a_brokers_own_port_names_the_proxys_ports_only() {
    let _all_run = ALL_RUN.read().await;
    let Three { proxy, .. } = Three::shared().await;
    in_metadata(&proxy.bootstrap(), 12).await;
    for broker in 0..3 {
        let found = in_metadata(&proxy.broker_address(broker), 12).await;
        assert_eq!(found, of_proxy(proxy, 3), "asked broker {broker}");
    }
}

/// Conformance: P17-36, TE-21.
#[tokio::test(flavor = "multi_thread")]
async fn describe_cluster_names_the_proxys_ports_only() {
    let _all_run = ALL_RUN.read().await;
    let Three { cluster, proxy } = Three::shared().await;
    for version in 0..=2 {
        let twin = in_describe_cluster(&cluster.bootstrap(), version).await;
        assert_eq!(twin, of_cluster(cluster), "version {version}");
        let found = in_describe_cluster(&proxy.bootstrap(), version).await;
        assert_eq!(found, of_proxy(proxy, 3), "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn describe_cluster_names_no_controllers_listener() {
    const CONTROLLERS: i8 = 2;
    let _all_run = ALL_RUN.read().await;
    let Three { proxy, .. } = Three::shared().await;
    let request = DescribeClusterRequest::default().with_endpoint_type(CONTROLLERS);
    let answer = connect(&proxy.bootstrap()).await.call(&request, 2).await.unwrap();
    assert!(answer.brokers.is_empty(), "{answer:?}");
}

/// Conformance: P17-36, TE-21.
#[tokio::test(flavor = "multi_thread")]
async fn find_coordinator_names_the_proxys_ports_only() {
    let _all_run = ALL_RUN.read().await;
    let Three { cluster, proxy } = Three::shared().await;
    for version in 0..=6 {
        let twin = settled_coordinators(&cluster.bootstrap(), version).await;
        assert_eq!(twin, of_cluster(cluster), "version {version}");
        let found = settled_coordinators(&proxy.bootstrap(), version).await;
        assert_eq!(found, of_proxy(proxy, 3), "version {version}");
    }
}

/// A proxy that has ports for two of the three brokers.
async fn short_of_a_port(cluster: &Cluster) -> Proxy {
    let servers = (0..3).map(|node| cluster.address(node)).collect();
    Proxy::builder(servers, 2).policy(policy()).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_without_an_open_port_are_left_out() {
    let _all_run = ALL_RUN.read().await;
    let Three { cluster, .. } = Three::shared().await;
    let proxy = short_of_a_port(cluster).await;
    for version in [0, 8, 9, 12, 13] {
        let found = in_metadata(&proxy.bootstrap(), version).await;
        assert_eq!(found, of_proxy(&proxy, 2), "Metadata {version}");
    }
    let found = in_describe_cluster(&proxy.bootstrap(), 1).await;
    assert_eq!(found, of_proxy(&proxy, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn coordinators_without_an_open_port_are_not_available() {
    let _all_run = ALL_RUN.read().await;
    let Three { cluster, .. } = Three::shared().await;
    // All three are coordinators.
    settled_coordinators(&cluster.bootstrap(), 4).await;
    let proxy = short_of_a_port(cluster).await;
    for version in [3, 4] {
        let found = coordinators(&proxy.bootstrap(), version).await;
        assert_eq!(found, Err("COORDINATOR_NOT_AVAILABLE".to_owned()), "version {version}");
    }
}

/// Clients are told of a leader that is not among the brokers: they ask again until their time is over.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_of_a_leader_without_an_open_port_are_out_of_reach() {
    const SHORT: Duration = Duration::from_secs(5);
    let _all_run = ALL_RUN.read().await;
    let three = Three::shared().await;
    let proxy = short_of_a_port(&three.cluster).await;
    for client in Client::ALL {
        let name = topic(&format!("portless-{client}"));
        three.place_topic(&name, &[&[2]]).await;
        let options = ProduceOptions::to(proxy.bootstrap(), &name).timeout(SHORT);
        let refused =
            client.produce(&options, &[SentRecord::of("never stored").partition(0)]).await.remove(0);
        let options = ConsumeOptions::from(proxy.bootstrap(), &name).timeout(SHORT);
        let consumed = client.consume(&options).await;
        assert!(consumed.records.is_empty() && !consumed.complete, "{client}: {consumed:?}");
        assert_eq!(refused.unwrap_err(), "CLIENT_TIMEOUT", "{client}");
        let (mut leader, at) = three.cluster.leader(&name, 0).await;
        assert_eq!(leader.list_offset(&at, -1).await.unwrap(), 0, "{client}");
    }
}

/// Conformance: TE-B15.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_a_broker_that_nobody_knows_is_closed_at_once() {
    let cluster = Cluster::shared().await;
    let proxy = Proxy::builder(vec![cluster.bootstrap()], 3).policy(PolicyFile::new([])).start().await;
    assert_eq!(in_metadata(&proxy.bootstrap(), 12).await, of_proxy(&proxy, 1));
    let mut known = connect(&proxy.broker_address(0)).await;
    known.api_versions().await.unwrap();
    for broker in [1, 2] {
        let mut unknown = connect(&proxy.broker_address(broker)).await;
        assert!(unknown.closes_within(Duration::from_secs(5)).await, "broker {broker}");
    }
}
