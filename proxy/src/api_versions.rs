//! Which APIs go through, up to which version, and the ApiVersions answer that says so.
//!
//! Only maxima are lowered. Minima stay the broker's: a raised Produce minimum turns librdkafka's compression off
//! (KAFKA-18659). What is refused, and what is not in the table, is hidden from clients too, so that no new API can carry
//! plaintext to a broker, ciphertext to a client or a broker's address past the proxy.

#[cfg(test)]
mod page;
mod reasons;

use kafka_protocol::messages::ApiVersionsResponse;

/// What happens to an API's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handling {
    /// Relayed as bytes.
    Relayed,
    /// The same, but what was told of the topics in its answer before may not be so any more.
    AltersTopics,
    /// Request or answer is looked into, for this.
    Rewritten(&'static str),
    /// Hidden, and not taken, for this reason.
    Refused(&'static str),
}

/// What happens to them where brokers take the client for the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AsItself {
    /// The same as elsewhere.
    Same,
    /// Answered by the proxy, with this.
    Answered(&'static str),
    /// Hidden, and not taken, for this reason.
    Refused(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    #[cfg_attr(not(test), expect(dead_code, reason = "its place says it; compared in tests"))]
    key: i16,
    name: &'static str,
    /// The newest version whose fields are known to need no other handling than this; below zero where there is none.
    pub(crate) max: i16,
    /// Why newer versions, which there are, do not go through.
    held_back: Option<&'static str>,
    pub(crate) handling: Handling,
    pub(crate) as_itself: AsItself,
}

const RELAYED: Api = Api {
    key: -1,
    name: "",
    max: -1,
    held_back: None,
    handling: Handling::Relayed,
    as_itself: AsItself::Same,
};

const ALTERS_TOPICS: Api = Api { handling: Handling::AltersTopics, ..RELAYED };

const fn rewritten(what: &'static str) -> Api {
    Api { handling: Handling::Rewritten(what), ..RELAYED }
}

const fn refused(why: &'static str) -> Api {
    Api { handling: Handling::Refused(why), ..RELAYED }
}

/// All that Kafka has, each at the place of its key.
#[rustfmt::skip]
static APIS: [Api; 95] = [
    Api { key: 0, name: "Produce", max: 13, ..rewritten(reasons::PRODUCE) },
    Api { key: 1, name: "Fetch", max: 18, ..rewritten(reasons::FETCH) },
    Api { key: 2, name: "ListOffsets", max: 11, ..RELAYED },
    Api { key: 3, name: "Metadata", max: 13, ..rewritten(reasons::METADATA) },
    Api { key: 4, name: "LeaderAndIsr", ..refused(reasons::ZOOKEEPER) },
    Api { key: 5, name: "StopReplica", ..refused(reasons::ZOOKEEPER) },
    Api { key: 6, name: "UpdateMetadata", ..refused(reasons::ZOOKEEPER) },
    Api { key: 7, name: "ControlledShutdown", ..refused(reasons::ZOOKEEPER) },
    Api { key: 8, name: "OffsetCommit", max: 10, ..RELAYED },
    Api { key: 9, name: "OffsetFetch", max: 10, ..RELAYED },
    Api { key: 10, name: "FindCoordinator", max: 6, ..rewritten(reasons::FIND_COORDINATOR) },
    Api { key: 11, name: "JoinGroup", max: 9, ..RELAYED },
    Api { key: 12, name: "Heartbeat", max: 4, ..RELAYED },
    Api { key: 13, name: "LeaveGroup", max: 5, ..RELAYED },
    Api { key: 14, name: "SyncGroup", max: 5, ..RELAYED },
    Api { key: 15, name: "DescribeGroups", max: 6, ..RELAYED },
    Api { key: 16, name: "ListGroups", max: 5, ..RELAYED },
    Api { key: 17, name: "SaslHandshake", max: 1, as_itself: AsItself::Answered(reasons::SASL), ..rewritten(reasons::SASL_HANDSHAKE) },
    Api { key: 18, name: "ApiVersions", max: 4, held_back: Some(reasons::NODES), ..rewritten(reasons::API_VERSIONS) },
    Api { key: 19, name: "CreateTopics", max: 7, ..ALTERS_TOPICS },
    Api { key: 20, name: "DeleteTopics", max: 6, ..ALTERS_TOPICS },
    Api { key: 21, name: "DeleteRecords", max: 2, ..RELAYED },
    Api { key: 22, name: "InitProducerId", max: 6, ..RELAYED },
    Api { key: 23, name: "OffsetForLeaderEpoch", max: 4, ..RELAYED },
    Api { key: 24, name: "AddPartitionsToTxn", max: 5, ..RELAYED },
    Api { key: 25, name: "AddOffsetsToTxn", max: 4, ..RELAYED },
    Api { key: 26, name: "EndTxn", max: 5, ..RELAYED },
    Api { key: 27, name: "WriteTxnMarkers", ..refused(reasons::TRANSACTIONS) },
    Api { key: 28, name: "TxnOffsetCommit", max: 6, ..RELAYED },
    Api { key: 29, name: "DescribeAcls", max: 3, ..RELAYED },
    Api { key: 30, name: "CreateAcls", max: 3, ..RELAYED },
    Api { key: 31, name: "DeleteAcls", max: 3, ..RELAYED },
    Api { key: 32, name: "DescribeConfigs", max: 4, ..RELAYED },
    Api { key: 33, name: "AlterConfigs", max: 2, ..ALTERS_TOPICS },
    Api { key: 34, name: "AlterReplicaLogDirs", max: 2, ..RELAYED },
    Api { key: 35, name: "DescribeLogDirs", max: 5, ..RELAYED },
    Api { key: 36, name: "SaslAuthenticate", max: 2, as_itself: AsItself::Answered(reasons::SASL), ..RELAYED },
    Api { key: 37, name: "CreatePartitions", max: 3, ..RELAYED },
    Api { key: 38, name: "CreateDelegationToken", max: 3, as_itself: AsItself::Refused(reasons::TOKENS), ..RELAYED },
    Api { key: 39, name: "RenewDelegationToken", max: 2, as_itself: AsItself::Refused(reasons::TOKENS), ..RELAYED },
    Api { key: 40, name: "ExpireDelegationToken", max: 2, as_itself: AsItself::Refused(reasons::TOKENS), ..RELAYED },
    Api { key: 41, name: "DescribeDelegationToken", max: 3, as_itself: AsItself::Refused(reasons::TOKENS), ..RELAYED },
    Api { key: 42, name: "DeleteGroups", max: 3, ..RELAYED },
    Api { key: 43, name: "ElectLeaders", max: 2, ..RELAYED },
    Api { key: 44, name: "IncrementalAlterConfigs", max: 1, ..ALTERS_TOPICS },
    Api { key: 45, name: "AlterPartitionReassignments", max: 1, ..RELAYED },
    Api { key: 46, name: "ListPartitionReassignments", max: 0, ..RELAYED },
    Api { key: 47, name: "OffsetDelete", max: 0, ..RELAYED },
    Api { key: 48, name: "DescribeClientQuotas", max: 1, ..RELAYED },
    Api { key: 49, name: "AlterClientQuotas", max: 1, ..RELAYED },
    Api { key: 50, name: "DescribeUserScramCredentials", max: 0, ..RELAYED },
    Api { key: 51, name: "AlterUserScramCredentials", max: 0, ..RELAYED },
    Api { key: 52, name: "Vote", ..refused(reasons::AMONG_CONTROLLERS) },
    Api { key: 53, name: "BeginQuorumEpoch", ..refused(reasons::AMONG_CONTROLLERS) },
    Api { key: 54, name: "EndQuorumEpoch", ..refused(reasons::AMONG_CONTROLLERS) },
    Api { key: 55, name: "DescribeQuorum", max: 1, held_back: Some(reasons::QUORUM), ..RELAYED },
    Api { key: 56, name: "AlterPartition", ..refused(reasons::TO_CONTROLLERS) },
    Api { key: 57, name: "UpdateFeatures", max: 2, ..RELAYED },
    Api { key: 58, name: "Envelope", ..refused(reasons::TO_CONTROLLERS) },
    Api { key: 59, name: "FetchSnapshot", ..refused(reasons::AMONG_CONTROLLERS) },
    Api { key: 60, name: "DescribeCluster", max: 2, ..rewritten(reasons::DESCRIBE_CLUSTER) },
    Api { key: 61, name: "DescribeProducers", max: 0, ..RELAYED },
    Api { key: 62, name: "BrokerRegistration", ..refused(reasons::TO_CONTROLLERS) },
    Api { key: 63, name: "BrokerHeartbeat", ..refused(reasons::TO_CONTROLLERS) },
    Api { key: 64, name: "UnregisterBroker", max: 0, ..RELAYED },
    Api { key: 65, name: "DescribeTransactions", max: 0, ..RELAYED },
    Api { key: 66, name: "ListTransactions", max: 2, ..RELAYED },
    Api { key: 67, name: "AllocateProducerIds", ..refused(reasons::TO_CONTROLLERS) },
    Api { key: 68, name: "ConsumerGroupHeartbeat", max: 1, ..RELAYED },
    Api { key: 69, name: "ConsumerGroupDescribe", max: 1, ..RELAYED },
    Api { key: 70, name: "ControllerRegistration", ..refused(reasons::AMONG_CONTROLLERS) },
    Api { key: 71, name: "GetTelemetrySubscriptions", max: 0, ..RELAYED },
    Api { key: 72, name: "PushTelemetry", max: 0, ..RELAYED },
    Api { key: 73, name: "AssignReplicasToDirs", ..refused(reasons::TO_CONTROLLERS) },
    Api { key: 74, name: "ListConfigResources", max: 1, ..RELAYED },
    Api { key: 75, name: "DescribeTopicPartitions", max: 0, ..RELAYED },
    Api { key: 76, name: "ShareGroupHeartbeat", max: 1, ..RELAYED },
    Api { key: 77, name: "ShareGroupDescribe", max: 1, ..RELAYED },
    Api { key: 78, name: "ShareFetch", max: 2, ..rewritten(reasons::SHARE_FETCH) },
    Api { key: 79, name: "ShareAcknowledge", max: 2, ..rewritten(reasons::SHARE_ACKNOWLEDGE) },
    Api { key: 80, name: "AddRaftVoter", ..refused(reasons::CONTROLLERS) },
    Api { key: 81, name: "RemoveRaftVoter", ..refused(reasons::CONTROLLERS) },
    Api { key: 82, name: "UpdateRaftVoter", ..refused(reasons::AMONG_CONTROLLERS) },
    Api { key: 83, name: "InitializeShareGroupState", ..refused(reasons::SHARE_GROUPS) },
    Api { key: 84, name: "ReadShareGroupState", ..refused(reasons::SHARE_GROUPS) },
    Api { key: 85, name: "WriteShareGroupState", ..refused(reasons::SHARE_GROUPS) },
    Api { key: 86, name: "DeleteShareGroupState", ..refused(reasons::SHARE_GROUPS) },
    Api { key: 87, name: "ReadShareGroupStateSummary", ..refused(reasons::SHARE_GROUPS) },
    Api { key: 88, name: "StreamsGroupHeartbeat", max: 1, ..RELAYED },
    Api { key: 89, name: "StreamsGroupDescribe", max: 1, ..RELAYED },
    Api { key: 90, name: "DescribeShareGroupOffsets", max: 1, ..RELAYED },
    Api { key: 91, name: "AlterShareGroupOffsets", max: 0, ..RELAYED },
    Api { key: 92, name: "DeleteShareGroupOffsets", max: 0, ..RELAYED },
    Api { key: 93, name: "StreamsGroupTopologyDescriptionUpdate", max: 0, ..RELAYED },
    Api { key: 94, name: "UnregisterController", ..refused(reasons::CONTROLLERS) },
];

/// The row of a key, or `None` when the API is not known.
fn row(key: i16) -> Option<&'static Api> {
    usize::try_from(key).ok().and_then(|place| APIS.get(place))
}

/// The row of a key, or `None` when the API does not go through.
pub(crate) fn find(key: i16) -> Option<&'static Api> {
    row(key).filter(|api| !matches!(api.handling, Handling::Refused(_)))
}

