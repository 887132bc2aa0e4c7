//! A pass that ends early is told on the resources that it was for.

use axum::http::Method;

use super::{CORE, POLICY, PROXY, STRIMZI, World, has};
use crate::controller::fixtures::{RULE, policy, proxy};
use crate::controller::reconcile::Error;

const FORBIDDEN: &str =
    "kafkas.kafka.strimzi.io \"my-cluster\" is forbidden: User \"o\" cannot get resource \"kafkas\"";

#[tokio::test]
async fn what_the_operator_may_not_read_is_told_on_policies_and_proxies() {
    let world = World::with_policy().await;
    world.proxy(&proxy("proxies", "{}"));
    world.server.refuse(Method::GET, "/kafkas/my-cluster", 403, FORBIDDEN);
    world.try_pass().await.unwrap_err();
    for path in [POLICY, PROXY] {
        assert_eq!(world.condition(path, "Accepted").0, "Unknown ReadFailed");
        for kind in ["Programmed", "Ready"] {
            let (brief, message) = world.condition(path, kind);
            assert_eq!(brief, "False ReadFailed");
            assert!(
                message.contains("cannot get resource") && message.contains("watchNamespaces"),
                "{message}"
            );
        }
        assert_eq!(world.condition(path, "Reconciling").0, "True ReadFailed");
    }
    assert_eq!(world.server.get(POLICY).unwrap()["status"]["observedGeneration"], 1);

    world.server.writes();
    world.try_pass().await.unwrap_err();
    assert!(!has(&world.server.writes(), "/status"), "nothing but time has passed");
    world.server.relent();
    world.pass().await;
    assert_eq!(world.ready(POLICY), "False Reconciling", "no pod runs here");
}

#[tokio::test]
async fn what_was_found_out_before_stays_with_its_generation() {
    let world = World::with_policy().await;
    world.pass().await;
    let mut edited = policy(RULE);
    edited.metadata.generation = Some(2);
    edited.status = serde_json::from_value(world.server.get(POLICY).unwrap()["status"].clone()).unwrap();
    world.policy(&edited);
    world.server.refuse(Method::GET, "/kafkanodepools", 403, FORBIDDEN);
    world.try_pass().await.unwrap_err();
    let status = world.server.get(POLICY).unwrap()["status"].clone();
    let generation = |kind: &str| {
        let all = status["conditions"].as_array().unwrap();
        all.iter().find(|each| each["type"] == kind).unwrap()["observedGeneration"].clone()
    };
    assert_eq!(world.condition(POLICY, "Accepted").0, "True Accepted");
    assert_eq!((generation("Accepted"), generation("Ready")), (1.into(), 2.into()));
    assert_eq!(status["observedGeneration"], 2);
}

#[tokio::test]
async fn an_object_that_is_refused_is_told_with_what_to_do() {
    let cases = [
        (403, "pods is forbidden: exceeded quota: small", "raise the quota"),
        (400, "admission webhook \"w\" denied the request: no", "an admission policy refuses it"),
        (422, "spec.template is invalid", "correct template"),
    ];
    for (code, words, advice) in cases {
        let world = World::with_policy().await;
        world.server.refuse(Method::PATCH, "/deployments/my-cluster-encryption", code, words);
        world.try_pass().await.unwrap_err();
        let (brief, message) = world.condition(POLICY, "Ready");
        assert_eq!(brief, "False ApplyFailed");
        assert!(message.contains(words) && message.contains(advice), "{message}");
        assert_eq!(world.condition(POLICY, "Accepted").0, "True Accepted", "that much is known");
        assert_eq!(world.condition(POLICY, "Reconciling").0, "True ApplyFailed");
    }
}

