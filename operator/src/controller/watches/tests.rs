use std::convert::Infallible;
use std::time::Duration;

use axum::http::{Request, Response};
use kube::client::Body;
use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::controller::fixtures::api_server::ApiServer;

const ALL: [&str; 4] = ["kafkas", "kafkanodepools", "kafkatopics", "kafkausers"];

fn kafka(server: &ApiServer, version: &str, name: &str) {
    let path = format!("/apis/kafka.strimzi.io/{version}/namespaces/kafka/kafkas");
    server.put(&path, &json!({"metadata": {"name": name, "namespace": "kafka"}}));
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

/// Lists nothing, then tells of these events, and of nothing ever after.
fn watched(events: &[Value]) -> Client {
    let lines: Vec<_> = events.iter().map(ToString::to_string).collect();
    let mut events = Some(lines.join("\n") + "\n");
    let service = tower::service_fn(move |request: Request<Body>| {
        let is_watch = request.uri().query().unwrap_or_default().contains("watch=true");
        let told = if is_watch { events.take() } else { None };
        async move {
            let body = match told {
                Some(events) => events,
                None if is_watch => std::future::pending().await,
                None => json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []})
                    .to_string(),
            };
            let answer = Response::builder().header("content-type", "application/json");
            Ok::<_, Infallible>(answer.body(Body::from(body.into_bytes())).expect("an answer"))
        }
    });
    Client::new(service, "kafka")
}

fn event(kind: &str, kafka: Option<&str>) -> Value {
    let spec = kafka.map_or_else(|| json!({}), |name| json!({"kafkaRef": {"name": name}}));
    json!({"type": kind, "object": {
        "apiVersion": "encryption.strimzi.io/v1alpha1", "kind": "TopicEncryptionPolicy", "spec": spec,
        "metadata": {"name": "payments", "namespace": "kafka", "resourceVersion": "2"},
    }})
}

/// The names of all clusters that are told of on these events.
async fn told(events: &[Value]) -> Vec<String> {
    let resource = ApiResource::erase::<TopicEncryptionPolicy>(&());
    let api = Api::namespaced_with(watched(events), "kafka", &resource);
    let mut keys = referring(api, watcher::Config::default());
    let mut names = Vec::new();
    while let Ok(Some(key)) = timeout(Duration::from_secs(5), keys.next()).await {
        assert_eq!(key.namespace, "kafka");
        names.push(key.name);
    }
    names
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_names_another_cluster_is_told_to_both() {
    let events =
        [event("ADDED", Some("old")), event("MODIFIED", Some("new")), event("MODIFIED", Some("new"))];
    assert_eq!(told(&events).await, ["old", "old", "new", "new"]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_goes_or_names_no_cluster_any_more_is_told_to_the_last() {
    assert_eq!(told(&[event("ADDED", Some("a")), event("DELETED", Some("a"))]).await, ["a", "a"]);
    assert_eq!(told(&[event("ADDED", Some("a")), event("MODIFIED", None)]).await, ["a", "a"]);
    assert_eq!(told(&[event("ADDED", Some("a")), event("DELETED", Some("b"))]).await, ["a", "a", "b"]);
    assert_eq!(told(&[event("ADDED", None)]).await, [""; 0]);
}

#[tokio::test]
async fn objects_of_strimzi_concern_the_cluster_of_their_label_alone() {
    let pool = |cluster: Option<&str>| -> Metadata {
        let labels = cluster.map(|name| json!({STRIMZI_CLUSTER_LABEL: name, KAFKA_LABEL: "my-cluster"}));
        let metadata = json!({"name": "my-cluster", "namespace": "kafka", "labels": labels});
        serde_json::from_value(
            json!({"apiVersion": "v1", "kind": "PartialObjectMetadata", "metadata": metadata}),
        )
        .unwrap()
    };
    let pools = stream::iter([pool(Some("another")), pool(None), pool(Some("third"))]).boxed();
    let keys: Vec<_> = by_label(pools, STRIMZI_CLUSTER_LABEL).map(|key| key.to_string()).collect().await;
    assert_eq!(keys, ["kafka/another", "kafka/third"]);
}
