//! What the proxy keeps from clients of what brokers offer.

use std::collections::BTreeMap;

use tests::{BrokerVersion, RawConnection};

use crate::stage::Stage;

/// Versions by API key.
type Apis = BTreeMap<i16, (i16, i16)>;

async fn offered(address: &str) -> Apis {
    let mut connection = RawConnection::connect(address).await.unwrap();
    let answer = connection.api_versions().await.unwrap();
    assert_eq!(answer.error_code, 0);
    answer.api_keys.into_iter().map(|api| (api.api_key, (api.min_version, api.max_version))).collect()
}

/// Pinned, so that a new version of the broker forces a decision for each API and version that it adds: the key, the broker's
/// newest version, and the proxy's if it has any. Why is on the page.
const GAP: &[(i16, i16, Option<i16>)] = &[
    (18, 5, Some(4)),
    (27, 2, None),
    (55, 2, Some(1)),
    (80, 1, None),
    (81, 0, None),
    (83, 0, None),
    (84, 0, None),
    (85, 1, None),
    (86, 0, None),
    (87, 1, None),
    (94, 0, None),
];

/// Made of the proxy's table.
const PAGE: &str = include_str!("../../../proxy/docs/apis.md");

/// By API key: the newest version that goes through, if any, and what happens to it, or why nothing does.
fn on_the_page() -> BTreeMap<i16, (Option<i16>, &'static str)> {
    let rows = PAGE.lines().filter_map(|line| {
        let [key, _, versions, what] = line.trim_matches('|').split(" | ").collect::<Vec<_>>()[..] else {
            return None;
        };
        let newest = versions.strip_prefix("to ").map(|newest| newest.parse().unwrap());
        Some((key.trim().parse().ok()?, (newest, what.trim())))
    });
    rows.collect()
}

/// Conformance: P17-38, P17-39, TE-22.
#[tokio::test(flavor = "multi_thread")]
async fn the_gap_to_the_newest_broker_is_known() {
    let stage = Stage::shared(*BrokerVersion::diagonal().last().unwrap()).await;
    let (broker, proxy) =
        (offered(&stage.cluster.bootstrap()).await, offered(&stage.proxy.bootstrap()).await);
    let gap: Vec<_> = broker
        .into_iter()
        .map(|(key, (_, newest))| (key, newest, proxy.get(&key).map(|(_, newest)| *newest)))
        .filter(|(_, newest, kept)| *kept != Some(*newest))
        .collect();
    println!("Kafka {}: {gap:?}", stage.version);
    assert_eq!(gap, GAP);
    for (key, newest, kept) in gap {
        let (on_the_page, what) = on_the_page()[&key];
        assert_eq!(on_the_page, kept, "API {key}");
        let why = if kept.is_some() {
            format!("No newer version: version {newest}")
        } else {
            "refused: ".to_owned()
        };
        assert!(what.contains(&why), "API {key}: {what}");
    }
}

/// P17-38: so the page is true of each of them.
#[tokio::test(flavor = "multi_thread")]
async fn every_api_of_every_broker_is_on_the_page_as_the_proxy_offers_it() {
    let page = on_the_page();
    for version in BrokerVersion::diagonal() {
        let stage = Stage::shared(version).await;
        let (broker, proxy) =
            (offered(&stage.cluster.bootstrap()).await, offered(&stage.proxy.bootstrap()).await);
        for (key, (_, newest)) in broker {
            let (through, what) =
                page.get(&key).unwrap_or_else(|| panic!("Kafka {version}: API {key} is not on the page"));
            let offered = proxy.get(&key).map(|(_, newest)| *newest);
            assert_eq!(
                offered,
                through.map(|through| through.min(newest)),
                "Kafka {version}, API {key}: {what}"
            );
        }
    }
}

/// A raised minimum has turned compression off in clients before; and nothing is promised that a broker does not have.
#[tokio::test(flavor = "multi_thread")]
async fn brokers_minima_stay_and_maxima_are_not_raised() {
    for version in BrokerVersion::diagonal() {
        let stage = Stage::shared(version).await;
        let (broker, proxy) =
            (offered(&stage.cluster.bootstrap()).await, offered(&stage.proxy.bootstrap()).await);
        assert!(!proxy.is_empty());
        for (key, (oldest, newest)) in proxy {
            let (min, max) = broker[&key];
            assert_eq!(oldest, min, "Kafka {version}, API {key}");
            assert!(newest <= max, "Kafka {version}, API {key}: {newest} is above {max}");
        }
    }
}
