//! What holds on while Strimzi's status lacks what it told before.

use serde_json::{Value, json};

use crate::controller::build::deployment;
use crate::controller::dereference::Observed;
use crate::controller::fixtures::{
    balancer, fleet, judge, kafka, observed, obstacle, pool, settings, told, with_proxy,
};

fn addresses(fleet: &crate::fleet::Fleet) -> Vec<String> {
    fleet.upstream.bootstrap.iter().map(ToString::to_string).collect()
}

#[test]
fn the_last_told_addresses_hold_while_the_status_has_no_listeners() {
    let mut observed = observed();
    kafka(&mut observed)["status"]["listeners"][1]["bootstrapServers"] = json!("known-before.kafka.svc:9093");
    let mut observed = told(observed);
    kafka(&mut observed)["status"] =
        json!({"conditions": [{"type": "ReconciliationPaused", "status": "True"}]});
    assert_eq!(addresses(&fleet(&observed)), ["known-before.kafka.svc:9093"]);
}

#[test]
fn the_last_told_addresses_are_of_no_use_for_another_listener() {
    let mut observed = told(with_proxy("{listenerName: plain}"));
    observed.proxies = with_proxy("{listenerName: tls}").proxies;
    assert_eq!(addresses(&fleet(&observed)), ["my-cluster-kafka-bootstrap.kafka.svc:9093"]);
    // Brokers may not have it at all, so the fleet stays at the one that they had.
    kafka(&mut observed)["status"]["listeners"] = json!([]);
    assert_eq!(obstacle(&observed).0, "ListenerNotReady");
}

#[test]
fn the_listener_in_use_is_kept_when_another_appears_and_strimzi_drops_its_listeners() {
    let mut observed = told(observed());
    let listeners = kafka(&mut observed)["spec"]["kafka"]["listeners"].as_array_mut().unwrap();
    listeners.push(json!({"name": "aaa", "port": 9099, "type": "internal", "tls": true}));
    assert_eq!(fleet(&observed).upstream.port, 9093);
    kafka(&mut observed)["status"]["listeners"] = json!([]);
    assert_eq!(fleet(&observed).upstream.port, 9093);
}

#[test]
fn the_last_told_brokers_hold_while_pools_contradict_each_other_or_are_gone() {
    let settled = fleet(&observed()).upstream.brokers;
    let mut contradicting = told(observed());
    pool(&mut contradicting, 1).data["status"]["nodeIds"] = json!([12]);
    let mut malformed = told(observed());
    pool(&mut malformed, 1).data["status"]["nodeIds"] = json!("12");
    let mut gone = told(observed());
    gone.strimzi.as_mut().unwrap().pools.clear();
    for observed in [&contradicting, &malformed, &gone] {
        assert_eq!(fleet(observed).upstream.brokers, settled);
    }
}

#[test]
fn brokers_that_come_and_go_are_followed() {
    let mut observed = told(observed());
    pool(&mut observed, 0).data["status"]["nodeIds"] = json!([0, 1]);
    let ids: Vec<_> = fleet(&observed).upstream.brokers.keys().map(|id| id.value()).collect();
    assert_eq!(ids, [0, 1, 7]);
}

#[test]
fn the_last_told_certificates_hold_while_the_status_has_none() {
    let own = |observed: &mut _| {
        let listener: &mut Value = &mut kafka(observed)["spec"]["kafka"]["listeners"][1];
        listener["configuration"] = json!({"brokerCertChainAndKey": {
            "secretName": "own", "certificate": "tls.crt", "key": "tls.key",
        }});
    };
    let mut observed = observed();
    own(&mut observed);
    let trust = fleet(&observed).upstream.trust;
    let mut known = told(observed);
    kafka(&mut known)["status"]["listeners"][1]["certificates"] = json!([]);
    assert_eq!(fleet(&known).upstream.trust, trust);
    known.ours.config = None;
    assert_eq!(obstacle(&known).0, "TrustUnknown");
}

/// A fleet that logs in as the user of the fixture, as its proxies were told it, with the Deployment that mounts the Secret.
fn logged_in(listener: &str, edit: impl Fn(&mut Value)) -> Observed {
    let mut observed = with_proxy(&format!(
        "{{listenerName: {listener}, authentication: {{kafkaUserRef: {{name: proxies}}}},
           listeners: [{{name: mtls, authentication: {{type: tls}}}}]}}"
    ));
    edit(user(&mut observed));
    let deployed = deployment(&fleet(&observed), &settings(&[]), "");
    let mut known = told(observed);
    known.ours.deployment = Some(deployed);
    known
}

fn user(observed: &mut Observed) -> &mut Value {
    &mut observed.strimzi.as_mut().unwrap().users[0].data
}

fn with_password(user: &mut Value) {
    user["spec"]["authentication"] = json!({"type": "scram-sha-512"});
    user["status"]["username"] = json!("proxies");
}

#[test]
fn the_last_told_credentials_hold_while_the_status_of_the_user_has_none() {
    for mut known in [logged_in("mtls", |_| {}), logged_in("tls", with_password)] {
        let before = fleet(&known).upstream.authentication;
        assert!(before.is_some());
        user(&mut known)["status"] = json!({});
        assert_eq!(fleet(&known).upstream.authentication, before);
        known.ours.deployment = None;
        assert_eq!(obstacle(&known).0, "KafkaUserUnusable");
    }
}

#[test]
fn credentials_of_another_kind_or_of_another_user_do_not_hold() {
    let mut other_kind = logged_in("mtls", |_| {});
    other_kind.proxies = logged_in("tls", with_password).proxies;
    with_password(user(&mut other_kind));
    user(&mut other_kind)["status"] = json!({});
    let mut other_user = logged_in("mtls", |_| {});
    other_user.strimzi.as_mut().unwrap().users[0].metadata.name = Some("others".to_owned());
    other_user.proxies[0].spec.authentication.as_mut().unwrap().kafka_user_ref.name = "others".to_owned();
    user(&mut other_user)["status"] = json!({});
    for observed in [other_kind, other_user] {
        assert_eq!(obstacle(&observed).0, "KafkaUserUnusable");
    }
}

#[test]
fn the_address_of_a_load_balancer_holds_while_its_service_has_none() {
    let settings = "{listeners: [{name: tls}, {name: outside, type: loadbalancer, port: 9300}]}";
    let service = "my-cluster-encryption-outside";
    let host = |observed: &_| fleet(observed).listeners[1].advertised_host.clone();
    let mut observed = with_proxy(settings);
    observed.ours.services = vec![balancer(service, Some("lb.example.com"))];
    let mut known = told(observed);
    for services in [vec![], vec![balancer(service, None)]] {
        known.ours.services = services;
        assert_eq!(host(&known).as_deref(), Some("lb.example.com"));
    }
    known.ours.services = vec![balancer(service, Some("other.example.com"))];
    assert_eq!(host(&known).as_deref(), Some("other.example.com"));
}

#[test]
fn a_listener_that_becomes_a_load_balancer_waits_for_its_own_address() {
    let mut observed = told(with_proxy("{listeners: [{name: outside}]}"));
    observed.proxies = with_proxy("{listeners: [{name: outside, type: loadbalancer}]}").proxies;
    let fleet = judge(&observed).fleet.unwrap();
    assert_eq!(fleet.listeners[0].advertised_host, None);
    assert_eq!(fleet.pending().count(), 1);
}
