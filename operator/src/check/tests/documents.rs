//! Files, documents and where findings point to.

use super::*;

#[test]
fn nothing_is_found_in_manifests_that_are_fine() {
    let tree = Tree::new(&[
        ("policies/a.yaml", &policy("a", FINE)),
        ("policies/deep/b.yml", &policy("b", "{topics: [{name: b, prefix: null}], encryption: Disabled}")),
        ("proxy.yaml", &proxy("p", "keyProviders: [{name: default, local: {}}]")),
        ("kafka.yaml", &kafka("my-cluster")),
    ]);
    let report = tree.check();
    assert_eq!(found(&report), [""; 0]);
    assert_eq!((report.summary.files, report.summary.errors, report.summary.notes), (4, 0, 1));
}

#[test]
fn other_files_are_left_alone() {
    let tree = Tree::new(&[
        ("a.yaml", &policy("a", FINE)),
        ("kustomization.yaml", "resources: [a.yaml\n"),
        ("README.md", "a: b: c"),
        (".git/config.yaml", "a: b: c"),
        ("other.yaml", "apiVersion: v1\nkind: Service\nmetadata: {}\n---\nvalues: 1\n---\n"),
    ]);
    assert_eq!(found(&tree.check()), [""; 0]);
}

#[test]
fn a_template_that_is_no_yaml_is_not_checked_which_is_a_warning() {
    let tree = Tree::new(&[("a.yaml", &policy("a", FINE)), ("t.yaml", "name: {{ .Values.name }}\n")]);
    assert_eq!(found(&tree.check()), ["t.yaml:0 warning Template"]);
    let partly = policy("a", "") + "{{- if .Values.more }}\na: 1\n{{- end }}\n";
    assert_eq!(found(&one(&partly)), [":0 warning NothingFound", "a.yaml:0 warning Template"]);
}

#[test]
fn what_is_yaml_is_checked_whatever_stands_in_comments_and_texts() {
    let text = "# as {{ .Values.name }} says\n".to_owned()
        + &policy("a", "").replace("metadata: {name: a}", "metadata: {name: a, annotations: {a: '{{ b }}'}}");
    assert_eq!(found(&one(&text)), ["a.yaml:1 error Schema a spec.rules"]);
}

#[test]
fn nothing_to_check_is_worth_a_warning() {
    let report = one("a: 1\n");
    assert_eq!(found(&report), [":0 warning NothingFound"]);
    assert!(message(&report, Code::NothingFound).ends_with("in 1 file (*.yaml and *.yml)"));
}

#[test]
fn a_finding_names_the_line_on_which_its_document_begins_or_is_no_yaml() {
    let lines = |text: &str| one(text).findings.iter().map(|finding| finding.line).collect::<Vec<_>>();
    let wrong = policy("a", "").trim_end_matches("---\n").to_owned();
    assert_eq!(lines(&wrong), [1]);
    assert_eq!(lines(&format!("# Ours\n\n---\n# About it\n{wrong}")), [5]);
    assert_eq!(lines(&format!("a: 1\n---\n---\nb: |\n  ---\n--- # Ours\n{wrong}---\n")), [7]);
    assert_eq!(lines("a: 1\n---\nb: 1\nc: @\nd: 1\n"), [4]);
}

#[test]
fn what_is_no_yaml_is_an_error() {
    assert_eq!(found(&one(&(policy("a", FINE) + "a: [\n"))), ["a.yaml:2 error Syntax"]);
    let twice = policy("a", FINE).replace("kind:", "kind: Other\nkind:");
    assert_eq!(found(&one(&twice)), ["a.yaml:1 error Syntax"]);
}

#[test]
fn the_same_object_twice_is_an_error_with_the_first_place() {
    let tree = Tree::new(&[("a.yaml", &policy("a", FINE)), ("b.yaml", &policy("a", FINE))]);
    let report = tree.check();
    assert_eq!(found(&report), ["b.yaml:1 error Duplicate a"]);
    assert!(message(&report, Code::Duplicate).ends_with("a.yaml:1: remove one of the two"));
}

#[test]
fn items_of_a_list_count() {
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}", policy("a", "").replace('\n', "\n  "));
    assert_eq!(found(&one(list.trim_end_matches(['-', '\n', ' ']))), ["a.yaml:1 error Schema a spec.rules"]);
}

#[test]
fn a_file_is_read_whatever_its_name() {
    let tree = Tree::new(&[("manifest.txt", &policy("a", ""))]);
    let path = tree.directory.path().join("manifest.txt");
    let options = Options { namespace: "kafka".to_owned() };
    assert_eq!(
        found(&check(&[&path, &path], &options).unwrap()),
        ["manifest.txt:1 error Schema a spec.rules"]
    );
    let error = check(&[Path::new("/nonexistent/manifests")], &options).unwrap_err();
    assert_eq!(error.to_string(), "failed to read /nonexistent/manifests");
}
