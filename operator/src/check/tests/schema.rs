//! What the API server would refuse.

use super::*;

#[test]
fn a_kind_or_version_that_does_not_exist_is_an_error() {
    let text = policy("a", FINE);
    assert_eq!(found(&one(&text.replace("v1alpha1", "v1"))), ["a.yaml:1 error UnknownKind a apiVersion"]);
    let other = text.replace("TopicEncryptionPolicy", "EncryptionPolicy");
    assert_eq!(found(&one(&other)), ["a.yaml:1 error UnknownKind a kind"]);
}

#[test]
fn an_object_needs_a_name() {
    assert_eq!(found(&one(&policy("a_b", FINE))), ["a.yaml:1 error Name a_b metadata.name"]);
    assert_eq!(found(&one(&policy("", FINE))), ["a.yaml:1 error Name  metadata.name"]);
}

/// Conformance: TE-07.
#[test]
fn an_unknown_field_is_an_error_as_with_strict_validation() {
    let report = one(&policy("a", "{topics: [{prefix: a}], key: {nme: k}, formt: Auto}"));
    assert_eq!(
        found(&report),
        [
            "a.yaml:1 error UnknownField a spec.rules[0].formt",
            "a.yaml:1 error UnknownField a spec.rules[0].key.nme",
            "a.yaml:1 error Schema a spec.rules[0].key.name",
        ]
    );
    assert!(message(&report, Code::UnknownField).contains(
        "known are encryption, format, headers, key, legacy, onPlaintext, onUnreadable, recordKeys, topics"
    ));
    assert_eq!(message(&report, Code::Schema), "is required");
}

#[test]
fn the_schema_counts() {
    for (rules, field) in [
        ("", "spec.rules"),
        ("{topics: [], key: {name: k}}", "spec.rules[0].topics"),
        ("{topics: [{name: 1}], key: {name: k}}", "spec.rules[0].topics[0].name"),
        ("{topics: [{name: a b}], key: {name: k}}", "spec.rules[0].topics[0].name"),
        ("{topics: [{name: a}], key: {name: k}, format: Bach}", "spec.rules[0].format"),
        ("{topics: null, key: {name: k}}", "spec.rules[0].topics"),
    ] {
        assert_eq!(found(&one(&policy("a", rules))), [format!("a.yaml:1 error Schema a {field}")], "{rules}");
    }
    let listeners = proxy("p", "listeners: [{name: a}, {name: b, port: 9093}, {name: a, port: 9094}]");
    assert_eq!(found(&one(&listeners)), ["a.yaml:1 error Schema p spec.listeners[2]"]);
}

#[test]
fn the_rules_of_the_definitions_count() {
    let report = one(&policy("a", "{topics: [{name: a}, {}]}"));
    assert_eq!(
        found(&report),
        ["a.yaml:1 error Rule a spec.rules[0].key", "a.yaml:1 error Rule a spec.rules[0].topics[1]"]
    );
    assert!(message(&report, Code::Rule).starts_with("key is required"));
    let report = one(&proxy("p", "allowedPolicies: {namespaces: Selector}"));
    assert_eq!(found(&report), ["a.yaml:1 error Rule p spec.allowedPolicies.selector"]);
}

/// The tests on Kubernetes ask a real API server the same of this table.
#[test]
fn what_the_api_server_refuses_is_refused_in_its_words() {
    let cases: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../../api/tests/refused.json")).unwrap();
    for case in &cases {
        let manifest = serde_json::json!({
            "apiVersion": "encryption.strimzi.io/v1alpha1", "kind": case["kind"], "metadata": {"name": "refused"},
            "spec": case["spec"],
        });
        let report = one(&manifest.to_string());
        let rules: Vec<_> = report.findings.iter().filter(|finding| finding.code == Code::Rule).collect();
        assert_eq!(rules.len(), 1, "{case}: {:#?}", report.findings);
        assert_eq!(rules[0].severity, Severity::Error);
        assert_eq!(rules[0].field, case["field"].as_str().unwrap(), "{case}");
        assert!(rules[0].message.contains(case["said"].as_str().unwrap()), "{case}: {}", rules[0].message);
    }
}

#[test]
fn an_address_of_a_key_management_system_has_a_port_that_there_is() {
    let provider = |kind: &str, port: u32| match kind {
        "vault" => format!("vault: {{address: 'https://bao:{port}', authentication: {{jwt: {{role: r}}}}}}"),
        "aws" => format!("awsKms: {{region: eu-central-1, endpoint: 'https://[::1]:{port}/'}}"),
        _ => format!("kmip: {{address: 'kmip.example:{port}', tls: {{clientSecretRef: {{name: a}}}}}}"),
    };
    for kind in ["vault", "aws", "kmip"] {
        let check = |port| {
            one(&proxy("p", &format!("keyProviders: [{{name: a, {}}}]", provider(kind, port)))).findings
        };
        for port in [1, 9, 443, 10_000, 59_999, 64_999, 65_499, 65_535] {
            assert!(
                check(port).iter().all(|finding| finding.code != Code::Schema),
                "{kind} {port}: {:?}",
                check(port)
            );
        }
        for port in [0, 65_536, 65_540, 66_000, 70_000, 99_999, 100_000] {
            assert!(check(port).iter().any(|finding| finding.code == Code::Schema), "{kind} {port}");
        }
    }
}
