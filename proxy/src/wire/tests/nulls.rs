//! Every field that may be null, as the crate writes null.

use crate::wire::{Direction, WireError, check};
use bytes::BytesMut;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Encodable, Message};

/// Checks `message` at every version from `since` on; below, its nulls must be refused.
fn assert_read<T: Encodable + Message>(api: ApiKey, direction: Direction, since: i16, message: &T) {
    for version in T::VERSIONS.min..=T::VERSIONS.max {
        let mut body = BytesMut::new();
        // Fails where the version lacks one of the fields.
        if message.encode(&mut body, version).is_err() {
            assert!(version < since, "{api:?} v{version}");
            continue;
        }
        let checked = check(api as i16, version, direction, &body);
        if version < since {
            assert!(matches!(checked, Err(WireError::Length(_))), "{api:?} v{version} {checked:?}");
        } else {
            assert_eq!(checked, Ok(()), "{api:?} v{version}");
        }
    }
}

#[test]
fn produce() {
    use produce_request::{PartitionProduceData, TopicProduceData};
    use produce_response::{
        BatchIndexAndErrorMessage, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
    };
    let partition = PartitionProduceData::default().with_records(None);
    let topic = TopicProduceData::default().with_partition_data(vec![partition]);
    let request = ProduceRequest::default().with_transactional_id(None).with_topic_data(vec![topic]);
    assert_read(ApiKey::Produce, Direction::Request, 3, &request);

    let error = BatchIndexAndErrorMessage::default().with_batch_index_error_message(None);
    let partition =
        PartitionProduceResponse::default().with_error_message(None).with_record_errors(vec![error]);
    let topic = TopicProduceResponse::default().with_partition_responses(vec![partition]);
    let response = ProduceResponse::default().with_responses(vec![topic]);
    assert_read(ApiKey::Produce, Direction::Response, 3, &response);
    let endpoints = vec![NodeEndpoint::default().with_rack(None)];
    let mut body = BytesMut::new();
    ProduceResponse::default().with_node_endpoints(endpoints).encode(&mut body, 13).unwrap();
    check(0, 13, Direction::Response, &body).unwrap();
}

#[test]
fn fetch() {
    use fetch_response::{FetchableTopicResponse, NodeEndpoint, PartitionData};
    let partition = PartitionData::default().with_aborted_transactions(None).with_records(None);
    let topic = FetchableTopicResponse::default().with_partitions(vec![partition]);
    let response = FetchResponse::default().with_responses(vec![topic]);
    assert_read(ApiKey::Fetch, Direction::Response, 4, &response);
    let endpoints = vec![NodeEndpoint::default().with_rack(None)];
    let mut body = BytesMut::new();
    response.with_node_endpoints(endpoints).encode(&mut body, 18).unwrap();
    check(1, 18, Direction::Response, &body).unwrap();
}

#[test]
fn metadata() {
    use metadata_request::MetadataRequestTopic;
    use metadata_response::{MetadataResponseBroker, MetadataResponseTopic};
    assert_read(ApiKey::Metadata, Direction::Request, 1, &MetadataRequest::default().with_topics(None));
    let topic = MetadataRequestTopic::default().with_name(None);
    let request = MetadataRequest::default().with_topics(Some(vec![topic]));
    assert_read(ApiKey::Metadata, Direction::Request, 10, &request);

    let broker = MetadataResponseBroker::default().with_rack(None);
    let response = MetadataResponse::default().with_cluster_id(None).with_brokers(vec![broker]);
    assert_read(ApiKey::Metadata, Direction::Response, 0, &response);
    let topic = MetadataResponseTopic::default().with_name(None);
    assert_read(ApiKey::Metadata, Direction::Response, 12, &response.with_topics(vec![topic]));
}

#[test]
fn coordinator_and_cluster() {
    use describe_cluster_response::DescribeClusterBroker;
    use find_coordinator_response::Coordinator;
    let response = FindCoordinatorResponse::default().with_error_message(None);
    assert_read(ApiKey::FindCoordinator, Direction::Response, 0, &response);
    let coordinator = Coordinator::default().with_error_message(None);
    let response = response.with_coordinators(vec![coordinator]);
    assert_read(ApiKey::FindCoordinator, Direction::Response, 4, &response);

    let broker = DescribeClusterBroker::default().with_rack(None);
    let response = DescribeClusterResponse::default().with_error_message(None).with_brokers(vec![broker]);
    assert_read(ApiKey::DescribeCluster, Direction::Response, 0, &response);
}

