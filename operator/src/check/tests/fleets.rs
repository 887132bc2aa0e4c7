//! Whether there can be a fleet.

use super::*;

/// A `Kafka` with these listeners.
fn kafka_with(listeners: &str) -> String {
    kafka("my-cluster").replace("spec: {}", &format!("spec: {{kafka: {{listeners: [{listeners}]}}}}"))
}

const TLS: &str = "{name: tls, port: 9093, type: internal, tls: true}";

const MTLS: &str = "{name: mtls, port: 9094, type: internal, tls: true, authentication: {type: tls}}";

fn user(authentication: &str, cluster: &str) -> String {
    format!(
        "apiVersion: kafka.strimzi.io/v1\nkind: KafkaUser\n\
         metadata: {{name: proxies, labels: {{strimzi.io/cluster: {cluster}}}}}\n\
         spec: {{authentication: {{type: {authentication}}}}}\n---\n"
    )
}

#[test]
fn the_name_of_a_kafka_cluster_must_leave_room() {
    let long = "k".repeat(41);
    let text = policy("a", FINE).replace("my-cluster", &long);
    let report = one(&text);
    assert_eq!(found(&report), ["a.yaml:1 error NameTooLong a spec.kafkaRef.name"]);
    assert!(message(&report, Code::NameTooLong).contains("at most 40"));
    let with_proxy =
        proxy("p", "listeners: [{name: tls}, {name: bootstrap, type: loadbalancer, port: 9300}]");
    let with_proxy = with_proxy.replace("my-cluster", &long) + &text;
    assert_eq!(
        found(&one(&with_proxy)),
        ["a.yaml:1 error NameTooLong p spec.kafkaRef.name", "a.yaml:1 error InvalidSettings p spec"]
    );
    assert_eq!(found(&one(&policy("a", FINE).replace("my-cluster", &"k".repeat(40)))), [""; 0]);
}

#[test]
fn ports_of_brokers_must_not_meet() {
    let ports = proxy("p", "listeners: [{name: a, port: 9100}, {name: b, port: 9200}]");
    let pool = |name: &str, spec: &str| {
        format!(
            "apiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\n\
             metadata: {{name: {name}, labels: {{strimzi.io/cluster: my-cluster}}}}\nspec: {{{spec}}}\n---\n"
        )
    };
    assert_eq!(found(&one(&ports)), [""; 0]);
    // Whatever ids the nodes of the others get, no broker can have a high one.
    let few = pool("a", "replicas: 100, roles: [controller]") + &pool("b", "replicas: 3, roles: [broker]");
    assert_eq!(found(&one(&(ports.clone() + &few))), [""; 0]);
    let report = one(&(ports + &pool("b", "replicas: 101, roles: [broker]")));
    assert_eq!(found(&report), ["a.yaml:1 error ListenersTooClose p spec.listeners"]);
    assert!(message(&report, Code::ListenersTooClose).contains("port"), "{report}");
}

#[test]
fn a_listener_cannot_have_the_name_of_the_service_of_internal_ones() {
    let bootstrap = "listeners: [{name: tls}, {name: bootstrap, type: loadbalancer, port: 9300}]";
    let report = one(&proxy("p", bootstrap));
    assert_eq!(found(&report), ["a.yaml:1 error InvalidSettings p spec"]);
    assert!(message(&report, Code::InvalidSettings).contains("the name bootstrap is taken"), "{report}");
}

#[test]
fn a_named_listener_must_be_one_of_the_kafka_cluster_if_that_is_there() {
    let named = proxy("p", "listenerName: tsl");
    let report = one(&(named.clone() + &kafka_with(TLS)));
    assert_eq!(found(&report), ["a.yaml:1 error ListenerNotFound p spec.listenerName"]);
    assert!(message(&report, Code::ListenerNotFound).ends_with("one of: tls"), "{report}");
    assert_eq!(found(&one(&named)), [""; 0]);
    // A patch, for instance.
    assert_eq!(found(&one(&(named + &kafka("my-cluster")))), [""; 0]);
}

#[test]
fn clients_must_get_through_the_listener() {
    let report = one(&(policy("a", FINE) + &kafka_with(MTLS)));
    assert_eq!(found(&report), ["a.yaml:2 error ListenerAuthentication my-cluster spec.kafka.listeners"]);
    let outside = kafka_with("{name: out, port: 9094, type: route, tls: true}");
    assert_eq!(
        found(&one(&(policy("a", FINE) + &outside))),
        ["a.yaml:2 error NoInternalListener my-cluster spec.kafka.listeners"]
    );
    let report = one(&(policy("a", FINE) + &kafka_with("{name: a, port: 0}")));
    assert_eq!(found(&report), ["a.yaml:2 error KafkaMalformed my-cluster"]);
}

#[test]
fn a_kafka_user_must_suit_the_listener_and_the_cluster() {
    let with_user = proxy(
        "p",
        "authentication: {kafkaUserRef: {name: proxies}}, listeners: [{name: tls, authentication: {type: tls}}]",
    );
    let base = with_user.clone() + &kafka_with(&format!("{TLS}, {MTLS}"));
    assert_eq!(found(&one(&(base.clone() + &user("tls", "my-cluster")))), [""; 0]);
    let scram = one(&(base.clone() + &user("scram-sha-512", "my-cluster")));
    assert_eq!(found(&scram), ["a.yaml:2 error ListenerAuthentication my-cluster spec.kafka.listeners"]);
    for (authentication, cluster) in
        [("tls-external", "my-cluster"), ("tls", "other"), ("none", "my-cluster")]
    {
        let report = one(&(base.clone() + &user(authentication, cluster)));
        assert_eq!(
            found(&report),
            ["a.yaml:1 error KafkaUserUnusable p spec.authentication.kafkaUserRef"],
            "{authentication}"
        );
    }
    // What is not there may suit.
    assert_eq!(found(&one(&base)), [""; 0]);
    assert_eq!(found(&one(&(with_user.clone() + &user("scram-sha-512", "my-cluster")))), [""; 0]);
    assert_eq!(found(&one(&with_user)), [""; 0]);
    // But no user at all suits a listener without authentication.
    let open = one(&(with_user + &kafka_with(TLS)));
    assert_eq!(found(&open), ["a.yaml:2 error ListenerAuthentication my-cluster spec.kafka.listeners"]);
}
