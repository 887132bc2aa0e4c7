//! The two forms of a report.

use super::*;

#[test]
fn a_finding_is_one_line_for_people_and_an_object_for_programs() {
    let tree = Tree::new(&[("a.yaml", &(policy("a", FINE) + &policy("b", FINE) + &topic("a.b", "")))]);
    let report = tree.check();
    let file = tree.directory.path().join("a.yaml");
    let line = format!(
        "{}:6: error: TopicEncryptionPolicy kafka/b: spec.rules[0].topics[0]: prefix a",
        file.display()
    );
    assert!(report.to_string().contains(&line), "{report}");
    let json = serde_json::to_value(&report).unwrap();
    let conflict =
        json["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == "Conflicted").unwrap();
    assert_eq!(conflict["severity"], "error");
    assert_eq!((&conflict["document"], &conflict["line"]), (&2.into(), &6.into()));
    assert_eq!(
        conflict["object"],
        serde_json::json!({"kind": "TopicEncryptionPolicy", "namespace": "kafka", "name": "b"})
    );
    assert_eq!(
        json["topics"][0],
        serde_json::json!({
            "file": file, "document": 3, "kafka": {"namespace": "kafka", "name": "my-cluster"}, "topic": "a.b",
            "state": "Encrypted", "policy": {"namespace": "kafka", "name": "a"}, "pattern": "prefix a",
            "key": {"provider": "default", "name": "k"}, "format": "Batch",
        })
    );
    assert_eq!(json["summary"], serde_json::json!({"files": 1, "errors": 1, "warnings": 0, "notes": 1}));
    assert_eq!(report.findings.iter().map(|finding| finding.severity).max(), Some(Severity::Error));
}
