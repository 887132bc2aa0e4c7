use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::controller::fixtures::api_server::ApiServer;

const ALL: [&str; 4] = ["kafkas", "kafkanodepools", "kafkatopics", "kafkausers"];

fn kafka(server: &ApiServer, version: &str, name: &str) {
    let path = format!("/apis/kafka.strimzi.io/{version}/namespaces/kafka/kafkas");
    server.put(&path, &serde_json::json!({"metadata": {"name": name, "namespace": "kafka"}}));
}

/// Whether the cluster is told of, which it may be again and again.
async fn tells(keys: &mut BoxStream<'static, KafkaKey>, name: &str) -> bool {
    let told = async { while keys.next().await.expect("it never ends").name != name {} };
    timeout(Duration::from_mins(10), told).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn kinds_of_strimzi_are_watched_in_the_version_that_is_served_by_now() {
    let server = ApiServer::default();
    server.serve(&[]);
    let strimzi = StrimziApi::look(server.client());
    let scope = Watched::Namespaces(vec!["kafka".to_owned()]);
    let mut keys = strimzis(server.client(), scope, strimzi);
    server.serve(&[("v1beta2", &ALL)]);
    kafka(&server, "v1beta2", "old");
    assert!(tells(&mut keys, "old").await);
    server.serve(&[("v1", &ALL)]);
    kafka(&server, "v1", "new");
    assert!(tells(&mut keys, "new").await);
}
