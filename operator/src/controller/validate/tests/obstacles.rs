//! Every reason for which there is no fleet, in words of the user's own resources.

use kube::core::DynamicObject;
use serde_json::json;

use crate::cluster::KafkaKey;
use crate::controller::dereference::{Malformed, Observed, Strimzi};
use crate::controller::fixtures::{judge, kafka, observed, obstacle, pool, settings, with_proxy};
use crate::controller::validate::{Obstacle, validate};

fn is_target(observed: &Observed) -> bool {
    judge(observed).fleet.as_ref().is_err_and(Obstacle::is_target)
}

fn passes(observed: &Observed) -> bool {
    judge(observed).fleet.as_ref().is_err_and(Obstacle::passes)
}

#[test]
fn there_is_no_such_kafka() {
    let observed = Observed { strimzi: Some(Strimzi::default()), ..observed() };
    assert_eq!(obstacle(&observed).0, "TargetNotFound");
    assert!(is_target(&observed) && passes(&observed));
}

#[test]
fn a_kafka_that_is_being_deleted_gets_nothing_more() {
    let mut observed = observed();
    let kafka = observed.strimzi.as_mut().unwrap().kafka.as_mut().unwrap();
    kafka.metadata.deletion_timestamp = serde_json::from_value(json!("2026-08-20T12:00:00Z")).unwrap();
    let (reason, message) = obstacle(&observed);
    assert_eq!(reason, "TargetNotFound");
    assert!(message.contains("being deleted"), "{message}");
    assert!(is_target(&observed));
}

#[test]
fn strimzi_is_not_installed() {
    let observed = Observed { strimzi: None, ..observed() };
    let (reason, message) = obstacle(&observed);
    assert_eq!(reason, "StrimziNotInstalled");
    assert!(message.contains("install Strimzi"), "{message}");
    assert!(is_target(&observed) && passes(&observed));
}

#[test]
fn a_kafka_of_an_unknown_form_is_named_by_its_field() {
    let mut observed = observed();
    kafka(&mut observed)["spec"]["kafka"]["listeners"] = json!("none");
    let (reason, message) = obstacle(&observed);
    assert_eq!(reason, "KafkaMalformed");
    assert!(message.contains("spec.kafka.listeners"), "{message}");
}

#[test]
fn a_name_from_which_no_names_can_be_made() {
    let key = KafkaKey { namespace: "kafka".to_owned(), name: "k".repeat(41) };
    let obstacle = validate(&key, &observed(), &settings(&[])).fleet.unwrap_err();
    assert_eq!(obstacle.reason(), "NameTooLong");
    assert!(obstacle.is_target() && obstacle.to_string().contains("at most 40"), "{obstacle}");
}

#[test]
fn a_listener_that_kafka_does_not_have() {
    let observed = with_proxy("{listenerName: missing}");
    let (reason, message) = obstacle(&observed);
    assert_eq!(reason, "ListenerNotFound");
    assert!(message.contains("clusterip, plain, tls"), "{message}");
    assert!(!passes(&observed) && !is_target(&observed));
}

#[test]
fn a_listener_that_brokers_do_not_have_yet() {
    let mut observed = observed();
    kafka(&mut observed)["status"]["listeners"] = json!([]);
    assert_eq!(obstacle(&observed).0, "ListenerNotReady");
    assert!(passes(&observed));
}

#[test]
fn a_listener_where_certificates_of_clients_do_not_get_through() {
    let (reason, message) = obstacle(&with_proxy("{listenerName: mtls}"));
    assert_eq!(reason, "ListenerAuthentication");
    assert!(message.contains("kafkaUserRef"), "{message}");
}

#[test]
fn a_certificate_of_the_listener_that_brokers_cannot_be_known_by() {
    let mut observed = observed();
    let pem = rcgen::generate_simple_self_signed(["kafka.example.com".to_owned()]).unwrap().cert.pem();
    let kafka = kafka(&mut observed);
    let pair = json!({"secretName": "own", "certificate": "tls.crt", "key": "tls.key"});
    kafka["spec"]["kafka"]["listeners"][1]["configuration"] = json!({"brokerCertChainAndKey": pair});
    kafka["status"]["listeners"][1]["certificates"] = json!([pem]);
    let (reason, message) = obstacle(&observed);
    assert_eq!(reason, "BrokerCertificateNames");
    assert!(message.contains("*.my-cluster-kafka-brokers.kafka.svc"), "{message}");
    assert!(!passes(&observed) && !is_target(&observed));
}

#[test]
fn a_cluster_without_brokers_yet() {
    let mut observed = observed();
    for index in 0..3 {
        pool(&mut observed, index).data["status"] = json!({});
    }
    assert_eq!(obstacle(&observed).0, "BrokersUnknown");
    assert!(passes(&observed));
}