#[tokio::test]
async fn a_missing_cert_manager_is_named() {
    let world = World::with_policy().await;
    world.proxy(&proxy("proxies", "{tls: {issuerRef: {name: ours}}}"));
    let certificate = "/certificates/my-cluster-encryption-tls";
    world.server.refuse(Method::PATCH, certificate, 404, "the server could not find the requested resource");
    world.try_pass().await.unwrap_err();
    for path in [POLICY, PROXY] {
        let message = world.condition(path, "Programmed").1;
        assert!(message.contains("install cert-manager"), "{message}");
    }
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_told_without_its_content() {
    let world = World::with_policy().await;
    world.pass().await;
    let path = format!("{CORE}/secrets/my-cluster-encryption-ca");
    let mut secret = world.server.get(&path).unwrap();
    secret["data"]["ca.key"] = "dG9wIHNlY3JldA==".into();
    world.server.put(&format!("{CORE}/secrets"), &secret);
    world.try_pass().await.unwrap_err();
    let (brief, message) = world.condition(POLICY, "Ready");
    assert_eq!(brief, "False CertificatesFailed");
    assert!(message.contains("ca.key") && message.contains("restore it"), "{message}");
    assert!(!message.contains("top secret") && !message.contains("dG9w"), "{message}");
}

#[tokio::test]
async fn trouble_with_certificates_keeps_no_policy_from_proxies() {
    let world = World::with_policy().await;
    world.pass().await;
    let path = format!("{CORE}/secrets/my-cluster-encryption-ca");
    let mut secret = world.server.get(&path).unwrap();
    secret["data"]["ca.key"] = "bm8ga2V5".into();
    world.server.put(&format!("{CORE}/secrets"), &secret);
    world.policy(&policy("[{topics: [{prefix: refunds.}], key: {name: refunds}}]"));
    let error = world.try_pass().await.unwrap_err();
    assert!(matches!(error, Error::Certificates(_)), "{error}");
    assert!(world.ledger().contains("prefix: refunds."), "{}", world.ledger());
    assert!(world.told().contains("prefix: refunds."), "{}", world.told());
    assert!(world.server.get(&format!("{CORE}/configmaps/my-cluster-encryption-ca-cert")).is_some());
    assert_eq!(world.condition(POLICY, "Programmed").0, "False CertificatesFailed");
}

#[tokio::test]
async fn a_conflict_turns_only_what_was_told_nothing_yet() {
    let world = World::with_policy().await;
    world.server.refuse(Method::PATCH, "/deployments/my-cluster-encryption", 409, "it has been modified");
    world.try_pass().await.unwrap_err();
    assert_eq!(world.ready(POLICY), "False ApplyFailed", "a new policy is told something in any case");

    let world = World::with_policy().await;
    world.pass().await;
    let before = world.condition(POLICY, "Ready");
    world.server.refuse(Method::PATCH, "/deployments/my-cluster-encryption", 409, "it has been modified");
    world.try_pass().await.unwrap_err();
    assert_eq!(world.condition(POLICY, "Ready"), before);
    for _ in 0..3 {
        world.context.memory.failed(&crate::controller::fixtures::key());
    }
    world.try_pass().await.unwrap_err();
    assert_eq!(world.ready(POLICY), "False ApplyFailed", "it does not pass by itself");
}

#[tokio::test]
async fn a_pause_is_left_in_peace() {
    let world = World::with_policy().await;
    let mut paused = policy(RULE);
    let pause = ("encryption.strimzi.io/pause-reconciliation".to_owned(), "true".to_owned());
    paused.metadata.annotations = Some([pause].into());
    world.policy(&paused);
    world.pass().await;
    let before = world.condition(POLICY, "Ready");
    assert_eq!(before.0, "Unknown ReconciliationPaused");
    world.server.refuse(Method::GET, "/kafkas/my-cluster", 403, FORBIDDEN);
    world.try_pass().await.unwrap_err();
    assert_eq!(world.condition(POLICY, "Ready"), before);
}

#[tokio::test]
async fn kafka_that_comes_later_is_waited_for() {
    let world = World::with_policy().await;
    let path = format!("{STRIMZI}/kafkas/my-cluster");
    let kafka = world.server.get(&path).unwrap();
    world.server.remove(&path);
    world.pass().await;
    assert_eq!(world.condition(POLICY, "Reconciling").0, "True TargetNotFound");
    world.server.put(&format!("{STRIMZI}/kafkas"), &kafka);
    world.pass().await;
    assert_eq!(world.condition(POLICY, "Accepted").0, "True Accepted");
}
