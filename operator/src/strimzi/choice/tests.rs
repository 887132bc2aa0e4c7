use serde_json::json;

use super::super::fixtures::kafka;
use super::*;

fn chosen(kafka: &Kafka, wanted: Option<&str>, user: Option<UserAuth>) -> String {
    resolve_listener(kafka, wanted, user, None)
        .map_or_else(|problem| problem.reason().to_owned(), |found| found.name)
}

fn said(kafka: &Kafka, wanted: Option<&str>, user: Option<UserAuth>) -> String {
    resolve_listener(kafka, wanted, user, None).unwrap_err().to_string()
}

#[test]
fn a_named_listener_is_taken_with_its_properties() {
    let found = resolve_listener(&kafka(&[]), Some("clusterip"), None, None).unwrap();
    assert_eq!((found.port, found.reach, found.tls), (9096, Reach::Services, true));
    assert_eq!(chosen(&kafka(&[]), Some("plain"), None), "plain");
}

#[test]
fn a_name_that_is_not_in_the_spec_is_reported_with_the_candidates() {
    let kafka = kafka(&[]);
    assert_eq!(chosen(&kafka, Some("tsl"), None), "ListenerNotFound");
    assert_eq!(
        said(&kafka, Some("tsl"), None),
        "Kafka my-cluster has no listener tsl; set listenerName to one of: clusterip, plain, tls"
    );
}

#[test]
fn in_spec_but_not_yet_in_status_is_another_problem_and_still_tells_the_listener() {
    let new = json!({"name": "new", "port": 9099, "type": "internal", "tls": true});
    let kafka = kafka(&[("/spec/kafka/listeners/-", new)]);
    let problem = resolve_listener(&kafka, Some("new"), None, None).unwrap_err();
    assert_eq!(problem.reason(), "ListenerNotReady");
    assert!(problem.to_string().starts_with("listener new of Kafka my-cluster is not in its status; wait "));
    assert_eq!(problem.into_listener().unwrap().port, 9099);
}

#[test]
fn the_choice_stays_when_all_listeners_vanish_from_status() {
    let before = resolve_listener(&kafka(&[]), None, None, None).unwrap();
    let paused = kafka(&[("/status/listeners", json!(null))]);
    let after = resolve_listener(&paused, None, None, None).unwrap_err();
    assert_eq!(after.into_listener(), Ok(before));
}

#[test]
fn an_entry_without_addresses_is_not_in_status() {
    let kafka = kafka(&[("/status/listeners/1/bootstrapServers", json!(null))]);
    assert_eq!(chosen(&kafka, Some("tls"), None), "ListenerNotReady");
}

#[test]
fn by_default_tls_without_client_certificates_inside_the_cluster_is_preferred() {
    assert_eq!(chosen(&kafka(&[]), None, None), "tls");
}

#[test]
fn by_default_internal_comes_before_cluster_ip_and_then_the_alphabet_decides() {
    let secured = kafka(&[
        ("/spec/kafka/listeners/0/tls", json!(true)),
        ("/spec/kafka/listeners/3/name", json!("aaa")),
        ("/status/listeners/3/name", json!("aaa")),
    ]);
    assert_eq!(chosen(&secured, None, None), "plain");
    let no_sasl = kafka(&[("/spec/kafka/listeners/1/authentication", json!({"type": "tls"}))]);
    assert_eq!(chosen(&no_sasl, None, None), "clusterip");
}

#[test]
fn by_default_a_clear_listener_is_taken_only_where_none_has_tls() {
    let tls = json!({"type": "tls"});
    let kafka = kafka(&[
        ("/spec/kafka/listeners/1/authentication", tls.clone()),
        ("/spec/kafka/listeners/3/authentication", tls),
    ]);
    assert_eq!(chosen(&kafka, None, None), "plain");
}

/// With a new listener that comes before all others in the alphabet.
fn with_another() -> Kafka {
    let new = json!({"name": "aaa", "port": 9099, "type": "internal", "tls": true});
    kafka(&[("/spec/kafka/listeners/-", new)])
}

#[test]
fn by_default_the_listener_in_use_is_kept_whatever_comes_beside_it() {
    let port = |port| resolve_listener(&with_another(), None, None, Some(port)).unwrap().port;
    assert_eq!(port(9093), 9093);
    assert_eq!(port(9092), 9092);
    let named = resolve_listener(&with_another(), Some("plain"), None, Some(9093)).unwrap();
    assert_eq!(named.name, "plain");
}

#[test]
fn a_listener_in_use_that_is_gone_or_fits_no_more_is_not_kept() {
    let gone = resolve_listener(&kafka(&[]), None, None, Some(9099)).unwrap();
    assert_eq!(gone.name, "tls");
    let user = resolve_listener(&kafka(&[]), None, Some(UserAuth::Tls), Some(9093)).unwrap();
    assert_eq!(user.name, "mtls");
}

