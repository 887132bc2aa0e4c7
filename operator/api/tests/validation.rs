//! What the rules of validation let through, and what they say otherwise. A real API server is asked the same of
//! `refused.json`, by the tests on Kubernetes.

use kube::core::cel::validate_cel;
use operator_api::{EncryptionProxy, TopicEncryptionPolicy};
use serde_json::{Value, json};

fn policy(rules: &Value) -> Result<(), String> {
    let policy = json!({
        "apiVersion": "encryption.strimzi.io/v1alpha1",
        "kind": "TopicEncryptionPolicy",
        "metadata": {"name": "payments", "namespace": "kafka"},
        "spec": {"kafkaRef": {"name": "my-cluster"}, "rules": rules},
    });
    let policy: TopicEncryptionPolicy = serde_json::from_value(policy).map_err(|error| error.to_string())?;
    validate_cel(&policy).map_err(|errors| errors.to_string())
}

fn proxy(spec: &Value) -> Result<(), String> {
    let proxy = json!({
        "apiVersion": "encryption.strimzi.io/v1alpha1",
        "kind": "EncryptionProxy",
        "metadata": {"name": "my-cluster", "namespace": "kafka"},
        "spec": spec,
    });
    let proxy: EncryptionProxy = serde_json::from_value(proxy).map_err(|error| error.to_string())?;
    validate_cel(&proxy).map_err(|errors| errors.to_string())
}

/// Conformance: P17-23.
#[test]
fn the_least_policy_is_taken() {
    policy(&json!([
        {"topics": [{"prefix": "payments."}, {"name": "refunds"}], "key": {"name": "payments"}},
        {"topics": [{"prefix": "payments.public."}], "encryption": "Disabled"},
        {"topics": [{"any": true}], "key": {"name": "other", "provider": "vault"}, "format": "Record", "headers": ["user-id"],
         "recordKeys": {"pseudonymKey": "AQID/w=="}},
    ]))
    .unwrap();
}

#[test]
fn what_contradicts_itself_is_refused_with_a_remedy() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("refused.json")).unwrap();
    assert!(cases.len() >= 14);
    for case in cases {
        let (spec, text) = (&case["spec"], |field: &str| case[field].as_str().unwrap());
        let outcome = match text("kind") {
            "TopicEncryptionPolicy" => policy(&spec["rules"]),
            _ => proxy(spec),
        };
        let Err(error) = outcome else { panic!("{spec} is taken") };
        assert!(error.contains(text("said")), "{spec}: {error}");
    }
}

#[test]
fn a_proxy_of_defaults_is_taken() {
    proxy(&json!({"kafkaRef": {"name": "my-cluster"}})).unwrap();
}

#[test]
fn bounds_and_what_clients_may_speak_are_taken() {
    proxy(&json!({
        "kafkaRef": {"name": "my-cluster"},
        "listeners": [
            {"name": "strict", "minVersion": "TLSv1.3",
             "cipherSuites": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"]},
            {"name": "old", "port": 9300, "cipherSuites": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], "proxyProtocol": true},
        ],
        "limits": {"maxFrameBytes": 209_715_200, "fetchMaxBytes": 209_715_200, "connectionsPerAddress": 1,
                   "authenticationTimeout": "5s", "idleTimeout": "1h30m"},
    }))
    .unwrap();
}

#[test]
fn certificates_of_clients_are_taken_with_what_was_revoked_and_who_is_allowed() {
    let authentication = |kind: &str| json!({"type": "tls", "caSecretRef": {"name": "ca"}, "crlSecretRef": {"name": "crl"}, "clientCertificates": kind});
    let mut allowed = authentication("Required");
    allowed["allowedPrincipals"] = json!(["CN=payments", "OU=Risk,O=Example"]);
    proxy(&json!({
        "kafkaRef": {"name": "my-cluster"},
        "listeners": [
            {"name": "strict", "authentication": allowed},
            {"name": "easy", "port": 9300, "authentication": authentication("Optional")},
        ],
    }))
    .unwrap();
}

#[test]
fn listeners_with_names_of_brokers_need_no_room_for_their_ports() {
    let names = json!({"pattern": "broker-{id}.kafka.example.com", "advertisedPort": 443});
    let listener = |name: &str, port: u16| json!({"name": name, "port": port, "brokerNames": names, "advertisedHost": "k.example.com"});
    let spec = |listeners: Value| json!({"kafkaRef": {"name": "my-cluster"}, "listeners": listeners});
    proxy(&spec(json!([listener("a", 9092), listener("b", 9093), {"name": "c", "port": 9094}]))).unwrap();
    for ports in [[9092, 9092], [9100, 9092]] {
        let crowded = json!([listener("a", ports[0]), {"name": "b", "port": ports[1]}]);
        assert!(proxy(&spec(crowded)).unwrap_err().contains("at least 17 apart"), "{ports:?}");
    }
}

#[test]
fn a_listener_behind_a_gateway_is_taken() {
    let route = json!({"parentRefs": [{"name": "edge", "namespace": "gateways", "sectionName": "kafka", "port": 443}]});
    proxy(&json!({"kafkaRef": {"name": "my-cluster"}, "listeners": [{
        "name": "a", "type": "tlsroute", "advertisedHost": "kafka.example.com", "tlsRoute": route,
        "brokerNames": {"pattern": "broker-{id}.kafka.example.com"},
    }]}))
    .unwrap();
}

#[test]
fn volumes_of_the_users_are_mounted_below_mnt() {
    proxy(&json!({"kafkaRef": {"name": "my-cluster"}, "template": {
        "pod": {"volumes": [
            {"name": "tokens", "csi": {"driver": "example.com"}},
            {"name": "plugins", "image": {"reference": "example.com/plugins:1"}},
        ]},
        "proxyContainer": {"volumeMounts": [{"name": "tokens", "mountPath": "/mnt/tokens"}]},
    }}))
    .unwrap();
}

#[test]
fn a_security_context_that_takes_rights_away_is_taken() {
    let context = json!({
        "privileged": false, "allowPrivilegeEscalation": false, "runAsUser": 1000,
        "capabilities": {"drop": ["ALL"], "add": []},
    });
    let template =
        json!({"proxyContainer": {"securityContext": context}, "pod": {"securityContext": {"fsGroup": 1}}});
    proxy(&json!({"kafkaRef": {"name": "my-cluster"}, "template": template})).unwrap();
}
