//! Which APIs go through, up to which version, and the ApiVersions answer that says so.
//!
//! Only maxima are lowered. Minima stay the broker's: a raised Produce minimum turns librdkafka's compression off
//! (KAFKA-18659). What is not in the table is hidden from clients and refused, so that no new API can carry plaintext
//! to a broker, ciphertext to a client or a broker's address past the proxy. Messages between brokers are left out.

use kafka_protocol::messages::ApiVersionsResponse;

/// What happens to an API's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handling {
    /// Relayed as bytes.
    Relayed,
    /// The same, but what was told of topics before its answer may not be so any more.
    AltersTopics,
    /// Request or answer is looked into.
    Rewritten,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    pub(crate) key: i16,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "makes the table readable; compared with the codec's names in tests")
    )]
    pub(crate) name: &'static str,
    /// The newest version whose fields are known to need no other handling than this.
    pub(crate) max: i16,
    pub(crate) handling: Handling,
}

/// Sorted by key. `DescribeQuorum` stops at 1 since version 2 carries listener addresses.
#[rustfmt::skip]
const APIS: &[Api] = &[
    Api { key: 0, name: "Produce", max: 13, handling: Handling::Rewritten },
    Api { key: 1, name: "Fetch", max: 18, handling: Handling::Rewritten },
    Api { key: 2, name: "ListOffsets", max: 11, handling: Handling::Relayed },
    Api { key: 3, name: "Metadata", max: 13, handling: Handling::Rewritten },
    Api { key: 8, name: "OffsetCommit", max: 10, handling: Handling::Relayed },
    Api { key: 9, name: "OffsetFetch", max: 10, handling: Handling::Relayed },
    Api { key: 10, name: "FindCoordinator", max: 6, handling: Handling::Rewritten },
    Api { key: 11, name: "JoinGroup", max: 9, handling: Handling::Relayed },
    Api { key: 12, name: "Heartbeat", max: 4, handling: Handling::Relayed },
    Api { key: 13, name: "LeaveGroup", max: 5, handling: Handling::Relayed },
    Api { key: 14, name: "SyncGroup", max: 5, handling: Handling::Relayed },
    Api { key: 15, name: "DescribeGroups", max: 6, handling: Handling::Relayed },
    Api { key: 16, name: "ListGroups", max: 5, handling: Handling::Relayed },
    Api { key: 17, name: "SaslHandshake", max: 1, handling: Handling::Rewritten },
    Api { key: 18, name: "ApiVersions", max: 4, handling: Handling::Rewritten },
    Api { key: 19, name: "CreateTopics", max: 7, handling: Handling::AltersTopics },
    Api { key: 20, name: "DeleteTopics", max: 6, handling: Handling::AltersTopics },
    Api { key: 21, name: "DeleteRecords", max: 2, handling: Handling::Relayed },
    Api { key: 22, name: "InitProducerId", max: 6, handling: Handling::Relayed },
    Api { key: 23, name: "OffsetForLeaderEpoch", max: 4, handling: Handling::Relayed },
    Api { key: 24, name: "AddPartitionsToTxn", max: 5, handling: Handling::Relayed },
    Api { key: 25, name: "AddOffsetsToTxn", max: 4, handling: Handling::Relayed },
    Api { key: 26, name: "EndTxn", max: 5, handling: Handling::Relayed },
    Api { key: 28, name: "TxnOffsetCommit", max: 6, handling: Handling::Relayed },
    Api { key: 29, name: "DescribeAcls", max: 3, handling: Handling::Relayed },
    Api { key: 30, name: "CreateAcls", max: 3, handling: Handling::Relayed },
    Api { key: 31, name: "DeleteAcls", max: 3, handling: Handling::Relayed },
    Api { key: 32, name: "DescribeConfigs", max: 4, handling: Handling::Relayed },
    Api { key: 33, name: "AlterConfigs", max: 2, handling: Handling::AltersTopics },
    Api { key: 34, name: "AlterReplicaLogDirs", max: 2, handling: Handling::Relayed },
    Api { key: 35, name: "DescribeLogDirs", max: 5, handling: Handling::Relayed },
    Api { key: 36, name: "SaslAuthenticate", max: 2, handling: Handling::Relayed },
    Api { key: 37, name: "CreatePartitions", max: 3, handling: Handling::Relayed },
    Api { key: 38, name: "CreateDelegationToken", max: 3, handling: Handling::Relayed },
    Api { key: 39, name: "RenewDelegationToken", max: 2, handling: Handling::Relayed },
    Api { key: 40, name: "ExpireDelegationToken", max: 2, handling: Handling::Relayed },
    Api { key: 41, name: "DescribeDelegationToken", max: 3, handling: Handling::Relayed },
    Api { key: 42, name: "DeleteGroups", max: 3, handling: Handling::Relayed },
    Api { key: 43, name: "ElectLeaders", max: 2, handling: Handling::Relayed },
    Api { key: 44, name: "IncrementalAlterConfigs", max: 1, handling: Handling::AltersTopics },
    Api { key: 45, name: "AlterPartitionReassignments", max: 1, handling: Handling::Relayed },
    Api { key: 46, name: "ListPartitionReassignments", max: 0, handling: Handling::Relayed },
    Api { key: 47, name: "OffsetDelete", max: 0, handling: Handling::Relayed },
    Api { key: 48, name: "DescribeClientQuotas", max: 1, handling: Handling::Relayed },
    Api { key: 49, name: "AlterClientQuotas", max: 1, handling: Handling::Relayed },
    Api { key: 50, name: "DescribeUserScramCredentials", max: 0, handling: Handling::Relayed },
    Api { key: 51, name: "AlterUserScramCredentials", max: 0, handling: Handling::Relayed },
    Api { key: 55, name: "DescribeQuorum", max: 1, handling: Handling::Relayed },
    Api { key: 57, name: "UpdateFeatures", max: 2, handling: Handling::Relayed },
    Api { key: 60, name: "DescribeCluster", max: 2, handling: Handling::Rewritten },
    Api { key: 61, name: "DescribeProducers", max: 0, handling: Handling::Relayed },
    Api { key: 64, name: "UnregisterBroker", max: 0, handling: Handling::Relayed },
    Api { key: 65, name: "DescribeTransactions", max: 0, handling: Handling::Relayed },
    Api { key: 66, name: "ListTransactions", max: 2, handling: Handling::Relayed },
    Api { key: 68, name: "ConsumerGroupHeartbeat", max: 1, handling: Handling::Relayed },
    Api { key: 69, name: "ConsumerGroupDescribe", max: 1, handling: Handling::Relayed },
    Api { key: 71, name: "GetTelemetrySubscriptions", max: 0, handling: Handling::Relayed },
    Api { key: 72, name: "PushTelemetry", max: 0, handling: Handling::Relayed },
    Api { key: 74, name: "ListConfigResources", max: 1, handling: Handling::Relayed },
    Api { key: 75, name: "DescribeTopicPartitions", max: 0, handling: Handling::Relayed },
    Api { key: 76, name: "ShareGroupHeartbeat", max: 1, handling: Handling::Relayed },
    Api { key: 77, name: "ShareGroupDescribe", max: 1, handling: Handling::Relayed },
    Api { key: 78, name: "ShareFetch", max: 2, handling: Handling::Rewritten },
    Api { key: 79, name: "ShareAcknowledge", max: 2, handling: Handling::Rewritten },
    Api { key: 88, name: "StreamsGroupHeartbeat", max: 1, handling: Handling::Relayed },
    Api { key: 89, name: "StreamsGroupDescribe", max: 1, handling: Handling::Relayed },
    Api { key: 90, name: "DescribeShareGroupOffsets", max: 1, handling: Handling::Relayed },
    Api { key: 91, name: "AlterShareGroupOffsets", max: 0, handling: Handling::Relayed },
    Api { key: 92, name: "DeleteShareGroupOffsets", max: 0, handling: Handling::Relayed },
    Api { key: 93, name: "StreamsGroupTopologyDescriptionUpdate", max: 0, handling: Handling::Relayed },
];