#[test]
fn pools_that_contradict_each_other_or_are_of_an_unknown_form() {
    let mut contradicting = observed();
    pool(&mut contradicting, 1).data["status"]["nodeIds"] = json!([12]);
    let mut malformed = observed();
    pool(&mut malformed, 1).data["status"]["nodeIds"] = json!("12");
    for observed in [contradicting, malformed] {
        assert_eq!(obstacle(&observed).0, "KafkaNodePoolInvalid");
    }
}

#[test]
fn a_user_that_is_not_there_is_not_ready_or_has_no_credentials() {
    let named = "{listenerName: mtls, authentication: {kafkaUserRef: {name: proxies}},
                  listeners: [{name: tls, authentication: {type: tls}}]}";
    assert!(judge(&with_proxy(named)).fleet.is_ok());

    let missing = with_proxy(&named.replace("name: proxies", "name: nobody"));
    let (reason, message) = obstacle(&missing);
    assert_eq!(reason, "KafkaUserUnusable");
    assert!(message.contains("nobody") && passes(&missing), "{message}");

    let user = |edit: fn(&mut DynamicObject)| {
        let mut observed = with_proxy(named);
        edit(&mut observed.strimzi.as_mut().unwrap().users[0]);
        observed
    };
    let not_ready = user(|user| user.data["status"] = json!({}));
    assert_eq!(obstacle(&not_ready).0, "KafkaUserUnusable");
    assert!(passes(&not_ready));
    let elsewhere = user(|user| user.metadata.labels = None);
    assert!(obstacle(&elsewhere).1.contains("strimzi.io/cluster"));
    let malformed = user(|user| user.data["status"] = json!("ready"));
    assert_eq!(obstacle(&malformed).0, "KafkaUserUnusable");
}

#[test]
fn clients_without_a_certificate_must_not_act_as_the_proxies_user() {
    let (reason, message) =
        obstacle(&with_proxy("{listenerName: mtls, authentication: {kafkaUserRef: {name: proxies}}}"));
    assert_eq!(reason, "InvalidSettings");
    assert!(message.contains("listeners[0]") && message.contains("clientCaFile"), "{message}");
}

#[test]
fn ports_that_meet_are_named() {
    let listeners = "[{name: one}, {name: two, port: 9100}]";
    let (reason, message) = obstacle(&with_proxy(&format!("{{listeners: {listeners}}}")));
    assert_eq!(reason, "InvalidSettings");
    assert!(message.contains("listeners[1]") && message.contains("9100"), "{message}");
}

#[test]
fn ports_that_meet_are_named_before_the_load_balancer_has_an_address() {
    let listeners = "[{name: one}, {name: two, port: 9100, type: loadbalancer}]";
    let (reason, message) = obstacle(&with_proxy(&format!("{{listeners: {listeners}}}")));
    assert_eq!(reason, "InvalidSettings");
    assert!(message.contains("listeners[1]"), "{message}");
}

#[test]
fn the_admin_port_is_not_for_clients() {
    let (reason, message) = obstacle(&with_proxy("{listeners: [{name: tls, port: 8070}]}"));
    assert_eq!(reason, "InvalidSettings");
    assert!(message.contains("8080"), "{message}");
}

#[test]
fn a_listener_that_would_take_the_place_of_another_service() {
    let listeners = "[{name: tls}, {name: bootstrap, port: 9300, type: loadbalancer}]";
    let (reason, message) = obstacle(&with_proxy(&format!("{{listeners: {listeners}}}")));
    assert_eq!(reason, "InvalidSettings");
    assert!(message.contains("bootstrap"), "{message}");
    assert!(judge(&with_proxy("{listeners: [{name: bootstrap}]}")).fleet.is_ok());
}

#[test]
fn a_mount_of_a_volume_that_is_not_there() {
    let mounts = "{template: {proxyContainer: {volumeMounts: [{name: tokens, mountPath: /mnt/tokens}]}}}";
    let (reason, message) = obstacle(&with_proxy(mounts));
    assert_eq!(reason, "InvalidSettings");
    assert!(message.contains("tokens"), "{message}");
}

#[test]
fn an_encryption_proxy_that_is_not_what_its_schema_says() {
    let object = serde_json::from_value(json!({
        "apiVersion": "encryption.strimzi.io/v1alpha1", "kind": "EncryptionProxy",
        "metadata": {"name": "broken", "namespace": "kafka"},
    }));
    let malformed = |kind| {
        let object = object.as_ref().unwrap();
        vec![Malformed {
            kind,
            object: DynamicObject::clone(object),
            error: "missing field `spec`".to_owned(),
        }]
    };
    let observed = Observed { malformed: malformed("EncryptionProxy"), ..observed() };
    let (reason, message) = obstacle(&observed);
    assert_eq!(reason, "EncryptionProxyMalformed");
    assert!(message.contains("broken") && message.contains("missing field `spec`"), "{message}");
    let observed = Observed { malformed: malformed("TopicEncryptionPolicy"), ..observed };
    assert!(judge(&observed).fleet.is_ok(), "one owner's mistake is no other's");
}
