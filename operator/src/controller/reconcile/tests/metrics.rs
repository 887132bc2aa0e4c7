//! What a pass leaves in metrics.

use axum::http::Method;
use prometheus_client::encoding::text::encode;

use super::{OURS, POLICY, World};
use crate::controller::fixtures::{RULE, key, policy, proxy};

impl World {
    /// All metrics as they are scraped.
    pub(super) fn scraped(&self) -> String {
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
async fn resources_are_counted_by_kind_and_so_are_those_that_are_paused() {
    let world = World::with_policy().await;
    world.proxy(&proxy("proxies", "{}"));
    world.pass().await;
    let labels = |kind: &str| format!(r#"kind="{kind}",namespace="kafka",selector="""#);
    for kind in ["TopicEncryptionPolicy", "EncryptionProxy"] {
        assert_has(&world.scraped(), "resources", &labels(kind), "1");
        assert_has(&world.scraped(), "resources_paused", &labels(kind), "0");
    }
    let mut paused = policy(RULE);
    let pause = ("encryption.strimzi.io/pause-reconciliation".to_owned(), "true".to_owned());
    paused.metadata.annotations = Some([pause].into());
    world.policy(&paused);
    world.pass().await;
    assert_has(&world.scraped(), "resources_paused", &labels("TopicEncryptionPolicy"), "1");
    assert_has(&world.scraped(), "resources_paused", &labels("EncryptionProxy"), "0");
}

#[tokio::test]
async fn passes_are_counted_with_what_the_operator_selects() {
    let world = World::started_with(&["--selector", "team=a"]).await;
    let labels = r#"kind="Kafka",namespace="kafka",selector="team=a""#;
    for passes in ["1", "2"] {
        world.pass().await;
        let text = world.scraped();
        for name in [
            "reconciliations_total",
            "reconciliations_successful_total",
            "reconciliations_duration_seconds_count",
        ] {
            assert_has(&text, name, labels, passes);
        }
        assert!(!text.contains("reconciliations_failed_total{"), "{text}");
    }
}

#[tokio::test]
async fn a_pass_that_runs_is_told_with_its_start_until_it_ends() {
    let world = World::new().await;
    let place = r#"reconciliations_in_progress_start_time_seconds{kind="Kafka",namespace="kafka",name="my-cluster"} "#;
    let since = |text: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("topic_encryption_operator_")?.strip_prefix(place));
        line.map(|seconds| seconds.parse::<i64>().unwrap())
    };
    let earliest = jiff::Timestamp::now().as_second();
    let run = world.context.metrics.begin(&key());
    assert!(since(&world.scraped()).is_some_and(|seconds| seconds >= earliest), "{}", world.scraped());
    run.end(None);
    assert_eq!(since(&world.scraped()), None);
    world.pass().await;
    assert_eq!(since(&world.scraped()), None);
}

#[tokio::test]
async fn failures_are_told_by_kind_namespace_and_reason() {
    let world = World::with_policy().await;
    world.server.refuse(Method::GET, "/kafkas/my-cluster", 403, "forbidden");
    world.try_pass().await.unwrap_err();
    let labels = r#"kind="Kafka",namespace="kafka",selector="""#;
    let text = world.scraped();
    let reason = format!("{labels},reason=\"ReadFailed\"");
    assert_has(&text, "reconciliations_failed_total", &reason, "1");
    assert_has(&text, "reconciliations_duration_seconds_count", labels, "1");
    assert_has(&text, "reconciliations_total", labels, "1");
    assert!(!text.contains("reconciliations_successful_total{"), "{text}");
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
    assert!(!text.contains("my-cluster") && !text.contains("resources{"), "{text}");
}

#[tokio::test]
async fn certificates_of_others_have_no_metric() {
    let world = World::with_policy().await;
    world.pass().await;
    let own = proxy("proxies", "{tls: {secretRef: {name: mine}}}");
    world.put(OURS, "encryptionproxies", &own);
    world.pass().await;
    assert!(!world.scraped().contains("certificate_expiration_timestamp_seconds{"), "{}", world.scraped());
}
