use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::*;
use crate::controller::fixtures::api_server::ApiServer;

const ALL: [&str; 4] = ["kafkas", "kafkanodepools", "kafkatopics", "kafkausers"];

fn versions(api: &StrimziApi) -> Option<(String, Option<String>)> {
    let now = api.now()?;
    Some((now.kafka.version.clone(), now.user.as_ref().map(|user| user.version.clone())))
}

async fn looked(server: &ApiServer) -> StrimziApi {
    let api = StrimziApi::look(server.client());
    api.look_again().await;
    api
}

#[tokio::test]
async fn each_kind_is_used_in_the_best_version_that_serves_it() {
    let server = ApiServer::default();
    server.serve(&[("v1beta2", &ALL), ("v1", &["kafkas", "kafkanodepools"])]);
    let api = looked(&server).await;
    assert_eq!(versions(&api), Some(("v1".to_owned(), Some("v1beta2".to_owned()))));
    server.serve(&[("v1", &["kafkas"])]);
    api.look_again().await;
    assert_eq!(versions(&api), Some(("v1".to_owned(), None)));
}

#[tokio::test]
async fn without_the_kind_kafka_strimzi_is_not_installed() {
    let server = ApiServer::default();
    server.serve(&[("v1", &["kafkausers"])]);
    let api = looked(&server).await;
    assert_eq!(versions(&api), None);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_missing_is_waited_for() {
    let server = ApiServer::default();
    server.serve(&[("v1", &["kafkas", "kafkanodepools", "kafkatopics"])]);
    let api = looked(&server).await;
    let mut changes = api.changes();
    changes.mark_unchanged();
    server.serve(&[("v1", &ALL)]);
    timeout(AGAIN * 2, changes.changed()).await.expect("it is found").unwrap();
    assert_eq!(versions(&api), Some(("v1".to_owned(), Some("v1".to_owned()))));
}

#[tokio::test(start_paused = true)]
async fn doubt_has_it_looked_for_at_once() {
    let server = ApiServer::default();
    server.serve(&[("v1beta2", &ALL)]);
    let api = looked(&server).await;
    tokio::time::sleep(AGAIN * 2).await;
    let mut changes = api.changes();
    server.serve(&[("v1", &ALL)]);
    let began = Instant::now();
    api.doubt();
    changes.changed().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(versions(&api), Some(("v1".to_owned(), Some("v1".to_owned()))));
}
