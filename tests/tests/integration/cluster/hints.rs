//! Answers to a wrong leader hint at the right one (KIP-951): at its port of the proxy, never at the broker itself.

mod sharing;

use tests::raw_connection::Location;
use tests::{Batch, RawConnection, SentRecord, eventually_ok, topic};

use super::addresses::{Addresses, PATIENCE, at, connect};
use super::{ALL_RUN, Three};

/// A partition on broker 0 alone, and connections to broker 1, which does not lead it: straight, and by the proxy.
pub(super) struct Wrong {
    pub(super) at: Location,
    straight: RawConnection,
    proxied: RawConnection,
}

impl Wrong {
    pub(super) async fn leader_of(prefix: &str) -> Self {
        let Three { cluster, proxy } = Three::shared().await;
        let topic = topic(&format!("{prefix}.wrong-leader"));
        let three = Three::shared().await;
        three.place_topic(&topic, &[&[0]]).await;
        let at = connect(&proxy.bootstrap()).await.locate(&topic, 0).await.unwrap();
        // Broker 1 hears of new topics by itself, perhaps later.
        let known = async || connect(&cluster.address(1)).await.locate(&topic, 0).await;
        eventually_ok("broker 1 knows the leader", PATIENCE, known).await;
        Self {
            at,
            straight: connect(&cluster.address(1)).await,
            proxied: connect(&proxy.broker_address(1)).await,
        }
    }
}

const NOT_LEADER: i16 = 6;

/// Error code, leader by the hint, where the hint says it is.
type Hint = (i16, i32, Addresses);

pub(super) async fn produce_hint(connection: &mut RawConnection, wrong: &Location, version: i16) -> Hint {
    let batch = Batch::of(&[SentRecord::of("to the wrong broker").key("key")]);
    let request = RawConnection::produce_request(wrong, version, -1, batch.into());
    let answer = connection.call(&request, version).await.unwrap();
    let partition = &answer.responses[0].partition_responses[0];
    let nodes = answer.node_endpoints.iter();
    (
        partition.error_code,
        partition.current_leader.leader_id.0,
        nodes.map(|node| at(node.node_id.0, &node.host, node.port)).collect(),
    )
}

pub(super) async fn fetch_hint(connection: &mut RawConnection, wrong: &Location, version: i16) -> Hint {
    let request = RawConnection::fetch_request(wrong, version, 0, 100);
    let answer = connection.call(&request, version).await.unwrap();
    let partition = &answer.responses[0].partitions[0];
    let nodes = answer.node_endpoints.iter();
    (
        partition.error_code,
        partition.current_leader.leader_id.0,
        nodes.map(|node| at(node.node_id.0, &node.host, node.port)).collect(),
    )
}

pub(super) fn leader_0_at(address: String) -> Hint {
    (NOT_LEADER, 0, Addresses::from([(0, address)]))
}

/// Conformance: TE-21.
#[tokio::test(flavor = "multi_thread")]
async fn produce_answers_hint_at_the_leaders_proxy_port() {
    let _all_run = ALL_RUN.read().await;
    let Three { cluster, proxy } = Three::shared().await;
    for prefix in ["clear", "batch", "record"] {
        let mut wrong = Wrong::leader_of(prefix).await;
        for version in 10..=13 {
            let twin = produce_hint(&mut wrong.straight, &wrong.at, version).await;
            assert_eq!(twin, leader_0_at(cluster.address(0)), "{prefix} {version}");
            let hint = produce_hint(&mut wrong.proxied, &wrong.at, version).await;
            assert_eq!(hint, leader_0_at(proxy.broker_address(0)), "{prefix} {version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_answers_hint_at_the_leaders_proxy_port() {
    let _all_run = ALL_RUN.read().await;
    let Three { cluster, proxy } = Three::shared().await;
    for prefix in ["clear", "batch", "record"] {
        let mut wrong = Wrong::leader_of(prefix).await;
        for version in 16..=18 {
            let twin = fetch_hint(&mut wrong.straight, &wrong.at, version).await;
            assert_eq!(twin, leader_0_at(cluster.address(0)), "{prefix} {version}");
            let hint = fetch_hint(&mut wrong.proxied, &wrong.at, version).await;
            assert_eq!(hint, leader_0_at(proxy.broker_address(0)), "{prefix} {version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_right_leader_carry_no_hint() {
    let _all_run = ALL_RUN.read().await;
    let Three { proxy, .. } = Three::shared().await;
    let wrong = Wrong::leader_of("batch").await;
    let mut right = connect(&proxy.broker_address(0)).await;
    let none = (0, -1, Addresses::new());
    assert_eq!(produce_hint(&mut right, &wrong.at, 13).await, none);
    assert_eq!(fetch_hint(&mut right, &wrong.at, 18).await, none);
}
