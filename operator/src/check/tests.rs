use std::fs;

use super::*;

const POLICY: &str = "
apiVersion: encryption.strimzi.io/v1alpha1
kind: TopicEncryptionPolicy
metadata: {name: NAME, namespace: kafka}
spec:
  kafkaRef: {name: my-cluster}
  rules:
    - topics: [TOPIC]
      RULE
";

fn policy(name: &str, topic: &str, rule: &str) -> String {
    POLICY.replace("NAME", name).replace("TOPIC", topic).replace("RULE", rule)
}

fn topic(name: &str, config: &str) -> String {
    format!(
        "apiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\nmetadata: {{name: {name}, namespace: kafka, labels: \
         {{strimzi.io/cluster: my-cluster}}}}\nspec: {{partitions: 1, replicas: 1, config: {config}}}\n"
    )
}

fn checked(files: &[(&str, String)]) -> Report {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    check(&[directory.path().to_owned()], "default").unwrap()
}

/// Severity, field and message of everything that was found, one a line.
fn said(report: &Report) -> String {
    report.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_sound_repository_has_no_errors() {
    let report = checked(&[
        ("a.yaml", policy("a", "{prefix: \"payments.\"}", "key: {name: a}")),
        ("deeper/b.yml", policy("b", "{name: refunds}", "key: {name: b}\n      onPlaintext: Reject")),
        ("notes.txt", "no YAML: {".to_owned()),
        ("kustomization.yaml", "resources: [a.yaml]\n".to_owned()),
    ]);
    assert_eq!((report.summary.errors, report.summary.policies), (0, 2), "{}", said(&report));
}

#[test]
fn mistakes_are_found_where_they_stand() {
    for (rule, wanted) in [
        ("kye: {name: a}", "kye"),
        ("key: {name: 5}", "spec.rules[0].key.name"),
        ("format: Batch", "key is required"),
        ("key: {name: a, provider: vault}", "spec.rules[0].key.provider"),
    ] {
        let report = checked(&[("p.yaml", policy("p", "{name: a}", rule))]);
        assert!(report.summary.errors > 0 && said(&report).contains(wanted), "{rule}: {}", said(&report));
    }
}

#[test]
fn what_is_no_yaml_is_an_error_and_a_template_a_note() {
    let report = checked(&[("bad.yaml", "a: [".to_owned()), ("chart.yaml", "a: {{ .Values.a }}".to_owned())]);
    assert_eq!(report.summary.errors, 1, "{}", said(&report));
    assert!(said(&report).contains("note: is a template"), "{}", said(&report));
}

#[test]
fn conflicts_and_duplicates_are_errors() {
    let first = policy("a", "{name: t}", "key: {name: a}");
    let second = policy("b", "{name: t}", "key: {name: b}");
    let report = checked(&[("a.yaml", first.clone()), ("b.yaml", second)]);
    assert!(
        said(&report).contains("TopicEncryptionPolicy kafka/b") && said(&report).contains("Conflicted"),
        "{}",
        said(&report)
    );
    let report = checked(&[("a.yaml", first.clone()), ("b.yaml", first)]);
    assert!(said(&report).contains("is defined in"), "{}", said(&report));
}

#[test]
fn topics_are_listed_with_what_becomes_of_them() {
    let report = checked(&[
        ("p.yaml", policy("p", "{prefix: \"payments.\"}", "key: {name: a}\n      format: Batch")),
        ("topics/a.yaml", topic("payments.a", "{}")),
        ("topics/b.yaml", topic("payments.b", "{cleanup.policy: compact}")),
        ("topics/c.yaml", topic("other", "{}")),
    ]);
    let rows: Vec<_> = report.topics.iter().map(|row| (row.topic.as_str(), row.treatment)).collect();
    assert_eq!(rows, [("other", "unmatched"), ("payments.a", "encrypted"), ("payments.b", "encrypted")]);
    assert!(said(&report).contains("format: Batch refuses writes"), "{}", said(&report));
    assert!(said(&report).contains("no rule matches it"), "{}", said(&report));
}

#[test]
fn the_report_has_a_form_for_programs() {
    let report = checked(&[("p.yaml", policy("p", "{name: a}", "kye: {name: a}"))]);
    let value = serde_json::to_value(&report).unwrap();
    let finding = &value["findings"][0];
    for field in ["file", "document", "severity", "object", "field", "message"] {
        assert!(!finding[field].is_null(), "{field}: {finding}");
    }
    assert_eq!(value["summary"]["policies"], 0);
}

#[test]
fn a_path_that_is_not_there_is_no_report() {
    let error = check(&["/nowhere/at/all".into()], "default").unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}

/// They are alternatives, so each is one by itself.
#[test]
fn no_sample_has_errors() {
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/samples");
    let files = fs::read_dir(samples).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "yaml")).collect();
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        let report = check(&[file], "kafka").unwrap();
        assert_eq!(report.summary.errors, 0, "{}", said(&report));
    }
}
