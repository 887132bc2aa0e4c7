use std::convert::Infallible;
use std::time::Duration;

use axum::http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::{Fence, GOOD_FOR, Watchdog};
use crate::controller::fixtures::{api_server::ApiServer, settings};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/operators/leases";

fn watchdog(client: Client) -> Watchdog {
    Watchdog::new(client, &settings(&["--lease-name", "the-lease", "--pod-name", "this"]), Fence::default())
}

fn lease(server: &ApiServer, holder: &str, age: i64) {
    let renewed = Timestamp::now() - SignedDuration::from_secs(age);
    server.put(
        LEASES,
        &json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "the-lease", "namespace": "operators"},
            "spec": {"holderIdentity": holder, "renewTime": renewed.to_string(), "leaseDurationSeconds": 15},
        }),
    );
}

/// After how long it ends; `None` if that takes longer than any Lease.
async fn ends(client: Client) -> Option<Duration> {
    let begin = Instant::now();
    let ended = timeout(Duration::from_mins(1), watchdog(client).ended()).await;
    ended.ok().map(|()| begin.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_renewed_is_held() {
    let server = ApiServer::default();
    lease(&server, "this", 0);
    assert_eq!(ends(server.client()).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_another_holds_is_lost_at_once() {
    let server = ApiServer::default();
    lease(&server, "another", 0);
    assert!(ends(server.client()).await.is_some_and(|after| after < Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_no_longer_renewed_is_lost_before_another_may_take_it() {
    let server = ApiServer::default();
    lease(&server, "this", 14);
    assert!(ends(server.client()).await.is_some_and(|after| after < Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_somebody_deleted_is_lost_before_it_would_end() {
    assert_eq!(ends(ApiServer::default().client()).await, Some(GOOD_FOR));
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_answer_leaves_nobody_sure_of_a_lease() {
    let silent =
        tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
    assert_eq!(ends(Client::new(silent, "operators")).await, Some(GOOD_FOR));
    assert!(GOOD_FOR < Duration::from_secs(super::DURATION_SECONDS));
}