#[test]
fn configs() {
    use describe_configs_request::DescribeConfigsResource;
    use describe_configs_response::{
        DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
    };
    let resource = DescribeConfigsResource::default().with_configuration_keys(None);
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    assert_read(ApiKey::DescribeConfigs, Direction::Request, 1, &request);

    let synonym = DescribeConfigsSynonym::default().with_value(None);
    let config = DescribeConfigsResourceResult::default()
        .with_value(None)
        .with_documentation(None)
        .with_synonyms(vec![synonym]);
    let result = DescribeConfigsResult::default().with_error_message(None).with_configs(vec![config]);
    let response = DescribeConfigsResponse::default().with_results(vec![result]);
    assert_read(ApiKey::DescribeConfigs, Direction::Response, 1, &response);
}

#[test]
fn alterations() {
    use create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
    use delete_topics_response::DeletableTopicResult;
    let config = CreatableTopicConfigs::default().with_value(None);
    let topic = CreatableTopicResult::default().with_error_message(None).with_configs(Some(vec![config]));
    let response = CreateTopicsResponse::default().with_topics(vec![topic]);
    assert_read(ApiKey::CreateTopics, Direction::Response, 2, &response);
    let topic = CreatableTopicResult::default().with_configs(None);
    let response = CreateTopicsResponse::default().with_topics(vec![topic]);
    assert_read(ApiKey::CreateTopics, Direction::Response, 2, &response);

    let topic = DeletableTopicResult::default().with_error_message(None);
    let response = DeleteTopicsResponse::default().with_responses(vec![topic.clone()]);
    assert_read(ApiKey::DeleteTopics, Direction::Response, 1, &response);
    let response = DeleteTopicsResponse::default().with_responses(vec![topic.with_name(None)]);
    assert_read(ApiKey::DeleteTopics, Direction::Response, 6, &response);

    let resource = alter_configs_response::AlterConfigsResourceResponse::default().with_error_message(None);
    let response = AlterConfigsResponse::default().with_responses(vec![resource]);
    assert_read(ApiKey::AlterConfigs, Direction::Response, 0, &response);
    let resource = incremental_alter_configs_response::AlterConfigsResourceResponse::default();
    let resource = resource.with_error_message(None);
    let response = IncrementalAlterConfigsResponse::default().with_responses(vec![resource]);
    assert_read(ApiKey::IncrementalAlterConfigs, Direction::Response, 0, &response);
}

#[test]
fn share_groups() {
    let request = ShareFetchRequest::default().with_group_id(None).with_member_id(None);
    assert_read(ApiKey::ShareFetch, Direction::Request, 1, &request);
    let request = ShareAcknowledgeRequest::default().with_group_id(None).with_member_id(None);
    assert_read(ApiKey::ShareAcknowledge, Direction::Request, 1, &request);

    let partition = share_fetch_response::PartitionData::default()
        .with_error_message(None)
        .with_acknowledge_error_message(None)
        .with_records(None);
    let topic = share_fetch_response::ShareFetchableTopicResponse::default().with_partitions(vec![partition]);
    let endpoint = share_fetch_response::NodeEndpoint::default().with_rack(None);
    let response = ShareFetchResponse::default()
        .with_error_message(None)
        .with_responses(vec![topic])
        .with_node_endpoints(vec![endpoint]);
    assert_read(ApiKey::ShareFetch, Direction::Response, 1, &response);

    let partition = share_acknowledge_response::PartitionData::default().with_error_message(None);
    let topic =
        share_acknowledge_response::ShareAcknowledgeTopicResponse::default().with_partitions(vec![partition]);
    let endpoint = share_acknowledge_response::NodeEndpoint::default().with_rack(None);
    let response = ShareAcknowledgeResponse::default()
        .with_error_message(None)
        .with_responses(vec![topic])
        .with_node_endpoints(vec![endpoint]);
    assert_read(ApiKey::ShareAcknowledge, Direction::Response, 1, &response);
}