/// The entry for a key, or `None` when the API does not go through.
pub(crate) fn find(key: i16) -> Option<&'static Api> {
    APIS.binary_search_by_key(&key, |api| api.key).ok().and_then(|at| APIS.get(at))
}

/// Whether an API makes or ends credentials of whoever the broker takes the client for: delegation tokens. They would
/// let a client go round the proxy under the proxy's own identity.
pub(crate) fn is_of_identity(key: i16) -> bool {
    (38..=41).contains(&key)
}

/// Hides unknown APIs and lowers maxima. An API of which no common version is left is hidden too, and where brokers take
/// the client for the proxy what concerns that identity.
pub(crate) fn clamp(response: &mut ApiVersionsResponse, as_proxy: bool) {
    response.api_keys.retain_mut(|offered| {
        let Some(api) = find(offered.api_key).filter(|api| !as_proxy || !is_of_identity(api.key)) else {
            return false;
        };
        offered.max_version = offered.max_version.min(api.max);
        offered.min_version <= offered.max_version
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::messages::{ApiKey, api_versions_response::ApiVersion};

    fn offered(key: i16, min: i16, max: i16) -> ApiVersion {
        ApiVersion::default().with_api_key(key).with_min_version(min).with_max_version(max)
    }

    #[test]
    fn the_table_is_sorted_and_named_as_the_codec_names_it() {
        assert!(APIS.is_sorted_by_key(|api| api.key));
        for api in APIS {
            if let Ok(key) = ApiKey::try_from(api.key) {
                assert_eq!(format!("{key:?}"), api.name);
            }
        }
    }

    /// Printed and pinned, so that a newer codec forces a decision for every API it adds.
    /// Conformance: P17-03, TE-B06.
    #[test]
    fn the_gap_to_the_codec_is_known() {
        let hidden: Vec<i16> =
            (0..200).filter(|key| ApiKey::try_from(*key).is_ok() && find(*key).is_none()).collect();
        let between_brokers =
            [27, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 80, 81, 82, 83, 84, 85, 86, 87];
        assert_eq!(hidden, between_brokers);
        let below: Vec<&str> = APIS
            .iter()
            .filter(|api| ApiKey::try_from(api.key).is_ok_and(|key| key.valid_versions().max > api.max))
            .map(|api| api.name)
            .collect();
        assert_eq!(below, ["DescribeQuorum"]);
    }

    /// Conformance: P17-38, TE-22, TE-B06.
    #[test]
    fn clamping_lowers_maxima_and_keeps_minima() {
        let mut response = ApiVersionsResponse::default().with_api_keys(vec![
            offered(0, 0, 99),
            offered(1, 4, 17),
            offered(999, 0, 1),
            offered(78, 3, 4),
        ]);
        clamp(&mut response, false);
        assert_eq!(response.api_keys, [offered(0, 0, 13), offered(1, 4, 17)]);
    }

    #[test]
    fn credentials_of_the_proxys_own_are_not_for_clients() {
        let all = || APIS.iter().map(|api| offered(api.key, 0, api.max)).collect();
        let mut response = ApiVersionsResponse::default().with_api_keys(all());
        clamp(&mut response, true);
        let hidden =
            APIS.iter().filter(|api| !response.api_keys.iter().any(|offered| offered.api_key == api.key));
        let hidden: Vec<&str> = hidden.map(|api| api.name).collect();
        let tokens = [
            "CreateDelegationToken",
            "RenewDelegationToken",
            "ExpireDelegationToken",
            "DescribeDelegationToken",
        ];
        assert_eq!(hidden, tokens);
    }
}
