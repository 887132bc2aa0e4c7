//! Proxies that lag behind, do not start, or cannot be reached.

use operator_api::EncryptionProxyStatus;
use serde_json::json;

use super::{
    brief, find, has, healthy, healthy_with, policy_status, policy_status_with, proxy_status, with_pods,
};
use crate::controller::fixtures::{balancer, observed, told, with_proxy};
use crate::pods::Phase;

#[test]
fn a_proxy_that_lags_behind_is_named() {
    let mut observed = healthy();
    observed.fleet[1].report.as_mut().unwrap().policy = None;
    for (conditions, count) in [
        {
            let status = policy_status(&observed);
            (status.conditions, status.proxies)
        },
        {
            let status: EncryptionProxyStatus = proxy_status(&observed);
            (status.conditions, status.proxies)
        },
    ] {
        let (programmed, reason, message) = find(&conditions, "Programmed");
        assert_eq!((programmed.as_str(), reason.as_str()), ("False", "Reconciling"));
        assert!(
            message.contains("2 of 3") && message.contains("pod-1") && !message.contains("pod-0"),
            "{message}"
        );
        assert_eq!(count.unwrap().summary, "2/3");
        assert!(has(&conditions, "Reconciling"));
    }
}

#[test]
fn a_proxy_that_does_not_answer_is_named() {
    let mut observed = healthy();
    observed.fleet[1].report = Err("its admin port does not answer".to_owned());
    let (_, reason, message) = find(&proxy_status(&observed).conditions, "Programmed");
    assert_eq!(reason, "Reconciling");
    assert!(message.contains("pod pod-1: its admin port does not answer"), "{message}");
}

#[test]
fn a_pod_that_does_not_start_is_named_with_its_reason() {
    let mut observed = healthy();
    observed.fleet[2].phase = Phase::Starting(Some("ImagePullBackOff: no such image".to_owned()));
    let (ready, reason, message) = find(&policy_status(&observed).conditions, "Ready");
    assert_eq!((ready.as_str(), reason.as_str()), ("False", "ProxiesNotReady"));
    assert!(message.contains("pod-2") && message.contains("ImagePullBackOff"), "{message}");
}

#[test]
fn every_listener_with_an_address_says_where_clients_connect() {
    let listeners = "[
        {name: tls},
        {name: nodes, type: nodeport, port: 30000, advertisedHost: '2001:db8::1'},
        {name: gateway, type: tlsroute, port: 9443, advertisedHost: kafka.example.com,
         brokerNames: {pattern: 'b-{id}.kafka.example.com'}, tlsRoute: {parentRefs: [{name: edge}]}},
        {name: balanced, type: loadbalancer, port: 9300},
    ]";
    let status: EncryptionProxyStatus = proxy_status(&with_proxy(&format!("{{listeners: {listeners}}}")));
    let told: Vec<_> =
        status.listeners.iter().map(|each| format!("{} {}", each.name, each.bootstrap_servers)).collect();
    let internal = "my-cluster-encryption-bootstrap.kafka.svc:9092";
    assert_eq!(
        told,
        [&format!("tls {internal}"), "nodes [2001:db8::1]:30000", "gateway kafka.example.com:443"]
    );
    assert_eq!(status.bootstrap_servers.as_deref(), Some(internal));
}

#[test]
fn a_proxy_that_takes_no_clients_says_what_is_missing() {
    let mut observed = healthy();
    observed.fleet[0].report.as_mut().unwrap().obstacles = vec!["brokers.yaml was never read".to_owned()];
    let message = find(&proxy_status(&observed).conditions, "Ready").2;
    assert!(message.contains("pod-0") && message.contains("brokers.yaml was never read"), "{message}");
    observed.fleet[0].report.as_mut().unwrap().obstacles.clear();
    observed.fleet[0].phase = Phase::Running { ready: false };
    assert!(find(&proxy_status(&observed).conditions, "Ready").2.contains("2 of 3 pods take clients"));
}

#[test]
fn a_secret_that_is_missing_is_named() {
    let status = policy_status_with(&healthy(), |programmed| {
        programmed.missing_secrets = vec!["my-clients".to_owned()];
    });
    let (_, reason, message) = find(&status.conditions, "Ready");
    assert_eq!(reason, "ProxiesNotReady");
    assert!(message.contains("without the Secret my-clients; create it"), "{message}");
}

#[test]
fn a_certificate_that_cert_manager_has_not_issued_is_not_asked_of_people() {
    let observed = healthy_with("{tls: {issuerRef: {name: ours}}}", 2);
    let status = policy_status_with(&observed, |programmed| {
        programmed.missing_secrets = vec!["my-cluster-encryption-tls".to_owned()];
    });
    let message = find(&status.conditions, "Ready").2;
    assert!(
        message.contains("cert-manager has not issued the Secret my-cluster-encryption-tls yet"),
        "{message}"
    );
    assert!(
        message.contains("Certificate my-cluster-encryption-tls") && !message.contains("create it"),
        "{message}"
    );
}

