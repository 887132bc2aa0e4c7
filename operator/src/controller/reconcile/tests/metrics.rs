//! What a pass leaves in metrics.

use axum::http::Method;
use prometheus_client::encoding::text::encode;

use super::{OURS, POLICY, World};
use crate::controller::fixtures::{RULE, policy};

const CLUSTER: &str = r#"namespace="kafka",kafka="my-cluster""#;

impl World {
    /// All metrics as they are scraped.
    fn scraped(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        text
    }
}

fn assert_has(text: &str, name: &str, labels: &str, value: &str) {
    let line = format!("topic_encryption_operator_{name}{{{labels}}} {value}");
    assert!(text.lines().any(|each| each == line), "no {line} in:\n{text}");
}

#[tokio::test]
async fn paused_resources_are_counted() {
    let world = World::with_policy().await;
    world.pass().await;
    assert_has(&world.scraped(), "resources_paused", CLUSTER, "0");
    let mut paused = policy(RULE);
    let pause = ("encryption.strimzi.io/pause-reconciliation".to_owned(), "true".to_owned());
    paused.metadata.annotations = Some([pause].into());
    world.policy(&paused);
    world.pass().await;
    assert_has(&world.scraped(), "resources_paused", CLUSTER, "1");
}

#[tokio::test]
async fn failures_are_told_by_kind_namespace_and_reason() {
    let world = World::with_policy().await;
    world.server.refuse(Method::GET, "/kafkas/my-cluster", 403, "forbidden");
    world.try_pass().await.unwrap_err();
    let labels = r#"kind="Kafka",namespace="kafka""#;
    let text = world.scraped();
    let reason = format!("{labels},reason=\"ReadFailed\"");
    assert_has(&text, "reconciliations_failed_total", &reason, "1");
    assert_has(&text, "reconciliation_duration_seconds_count", labels, "1");
}

#[tokio::test]
async fn nothing_is_told_of_a_cluster_that_is_gone() {
    let world = World::with_policy().await;
    world.pass().await;
    let certificate =
        r#"certificate_expiration_timestamp_seconds{namespace="kafka",kafka="my-cluster",type="server"}"#;
    assert!(world.scraped().contains(certificate), "{}", world.scraped());
    world.server.remove(POLICY);
    world.server.remove("/api/v1/namespaces/kafka/configmaps/my-cluster-encryption-config");
    world.pass().await;
    let text = world.scraped();
    assert!(!text.contains("my-cluster"), "{text}");
}

#[tokio::test]
async fn certificates_of_others_have_no_metric() {
    let world = World::with_policy().await;
    world.pass().await;
    let own = crate::controller::fixtures::proxy("proxies", "{tls: {secretRef: {name: mine}}}");
    world.put(OURS, "encryptionproxies", &own);
    world.pass().await;
    assert!(!world.scraped().contains("certificate_expiration_timestamp_seconds{"), "{}", world.scraped());
}
