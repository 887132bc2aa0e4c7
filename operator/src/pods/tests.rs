//! Which pods are asked, and where they lead the operator.

use axum::Router;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use serde_json::{Value, json};

use super::admin_port::get as get_from;
use super::*;
use crate::controller::{ADMIN_PORT, CONTAINER};

fn pod(owner: &Value) -> Pod {
    let pod = json!({
        "metadata": {"name": "a", "ownerReferences": owner},
        "status": {
            "phase": "Running", "podIP": "127.0.0.1",
            "containerStatuses": [{
                "name": CONTAINER, "ready": true, "restartCount": 0, "image": "", "imageID": "",
                "state": {"running": {}},
            }],
        },
    });
    serde_json::from_value(pod).unwrap()
}

fn owner(kind: &str, name: &str, controller: bool) -> Value {
    json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": controller}])
}

fn key() -> KafkaKey {
    KafkaKey { namespace: "kafka".to_owned(), name: "my-cluster".to_owned() }
}

/// Where a router listens.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A proxy that has no more to say than it must.
fn proxy() -> Router {
    Router::new()
        .route("/policy", get(|| async { r#"{"hash": "h"}"# }))
        .route("/keys", get(|| async { "[]" }))
        .route("/readyz", get(|| async { "" }))
}

#[test]
fn only_pods_of_the_deployment_are_ours() {
    assert!(is_ours(&pod(&owner("ReplicaSet", "my-cluster-encryption-5d9f7c", true)), &key()));
    for other in [
        json!(null),
        owner("ReplicaSet", "my-cluster-encryption-5d9f7c", false),
        owner("ReplicaSet", "my-cluster-encryption", true),
        owner("ReplicaSet", "my-cluster-encryption-two-5d9f7c", true),
        owner("ReplicaSet", "other-5d9f7c", true),
        owner("StatefulSet", "my-cluster-encryption-5d9f7c", true),
    ] {
        assert!(!is_ours(&pod(&other), &key()), "{other}");
    }
}

#[test]
fn pods_are_asked_by_addresses_of_either_family() {
    for (address, expected) in [("10.244.0.7", "10.244.0.7"), ("fd00:10:244::7", "[fd00:10:244::7]")] {
        let url = reqwest::Url::parse(&base(address)).unwrap();
        assert_eq!((url.host_str(), url.port()), (Some(expected), Some(ADMIN_PORT)));
    }
}

#[tokio::test]
async fn a_pod_that_is_not_ours_counts_but_is_not_asked() {
    let proxies = ask(&client(), &[pod(&json!(null))], &key()).await;
    assert!(proxies[0].counts());
    assert!(proxies[0].report.as_ref().unwrap_err().contains("no pod of its Deployment"));
}

#[tokio::test]
async fn a_pod_sends_the_operator_nowhere_else() {
    let router = Router::new()
        .route("/policy", get(|| async { Redirect::temporary("/elsewhere") }))
        .route("/elsewhere", get(|| async { "asked" }));
    let (status, text) = get_from(&client(), &format!("{}/policy", serve(router).await)).await.unwrap();
    assert!(status.is_redirection() && text.is_empty(), "{status} {text}");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_told_so() {
    let router = Router::new().route("/policy", get(|| async { " ".repeat((4 << 20) + 1) }));
    let answer = report(&client(), &serve(router).await).await;
    assert_eq!(answer.unwrap_err(), "its answer has more than 4 MiB");
    let longest = Router::new().route("/policy", get(|| async { " ".repeat(4 << 20) }));
    let (_, text) = get_from(&client(), &format!("{}/policy", serve(longest).await)).await.unwrap();
    assert_eq!(text.len(), 4 << 20);
}

#[tokio::test]
async fn a_proxy_without_histories_tells_of_none() {
    let told = report(&client(), &serve(proxy()).await).await.unwrap();
    assert_eq!(told, Report { policy: Some("h".to_owned()), ..Report::default() });
}

#[tokio::test]
async fn histories_that_cannot_be_had_are_not_taken_for_none() {
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    for (history, why) in [
        (get(move || async move { unavailable }), "it answers 503 Service Unavailable"),
        (get(|| async { "[" }), "its answer is not what this version of the operator knows"),
        (get(std::future::pending::<()>), "its admin port does not answer"),
    ] {
        let told = report(&client(), &serve(proxy().route("/history", history)).await).await;
        assert_eq!(told.unwrap_err(), why);
    }
}
