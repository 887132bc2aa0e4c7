//! The values: all known, all commented, and none that contradict each other.

use serde_json::Value;

use crate::files::{chart, read};
use crate::helm::template;
use crate::object::parse_one;

fn schema() -> Value {
    serde_json::from_str(&read(&chart("values.schema.json"))).unwrap()
}

/// A part of the schema, where it refers elsewhere that.
fn resolved<'a>(schema: &'a Value, part: &'a Value) -> &'a Value {
    match part.get("$ref").and_then(Value::as_str) {
        Some(reference) => schema.pointer(reference.trim_start_matches('#')).unwrap(),
        None => part,
    }
}

/// Paths of all objects whose keys the schema lists.
fn closed(schema: &Value, part: &Value, path: &str, found: &mut Vec<String>) {
    let part = resolved(schema, part);
    let Some(properties) = part.get("properties").and_then(Value::as_object) else { return };
    assert_eq!(part.get("additionalProperties"), Some(&Value::Bool(false)), "{path}");
    found.push(path.to_owned());
    for (key, value) in properties {
        closed(schema, value, &format!("{path}{key}."), found);
    }
}

#[test]
fn unknown_values_are_refused_everywhere() {
    let schema = schema();
    let mut paths = Vec::new();
    closed(&schema, &schema, "", &mut paths);
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths {
        let said = template(&["--set", &format!("{path}unknown=1")]).unwrap_err();
        assert!(said.contains("additional properties 'unknown' not allowed"), "{path}: {said}");
    }
}

#[test]
fn values_of_wrong_types_are_refused() {
    for setting in [
        "replicas=many",
        "replicas=-1",
        "watchNamespaces=kafka",
        "watchNamespaces={Kafka}",
        "image.digest=sha256:12",
        "image.imagePullPolicy=Sometimes",
        "featureGates=One",
        "fullReconciliationIntervalMs=1500",
        "fullReconciliationIntervalMs=31000",
        "crds.keep=please",
        "image.tag=a:b",
        "podMonitor.interval=often",
        "labels.a=true",
    ] {
        let said = template(&["--set", setting]);
        assert!(said.as_ref().is_err_and(|said| said.contains("schema")), "{setting}: {said:?}");
    }
}

#[test]
fn values_that_contradict_each_other_are_refused_with_a_remedy() {
    for (settings, said) in [
        ("watchAnyNamespace=true", "needs kafkaNamespaces"),
        ("watchAnyNamespace=true,kafkaNamespaces={a},watchNamespaces={b}", "exclude each other"),
        ("kafkaNamespaces={a}", "counts with watchAnyNamespace only"),
        ("leaderElection.enable=false", "needs leaderElection.enable"),
        ("podMonitor.enabled=true,serviceMonitor.enabled=true", "enable one of the two"),
        ("serviceMonitor.enabled=true,metricsService.enabled=false", "needs metricsService.enabled"),
        ("podDisruptionBudget.minAvailable=2", "is not below replicas"),
    ] {
        let error = template(&["--set", settings]).unwrap_err();
        assert!(error.contains(said), "{settings}: {error}");
    }
}

/// The schema lists what the values list, at every depth.
fn assert_listed(schema: &Value, part: &Value, values: &Value, path: &str) {
    let Some(properties) = resolved(schema, part).get("properties").and_then(Value::as_object) else {
        return;
    };
    let Some(values) = values.as_object() else { return };
    for key in values.keys() {
        assert!(properties.contains_key(key), "{path}{key} is not in the schema");
    }
    // Parts of Kubernetes objects may be left out.
    let optional = ["global", "claims", "rollingUpdate", "successThreshold", "terminationGracePeriodSeconds"];
    for (key, part) in properties.iter().filter(|(key, _)| !optional.contains(&key.as_str())) {
        let value = values.get(key).unwrap_or_else(|| panic!("{path}{key} is not in values.yaml"));
        assert_listed(schema, part, value, &format!("{path}{key}."));
    }
}

#[test]
fn values_and_schema_list_the_same() {
    let schema = schema();
    assert_listed(&schema, &schema, &parse_one(&read(&chart("values.yaml"))), "");
}

#[test]
fn every_value_has_a_comment() {
    let text = read(&chart("values.yaml"));
    // Inside these, fields are Kubernetes' own.
    let foreign = ["podSecurityContext", "securityContext", "resources", "topologySpreadConstraints"];
    let (mut above, mut top) = ("", "");
    for line in text.lines() {
        let key = line.trim_start().split(':').next().unwrap_or("");
        let is_key = line.contains(':') && !key.contains(' ') && !key.starts_with(['#', '-']);
        if is_key && !line.starts_with(' ') {
            top = key;
        }
        if is_key && !(foreign.contains(&top) && line.starts_with(' ')) {
            let commented = above.trim_start().starts_with("# ") || line.contains(" # ");
            assert!(commented, "no comment: {line}");
        }
        above = line;
    }
}
