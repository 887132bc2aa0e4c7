//! The page of APIs, row by row: what it says is relayed is, and what is newer than it says goes to no broker.

use kafka_protocol::messages::ApiKey;
use tests::{Payload, RawConnection};

use super::super::gate::Gate;
use super::super::requests;
use super::{Broker, goes_through};

/// Made of the proxy's table.
const PAGE: &str = include_str!("../../../../../proxy/docs/apis.md");
/// The proxy answers its newer versions in the oldest one (KIP-511).
const API_VERSIONS: i16 = 18;

/// Of each row that goes through the key, the newest version, and what happens to it.
fn rows() -> Vec<(i16, i16, &'static str)> {
    let rows = PAGE.lines().filter_map(|line| {
        let [key, _, versions, what] = line.trim_matches('|').split(" | ").collect::<Vec<_>>()[..] else {
            return None;
        };
        let newest = versions.strip_prefix("to ")?.parse().unwrap();
        Some((key.trim().parse().unwrap(), newest, what))
    });
    rows.collect()
}

/// A request header. Of an API that the codec does not know the proxy looks at no more than key and version.
fn head(key: i16, version: i16) -> Vec<u8> {
    let is_flexible = ApiKey::try_from(key).is_ok_and(|api| api.request_header_version(version) > 1);
    requests::head(key, version, is_flexible)
}

/// P17-03: in both directions, whether or not it makes sense.
#[tokio::test(flavor = "multi_thread")]
async fn every_version_of_every_relayed_api_goes_through_byte_for_byte() {
    let broker = Broker::start(async {}).await;
    let proxy = broker.proxy().await;
    let mut client = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let relayed: Vec<_> = rows().into_iter().filter(|(_, _, what)| what.starts_with("relayed")).collect();
    assert!(relayed.len() > 50, "the page is not read: {relayed:?}");
    for (key, newest, _) in relayed {
        for version in 0..=newest {
            let mut random =
                Payload::new(u64::from(key.unsigned_abs()) * 100 + u64::from(version.unsigned_abs()));
            for size in [0, 1, 3000] {
                let request = [head(key, version), random.bytes(size)].concat();
                let what = format!("API {key} version {version} with {size} bytes");
                goes_through(&broker, &mut client, &what, &request).await;
            }
        }
    }
}

/// P17-38: the broker behind it might serve it, and nobody knows what is in it.
#[tokio::test(flavor = "multi_thread")]
async fn the_version_after_the_newest_of_every_api_closes_the_connection() {
    let gate = Gate::new().await;
    for (key, newest, _) in rows().into_iter().filter(|(key, _, _)| *key != API_VERSIONS) {
        let version = newest + 1;
        let request = [head(key, version), Payload::new(5).bytes(64)].concat();
        gate.refuses(&format!("API {key} version {version}"), &request).await;
    }
    gate.lets_others_through().await;
}
