//! What the rules of validation let through, and what they say otherwise.

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

#[test]
fn the_least_policy_is_taken() {
    policy(&json!([
        {"topics": [{"prefix": "payments."}, {"name": "refunds"}], "key": {"name": "payments"}},
        {"topics": [{"prefix": "payments.public."}], "encryption": "Disabled"},
        {"topics": [{"any": true}], "key": {"name": "other", "provider": "vault"}, "format": "Record"},
    ]))
    .unwrap();
}

#[test]
fn what_contradicts_itself_is_refused_with_a_remedy() {
    for (rule, said) in [
        (json!({"topics": [{"name": "a"}]}), "key is required"),
        (
            json!({"topics": [{"name": "a"}], "key": {"name": "k"}, "encryption": "Disabled"}),
            "key must not be given together with encryption: Disabled",
        ),
        (json!({"topics": [{}], "key": {"name": "k"}}), "exactly one of name, prefix and any"),
        (
            json!({"topics": [{"name": "a", "prefix": "b"}], "key": {"name": "k"}}),
            "exactly one of name, prefix and any",
        ),
        (json!({"topics": [{"any": false}], "key": {"name": "k"}}), "any can only be true"),
    ] {
        let Err(error) = policy(&json!([rule])) else { panic!("{rule} is taken") };
        assert!(error.contains(said), "{rule}: {error}");
    }
}

#[test]
fn a_proxy_of_defaults_is_taken() {
    proxy(&json!({"kafkaRef": {"name": "my-cluster"}})).unwrap();
}

#[test]
fn volumes_of_the_users_are_mounted_below_mnt() {
    proxy(&json!({"kafkaRef": {"name": "my-cluster"}, "template": {
        "pod": {"volumes": [{"name": "tokens", "csi": {"driver": "example.com"}}]},
        "proxyContainer": {"volumeMounts": [{"name": "tokens", "mountPath": "/mnt/tokens"}]},
    }}))
    .unwrap();
}

#[test]
fn a_proxy_that_contradicts_itself_is_refused_with_a_remedy() {
    let kafka = json!({"name": "my-cluster"});
    for (spec, said) in [
        (json!({"kafkaRef": kafka, "keyProviders": [{"name": "default"}]}), "exactly one kind of provider"),
        (json!({"kafkaRef": kafka, "allowedPolicies": {"namespaces": "Selector"}}), "selector must be given"),
        (
            json!({"kafkaRef": kafka, "tls": {"secretRef": {"name": "a"}, "issuerRef": {"name": "b"}}}),
            "at most one of secretRef and issuerRef",
        ),
        (
            json!({"kafkaRef": kafka, "listeners": [{"name": "a", "port": 9092}, {"name": "b", "port": 9094}]}),
            "at least 17 apart",
        ),
        (
            json!({"kafkaRef": kafka, "authentication": {"kafkaUserRef": {"name": "u"}}}),
            "authentication on every listener",
        ),
        (
            json!({"kafkaRef": kafka, "listeners": [{"name": "a", "type": "nodeport", "port": 30100}]}),
            "advertisedHost is required",
        ),
        (
            json!({"kafkaRef": kafka, "listeners": [{"name": "a", "advertisedHost": "h"}]}),
            "advertisedHost must not be given",
        ),
        (
            json!({"kafkaRef": kafka, "listeners": [{"name": "a", "type": "nodeport", "advertisedHost": "h"}]}),
            "between 30000 and 32700",
        ),
        (
            json!({"kafkaRef": kafka, "listeners": [{"name": "a", "tls": false, "authentication": {"type": "tls"}}]}),
            "authentication needs tls: true",
        ),
        (
            json!({"kafkaRef": kafka, "template": {"pod": {"volumes": [{"name": "keys-0", "emptyDir": {}}]}}}),
            "the operator has volumes of these names",
        ),
        (
            json!({"kafkaRef": kafka, "template": {"pod": {"volumes": [{"name": "a"}]}}}),
            "exactly one of secret, configMap",
        ),
        (
            json!({"kafkaRef": kafka, "template": {"proxyContainer": {"volumeMounts": [
                {"name": "a", "mountPath": "/etc/topic-encryption"},
            ]}}}),
            "must begin with /mnt/",
        ),
    ] {
        let Err(error) = proxy(&spec) else { panic!("{spec} is taken") };
        assert!(error.contains(said), "{spec}: {error}");
    }
}
