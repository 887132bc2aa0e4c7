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
/// newest version, the proxy's if it has any, and why.
const GAP: &[(i16, i16, Option<i16>, &str)] = &[
    (18, 5, Some(4), "ApiVersions: a client that says which node it means; it tries again with 4"),
    (27, 2, None, "WriteTxnMarkers: between brokers"),
    (55, 2, Some(1), "DescribeQuorum: 2 has the addresses of controllers"),
    (80, 1, None, "AddRaftVoter: for controllers"),
    (81, 0, None, "RemoveRaftVoter: for controllers"),
    (83, 0, None, "InitializeShareGroupState: between brokers"),
    (84, 0, None, "ReadShareGroupState: between brokers"),
    (85, 1, None, "WriteShareGroupState: between brokers"),
    (86, 0, None, "DeleteShareGroupState: between brokers"),
    (87, 1, None, "ReadShareGroupStateSummary: between brokers"),
    (94, 0, None, "UnregisterController: for controllers"),
];

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
    let known: Vec<_> = GAP.iter().map(|(key, newest, kept, _)| (*key, *newest, *kept)).collect();
    assert_eq!(gap, known);
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
