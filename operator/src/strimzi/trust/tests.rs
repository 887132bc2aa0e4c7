use serde_json::{Value, json};

use super::super::fixtures::{kafka, listener};
use super::*;

const PEM: &str = "-----BEGIN CERTIFICATE-----\nb3Vycw==\n-----END CERTIFICATE-----";

fn own_certificate() -> (&'static str, Value) {
    let pair = json!({"secretName": "mine", "certificate": "tls.crt", "key": "tls.key"});
    ("/spec/kafka/listeners/1/configuration", json!({"brokerCertChainAndKey": pair}))
}

#[test]
fn trust_is_the_secret_with_the_authority_of_the_cluster() {
    let kafka = kafka(&[]);
    let expected = Trust::Secret { name: "my-cluster-cluster-ca-cert".into() };
    assert_eq!(trust(&kafka, &listener(&kafka, "tls")), Ok(Some(expected)));
}

#[test]
fn trust_in_the_authority_of_the_cluster_needs_no_status() {
    let kafka = kafka(&[("/status", json!(null))]);
    assert!(matches!(trust(&kafka, &listener(&kafka, "tls")), Ok(Some(Trust::Secret { .. }))));
}

#[test]
fn a_listener_with_its_own_certificate_is_trusted_by_what_strimzi_reports() {
    let kafka = kafka(&[own_certificate(), ("/status/listeners/1/certificates", json!([PEM, PEM]))]);
    let pem = format!("{PEM}\n{PEM}\n");
    assert_eq!(trust(&kafka, &listener(&kafka, "tls")), Ok(Some(Trust::Certificates { pem })));
}

#[test]
fn a_certificate_that_is_not_reported_is_never_replaced_by_another() {
    for certificates in [json!(null), json!([]), json!(["\n"]), json!(["-----BEGIN PRIVATE KEY-----"])] {
        let kafka = kafka(&[own_certificate(), ("/status/listeners/1/certificates", certificates)]);
        let expected = TrustProblem::NotReported { kafka: "my-cluster".into(), listener: "tls".into() };
        assert_eq!(trust(&kafka, &listener(&kafka, "tls")), Err(expected));
    }
}

#[test]
fn nobody_is_trusted_at_a_clear_listener() {
    let kafka = kafka(&[]);
    assert_eq!(trust(&kafka, &listener(&kafka, "plain")), Ok(None));
}