/// Why a request does not go through, for the log.
pub(crate) fn why_not(key: i16, version: i16) -> String {
    let Some(api) = row(key) else { return "it is not known".to_owned() };
    let why = match (api.handling, api.as_itself) {
        (Handling::Refused(why), _) => why,
        _ if version > api.max => api.held_back.unwrap_or("the version is newer than what is known"),
        (_, AsItself::Refused(why)) => why,
        _ => "the version is not known",
    };
    format!("{}: {why}", api.name)
}

impl Api {
    /// Whether it makes or ends credentials of whoever the broker takes the client for.
    fn is_refused_as_itself(&self) -> bool {
        matches!(self.as_itself, AsItself::Refused(_))
    }
}

/// Hides unknown APIs and lowers maxima. An API of which no common version is left is hidden too, and where brokers take
/// the client for the proxy what concerns that identity.
pub(crate) fn clamp(response: &mut ApiVersionsResponse, as_proxy: bool) {
    response.api_keys.retain_mut(|offered| {
        let Some(api) = find(offered.api_key).filter(|api| !as_proxy || !api.is_refused_as_itself()) else {
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

    /// What the codec has, and beyond it what the newest broker has, whose list is compared with the page in the matrix.
    #[test]
    fn every_key_has_a_row_at_its_place_with_the_name_that_the_codec_has() {
        for (place, api) in (0..).zip(&APIS) {
            assert_eq!(api.key, place, "{}", api.name);
            assert!(api.max >= 0 || find(api.key).is_none(), "{} has no version", api.name);
            if let Ok(key) = ApiKey::try_from(api.key) {
                assert_eq!(format!("{key:?}"), api.name);
            }
        }
        let known = (0..i16::MAX).filter(|key| ApiKey::try_from(*key).is_ok());
        let missing: Vec<i16> = known.filter(|key| row(*key).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
        for key in [-1, i16::MIN, 95, i16::MAX] {
            assert!(find(key).is_none(), "{key}");
        }
    }

    /// Printed and pinned, so that a newer codec forces a decision for every API it adds.
    /// Conformance: P17-03, TE-B06.
    #[test]
    fn the_gap_to_the_codec_is_known() {
        let hidden: Vec<i16> =
            (0..200).filter(|key| ApiKey::try_from(*key).is_ok() && find(*key).is_none()).collect();
        let refused = [27, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 80, 81, 82, 83, 84, 85, 86, 87];
        assert_eq!(hidden, refused);
        let newest = |api: &Api| ApiKey::try_from(api.key).map_or(-1, |key| key.valid_versions().max);
        let below: Vec<&str> = APIS
            .iter()
            .filter(|api| find(api.key).is_some() && newest(api) > api.max)
            .map(|api| api.name)
            .collect();
        assert_eq!(below, ["DescribeQuorum"]);
    }

    #[test]
    fn what_does_not_go_through_is_told_with_its_reason() {
        for (key, version, why) in [
            (27, 1, "WriteTxnMarkers: among brokers"),
            (55, 2, "DescribeQuorum: version 2 has the addresses of controllers"),
            (0, 14, "Produce: the version is newer than what is known"),
            (0, -1, "Produce: the version is not known"),
            (38, 3, "CreateDelegationToken: the token would be one of the proxy's own identity"),
            (95, 0, "it is not known"),
        ] {
            let told = why_not(key, version);
            assert!(told.starts_with(why), "{key} {version}: {told}");
        }
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
        let through: Vec<&Api> = APIS.iter().filter(|api| find(api.key).is_some()).collect();
        let all = through.iter().map(|api| offered(api.key, 0, api.max)).collect();
        let mut response = ApiVersionsResponse::default().with_api_keys(all);
        clamp(&mut response, true);
        let hidden =
            through.iter().filter(|api| !response.api_keys.iter().any(|offered| offered.api_key == api.key));
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