#[test]
fn a_deployment_that_still_rolls_is_not_ready() {
    let mut observed = healthy();
    let ready = |observed: &_| find(&proxy_status(observed).conditions, "Ready").2;
    for (edit, expected) in [
        (json!({"observedGeneration": 1}), "not been looked at"),
        (json!({"observedGeneration": 2, "updatedReplicas": 1, "replicas": 3}), "1 of 3 pods"),
        (json!({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 4}), "still ending"),
        (
            json!({"observedGeneration": 2, "conditions": [
                {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]}),
            "exceeded quota",
        ),
    ] {
        observed.ours.deployment.as_mut().unwrap().status = serde_json::from_value(edit).unwrap();
        let message = ready(&observed);
        assert!(message.contains(expected), "{message}");
    }
    observed.ours.deployment = None;
    assert!(ready(&observed).contains("just made"));
}

#[test]
fn a_fleet_of_no_proxies_stalls_policies_and_satisfies_its_owner() {
    let observed = healthy_with("{replicas: 0}", 0);
    let status = policy_status(&observed);
    assert_eq!(brief(&status.conditions, "Ready"), "False ScaledToZero");
    assert_eq!(brief(&status.conditions, "Stalled"), "True ScaledToZero");
    assert_eq!(status.proxies.unwrap().summary, "0/0");
    assert_eq!(brief(&proxy_status(&observed).conditions, "Ready"), "True Ready");
}

#[test]
fn proxies_beyond_the_wanted_number_are_not_counted() {
    let mut observed = healthy();
    let mut surplus = observed.fleet[0].clone();
    surplus.name = "pod-3".to_owned();
    observed.fleet.push(surplus);
    assert_eq!(policy_status(&observed).proxies.unwrap().summary, "3/3");
    observed.fleet[3].phase = Phase::Ending;
    assert_eq!(proxy_status(&observed).replicas, Some(3));
}

#[test]
fn topics_without_a_rule_are_counted_as_the_proxy_that_saw_most() {
    let mut watched = healthy();
    watched.fleet[1].report.as_mut().unwrap().unmatched = 7;
    assert_eq!(proxy_status(&watched).unmatched_topics, Some(7));
    let status = policy_status(&watched);
    assert_eq!((status.unmatched_topics, status.retired), (None, None), "the EncryptionProxy tells");

    let mut alone = with_pods(told(observed()), 2);
    alone.fleet[1].report.as_mut().unwrap().unmatched = 7;
    let status = policy_status(&alone);
    assert_eq!((status.unmatched_topics, status.retired), (Some(7), Some(0)));
}

#[test]
fn brokers_that_can_be_reached_round_the_proxies_come_with_the_cure() {
    for conditions in [policy_status(&healthy()).conditions, proxy_status(&healthy()).conditions] {
        let (status, reason, message) = find(&conditions, "BrokersReachableDirectly");
        assert_eq!((status.as_str(), reason.as_str()), ("True", "NetworkPolicyPeers"));
        let snippet = message.split_once("In the Kafka resource:\n").unwrap().1;
        let snippet: serde_json::Value = serde_yaml::from_str(snippet).unwrap();
        let labels = json!({
            "app.kubernetes.io/name": "topic-encryption-proxy", "app.kubernetes.io/instance": "my-cluster",
        });
        assert_eq!(snippet, json!({"networkPolicyPeers": [{"podSelector": {"matchLabels": labels}}]}));
    }
}

#[test]
fn brokers_that_only_proxies_get_to_are_no_warning() {
    let mut observed = observed();
    let peers = json!([{"podSelector": {"matchLabels": {
        "app.kubernetes.io/name": "topic-encryption-proxy", "app.kubernetes.io/instance": "my-cluster",
    }}}]);
    let listeners = &mut crate::controller::fixtures::kafka(&mut observed)["spec"]["kafka"]["listeners"];
    for listener in listeners.as_array_mut().unwrap() {
        listener["networkPolicyPeers"] = peers.clone();
    }
    let observed = with_pods(told(observed), 2);
    assert!(!has(&policy_status(&observed).conditions, "BrokersReachableDirectly"));
}

#[test]
fn a_load_balancer_without_an_address_is_told_to_the_platform_owner() {
    let settings = "{listeners: [{name: tls}, {name: outside, type: loadbalancer, port: 9300}]}";
    let mut observed = healthy_with(settings, 2);
    let status = proxy_status(&observed);
    let (ready, reason, message) = find(&status.conditions, "Ready");
    assert_eq!((ready.as_str(), reason.as_str()), ("False", "AddressPending"));
    assert!(message.contains("outside") && !message.contains("tls"), "{message}");
    assert!(has(&status.conditions, "Reconciling"));
    assert_eq!(brief(&status.conditions, "Programmed"), "True Programmed");
    assert_eq!(brief(&policy_status(&observed).conditions, "Ready"), "True Ready", "other listeners go on");

    observed.ours.services = vec![balancer("my-cluster-encryption-outside", Some("lb.example.com"))];
    assert_eq!(brief(&proxy_status(&observed).conditions, "Ready"), "True Ready");
}

#[test]
fn a_fleet_of_load_balancers_without_an_address_waits_for_one() {
    let observed = with_proxy("{listeners: [{name: outside, type: loadbalancer}]}");
    for conditions in [policy_status(&observed).conditions, proxy_status(&observed).conditions] {
        assert_eq!(brief(&conditions, "Ready"), "False AddressPending");
        assert_eq!(brief(&conditions, "Reconciling"), "True AddressPending");
    }
}
