//! Controllers are not reached through the proxy, and whoever tries to is told.

use kafka_protocol::messages::DescribeClusterRequest;
use tests::{KafkaErrorName, RawConnection};

use crate::program::attempt;
use crate::stage::Stage;

/// What asks for controllers in place of brokers.
const CONTROLLERS: i8 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn bootstrap_controllers_is_refused_with_a_clear_error() {
    let stage = Stage::shared().await;
    let mut connection = RawConnection::connect(&stage.proxy.bootstrap()).await.unwrap();
    let request = DescribeClusterRequest::default().with_endpoint_type(CONTROLLERS);
    let answer = connection.call(&request, 1).await.unwrap();
    assert_eq!(KafkaErrorName::from_code(answer.error_code).unwrap(), "MISMATCHED_ENDPOINT_TYPE");
    assert!(answer.brokers.is_empty(), "{answer:?}");
    let address = ["--bootstrap-controller", &stage.proxy.bootstrap()];
    for (tool, words) in [
        ("kafka-metadata-quorum", &["describe", "--status"][..]),
        ("kafka-configs", &["--describe", "--entity-type", "brokers", "--entity-name", "0"][..]),
    ] {
        let said = attempt(tool, &[&address, words].concat()).await.unwrap_err();
        assert!(
            said.contains("endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"),
            "{tool}: {said}"
        );
    }
}

/// Requests that change which controllers there are could go to brokers too; a client finds them missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_needs_a_hidden_request_is_told_that_there_is_none() {
    let stage = Stage::shared().await;
    let bootstrap = stage.proxy.bootstrap();
    let controller = ["--controller-id", "7", "--controller-directory-id", "AAAAAAAAAAAAAAAAAAAAAQ"];
    let remove = [&["--bootstrap-server", &bootstrap, "remove-controller"][..], &controller].concat();
    let said = attempt("kafka-metadata-quorum", &remove).await.unwrap_err();
    assert!(said.contains("UnsupportedVersionException"), "{said}");
    assert!(said.contains("The node does not support REMOVE_RAFT_VOTER"), "{said}");
}