#[test]
fn the_status_has_no_part_in_the_choice() {
    assert_eq!(chosen(&with_another(), None, None), "ListenerNotReady");
    for listeners in [json!([]), json!([{"name": "plain", "bootstrapServers": "a:9092"}])] {
        let kafka = kafka(&[("/status/listeners", listeners)]);
        let problem = resolve_listener(&kafka, None, None, None).unwrap_err();
        assert_eq!(problem.into_listener().unwrap().name, "tls");
    }
}

#[test]
fn client_certificates_cannot_pass_a_proxy() {
    let kafka = kafka(&[]);
    assert_eq!(chosen(&kafka, Some("mtls"), None), "ListenerAuthentication");
    assert_eq!(
        said(&kafka, Some("mtls"), None),
        "listener mtls has authentication tls, and the certificate of a client cannot pass a proxy; use a listener \
         with SASL or without authentication, or give the EncryptionProxy a KafkaUser (authentication.kafkaUserRef) \
         as whom the proxies connect; set listenerName to one of: clusterip, plain, tls"
    );
}

#[test]
fn custom_authentication_that_demands_client_certificates_is_no_better() {
    let demand = json!({"type": "custom", "sasl": true, "listenerConfig": {"ssl.client.auth": "required"}});
    let kafka = kafka(&[("/spec/kafka/listeners/3/authentication", demand)]);
    assert_eq!(chosen(&kafka, Some("clusterip"), None), "ListenerAuthentication");
}

#[test]
fn authentication_of_an_unknown_kind_is_taken_only_when_named() {
    let unknown = json!({"type": "telepathy"});
    let kafka = kafka(&[("/spec/kafka/listeners/1/authentication", unknown)]);
    assert_eq!(chosen(&kafka, Some("tls"), None), "tls");
    assert_eq!(chosen(&kafka, None, None), "clusterip");
}

#[test]
fn a_kafka_user_decides_the_authentication() {
    let kafka = kafka(&[]);
    assert_eq!(chosen(&kafka, None, Some(UserAuth::Tls)), "mtls");
    assert_eq!(chosen(&kafka, None, Some(UserAuth::TlsExternal)), "mtls");
    assert_eq!(chosen(&kafka, None, Some(UserAuth::ScramSha512)), "tls");
    assert_eq!(chosen(&kafka, Some("clusterip"), Some(UserAuth::ScramSha512)), "clusterip");
}

#[test]
fn a_named_listener_with_other_authentication_than_the_user_is_refused() {
    assert_eq!(
        said(&kafka(&[]), Some("tls"), Some(UserAuth::Tls)),
        "listener tls has authentication scram-sha-512, but the KafkaUser of the EncryptionProxy has tls; \
         set listenerName to one of: mtls"
    );
    assert_eq!(chosen(&kafka(&[]), Some("plain"), Some(UserAuth::ScramSha512)), "ListenerAuthentication");
}

#[test]
fn no_listener_that_fits_is_reported_with_what_there_is() {
    let only = json!([{"name": "mtls", "port": 9095, "type": "internal", "tls": true, "authentication": {"type": "tls"}}]);
    let kafka = kafka(&[("/spec/kafka/listeners", only)]);
    assert_eq!(chosen(&kafka, None, None), "ListenerAuthentication");
    let clients = said(&kafka, None, None);
    assert!(
        clients.contains("which certificates cannot pass") && clients.ends_with("it has: mtls (tls)"),
        "{clients}"
    );
    let user = said(&kafka, None, Some(UserAuth::ScramSha512));
    assert!(user.contains("suits the KafkaUser") && user.ends_with("it has: mtls (tls)"), "{user}");
}

#[test]
fn no_internal_listener_is_reported_with_the_types() {
    let only = json!([{"name": "external", "port": 9094, "type": "route", "tls": true}]);
    let kafka = kafka(&[("/spec/kafka/listeners", only)]);
    assert_eq!(chosen(&kafka, None, None), "NoInternalListener");
    assert_eq!(
        said(&kafka, None, None),
        "Kafka my-cluster has no listener of type internal or cluster-ip, only: external (route); \
         add one of type internal with tls: true for the proxies"
    );
}

#[test]
fn a_named_listener_that_leads_outside_is_unsupported() {
    let kafka = kafka(&[]);
    assert_eq!(chosen(&kafka, Some("external"), None), "ListenerTypeUnsupported");
    assert_eq!(
        said(&kafka, Some("external"), None),
        "listener external is of type loadbalancer, and the proxies connect to types internal and cluster-ip only; \
         set listenerName to one of: clusterip, plain, tls"
    );
}
