use serde_json::json;

use super::super::fixtures::{Edits, kafka};
use super::*;

const ANNOTATION: &str = "/metadata/annotations/strimzi.io~1internal-cluster-security";

fn found(edits: Edits<'_>) -> Option<(AnonymousCause, Vec<String>)> {
    anonymous_super_user(&kafka(edits)).map(|found| (found.cause, found.listeners))
}

#[test]
fn a_cluster_with_its_defaults_has_no_anonymous_super_user() {
    assert_eq!(found(&[]), None);
}

#[test]
fn brokers_that_do_not_authenticate_each_other_make_everyone_a_super_user() {
    let expected = Some((AnonymousCause::InternalSecurity, vec!["plain".to_owned()]));
    let status = ("/status/clusterSecurity/authentication", json!({"type": "none"}));
    assert_eq!(found(std::slice::from_ref(&status)), expected);
    let wanted = json!(r#"{"encryption": {"type": "strimzi-tls"}, "authentication": {"type": "none"}}"#);
    assert_eq!(found(&[(ANNOTATION, wanted)]), expected);
    assert_eq!(found(&[status, ("/spec/kafka/authorization", json!(null))]), None);
}

#[test]
fn clear_text_inside_alone_makes_nobody_a_super_user() {
    assert_eq!(found(&[("/status/clusterSecurity/encryption", json!({"type": "none"}))]), None);
}

#[test]
fn security_of_an_unknown_shape_says_nothing() {
    for shape in
        [json!("none"), json!({"authentication": "none"}), json!({"authentication": {"type": ["none"]}})]
    {
        assert_eq!(found(&[("/status/clusterSecurity", shape.clone())]), None);
        assert_eq!(found(&[(ANNOTATION, json!(shape.to_string()))]), None);
    }
    assert_eq!(found(&[(ANNOTATION, json!("{none"))]), None);
}

#[test]
fn anonymous_may_be_a_super_user_by_name() {
    for name in ["ANONYMOUS", "User:ANONYMOUS"] {
        let expected = Some((AnonymousCause::SuperUsers, vec!["plain".to_owned()]));
        assert_eq!(found(&[("/spec/kafka/authorization/superUsers/-", json!(name))]), expected);
    }
}

#[test]
fn without_a_listener_that_lets_anybody_in_there_is_nothing_to_warn_of() {
    let named = ("/spec/kafka/authorization/superUsers", json!(["ANONYMOUS"]));
    let closed = ("/spec/kafka/listeners/0/authentication", json!({"type": "scram-sha-512"}));
    assert_eq!(found(&[named, closed]), None);
}

#[test]
fn the_warning_says_why_and_what_to_do() {
    let kafka = kafka(&[("/spec/kafka/authorization/superUsers", json!(["ANONYMOUS"]))]);
    assert_eq!(
        anonymous_super_user(&kafka).unwrap().to_string(),
        "ANONYMOUS is a super user because superUsers of the Kafka resource has it, and so is every client of the \
         listeners without authentication: plain; take it out, or give these listeners authentication"
    );
}
