//! What holds on while Strimzi's status lacks what it told before.

use serde_json::{Value, json};

use crate::controller::fixtures::{
    balancer, fleet, judge, kafka, observed, obstacle, pool, told, with_proxy,
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
