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
