mod published;

use std::path::Path;

use super::{Code, Options, Report, Severity, TopicState, check};

/// A directory of manifests.
struct Tree {
    directory: tempfile::TempDir,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { directory }
    }

    fn check(&self) -> Report {
        check(&[self.directory.path()], &Options { namespace: "kafka".to_owned() }).unwrap()
    }
}

/// The findings, each as `file:document: code: object: field`, without those that every policy of these tests has.
fn found(report: &Report) -> Vec<String> {
    let findings = report.findings.iter().filter(|finding| finding.code != Code::PlaintextPasses);
    let line = findings.map(|finding| {
        let file =
            finding.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = finding.object.as_ref().map(|object| object.name.clone()).unwrap_or_default();
        let severity = finding.severity.as_str();
        format!("{file}:{} {severity} {:?} {name} {}", finding.document, finding.code, finding.field)
    });
    line.map(|line| line.trim_end().to_owned()).collect()
}

fn message(report: &Report, code: Code) -> &str {
    &report.findings.iter().find(|finding| finding.code == code).unwrap().message
}

fn policy(name: &str, rules: &str) -> String {
    format!(
        "apiVersion: encryption.strimzi.io/v1alpha1\nkind: TopicEncryptionPolicy\nmetadata: {{name: {name}}}\n\
         spec: {{kafkaRef: {{name: my-cluster}}, rules: [{rules}]}}\n---\n"
    )
}

fn proxy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: encryption.strimzi.io/v1alpha1\nkind: EncryptionProxy\nmetadata: {{name: {name}}}\n\
         spec: {{kafkaRef: {{name: my-cluster}}, {spec}}}\n---\n"
    )
}

fn topic(name: &str, config: &str) -> String {
    format!(
        "apiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\n\
         metadata: {{name: {name}, labels: {{strimzi.io/cluster: my-cluster}}}}\nspec: {{config: {{{config}}}}}\n---\n"
    )
}

fn kafka(name: &str) -> String {
    format!("apiVersion: kafka.strimzi.io/v1\nkind: Kafka\nmetadata: {{name: {name}}}\nspec: {{}}\n---\n")
}

const FINE: &str = "{topics: [{prefix: a}], key: {name: k}}";

fn one(text: &str) -> Report {
    Tree::new(&[("a.yaml", text)]).check()
}

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
    assert!(
        message(&report, Code::UnknownField)
            .contains("known are encryption, format, key, onPlaintext, topics")
    );
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
fn policies_with_the_same_pattern_are_in_conflict() {
    let report = one(&(policy("b", FINE) + &policy("a", FINE)));
    assert_eq!(found(&report), ["a.yaml:1 error Conflicted b spec.rules[0].topics[0]"]);
    assert!(message(&report, Code::Conflicted).contains("belongs to policy kafka/a"));
    assert!(message(&report, Code::Conflicted).contains("in the order of namespace and name"));
}

#[test]
fn a_rule_that_never_applies_is_a_warning() {
    let long = "x".repeat(249);
    let rules = format!(
        "{{topics: [{{prefix: {long}}}], key: {{name: k}}}}, {{topics: [{{name: {long}}}], key: {{name: k}}}}"
    );
    assert_eq!(found(&one(&policy("a", &rules))), ["a.yaml:1 warning ShadowedRule a spec.rules[0]"]);
    assert_eq!(
        found(&one(&policy("a", "{topics: [{name: __consumer_offsets}, {name: a}], key: {name: k}}"))),
        ["a.yaml:1 warning InternalTopic a spec.rules[0].topics[0].name"]
    );
}

#[test]
fn a_kafka_cluster_has_one_proxy() {
    let report = one(&(proxy("p", "replicas: 3") + &proxy("q", "replicas: 1")));
    assert_eq!(found(&report), ["a.yaml:2 error SecondProxy q spec.kafkaRef"]);
}

#[test]
fn a_provider_must_be_there() {
    let rule = "{topics: [{prefix: a}], key: {name: k, provider: vault}}";
    let report = one(&(policy("a", rule) + &proxy("p", "replicas: 1")));
    assert_eq!(found(&report), ["a.yaml:1 error Invalid a spec.rules[0].key.provider"]);
    assert!(message(&report, Code::Invalid).ends_with("the EncryptionProxy has default"));
    // Whoever has only the policies cannot know.
    assert_eq!(found(&one(&policy("a", rule))), ["a.yaml:1 note NotDecidable a spec.rules[0].key.provider"]);
}

#[test]
fn policies_of_other_namespaces_must_be_allowed() {
    let other = policy("a", FINE)
        .replace("{name: a}", "{name: a, namespace: team}")
        .replace("{name: my-cluster}", "{name: my-cluster, namespace: kafka}");
    let refused = ["a.yaml:1 error NamespaceNotAllowed a spec.kafkaRef.namespace"];
    assert_eq!(found(&one(&(other.clone() + &proxy("p", "replicas: 1")))), refused);
    assert_eq!(found(&one(&(other.clone() + &kafka("my-cluster")))), refused);
    assert_eq!(found(&one(&(other.clone() + &proxy("p", "allowedPolicies: {namespaces: All}")))), [""; 0]);
    let selector = "allowedPolicies: {namespaces: Selector, selector: {matchLabels: {team: a}}}";
    let namespace = |team: &str| {
        format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: team, labels: {{team: {team}}}}}\n---\n")
    };
    assert_eq!(found(&one(&(other.clone() + &proxy("p", selector) + &namespace("a")))), [""; 0]);
    assert_eq!(found(&one(&(other.clone() + &proxy("p", selector) + &namespace("b")))), refused);
    let unknown = ["a.yaml:1 note NotDecidable a spec.kafkaRef.namespace"];
    assert_eq!(found(&one(&(other.clone() + &proxy("p", selector)))), unknown);
    assert_eq!(found(&one(&other)), unknown);
}

#[test]
fn a_kafka_must_be_there_if_any_is() {
    let report = one(&(policy("a", FINE) + &proxy("p", "replicas: 1") + &kafka("other")));
    assert_eq!(
        found(&report),
        ["a.yaml:1 warning UnknownKafka a spec.kafkaRef", "a.yaml:2 warning UnknownKafka p spec.kafkaRef"]
    );
}

#[test]
fn topics_in_clear_are_listed() {
    let rules = "{topics: [{prefix: a}], key: {name: k}}, {topics: [{name: a.public}], encryption: Disabled}";
    let text = policy("p", rules) + &topic("a.b", "") + &topic("a.public", "") + &topic("b", "");
    let report = one(&text);
    assert_eq!(found(&report), ["a.yaml:3 note TopicInClear a.public", "a.yaml:4 warning TopicInClear b"]);
    let states: Vec<_> = report.topics.iter().map(|row| (row.topic.as_str(), row.state)).collect();
    assert_eq!(
        states,
        [("a.b", TopicState::Encrypted), ("a.public", TopicState::Clear), ("b", TopicState::Unmatched)]
    );
    assert!(report.to_string().contains(
        "
KAFKA             TOPIC     STATE           BY                     KEY        FORMAT
kafka/my-cluster  a.b       encrypted       kafka/p prefix a       default/k  Batch
kafka/my-cluster  a.public  clear           kafka/p name a.public
kafka/my-cluster  b         clear, no rule

1 file: 0 errors, 1 warning, 2 notes
"
    ));
}

#[test]
fn topics_that_nobody_can_write_to_are_listed() {
    let text =
        policy("a", FINE) + &policy("b", &format!("{FINE}, {{topics: [{{prefix: b}}], key: {{name: k}}}}"));
    let report = one(&(text + &topic("b", "") + &topic("c", "") + &proxy("p", "unmatchedTopics: Reject")));
    assert_eq!(
        found(&report),
        [
            "a.yaml:2 error Conflicted b spec.rules[0].topics[0]",
            "a.yaml:3 warning TopicRefused b",
            "a.yaml:4 warning TopicRefused c",
        ]
    );
}

#[test]
fn batch_format_does_not_suit_compacted_topics() {
    let text = |format: &str, cleanup: &str| {
        policy("p", &format!("{{topics: [{{prefix: a}}], key: {{name: k}}, format: {format}}}"))
            + &topic("a", &format!("cleanup.policy: {cleanup}"))
    };
    assert_eq!(
        found(&one(&text("Batch", "'compact, delete'"))),
        ["a.yaml:2 error BatchOnCompactedTopic a spec.config.cleanup.policy"]
    );
    assert_eq!(found(&one(&text("Batch", "delete"))), [""; 0]);
    let auto = one(&text("Auto", "compact"));
    assert_eq!(found(&auto), [""; 0]);
    assert_eq!(auto.topics[0].format, Some(operator_api::RecordFormat::Record));
}

#[test]
fn a_rule_for_everything_is_a_note_and_an_overlap_a_warning() {
    let text =
        policy("wide", FINE) + &policy("narrow", "{topics: [{name: a.b}, {any: true}], key: {name: k}}");
    let report = one(&text);
    let expected = [
        "a.yaml:2 note CatchAll narrow spec.rules[0].topics[1]",
        "a.yaml:2 warning OverlappingPolicies narrow spec.rules[0].topics[0]",
    ];
    assert_eq!(found(&report), expected);
}

#[test]
fn little_room_for_what_encryption_adds_is_a_note() {
    let text = |bytes: &str| policy("p", FINE) + &topic("a", &format!("max.message.bytes: {bytes}"));
    let note = ["a.yaml:2 note SizeHeadroom a spec.config.max.message.bytes"];
    assert_eq!(found(&one(&text("1048588"))), note);
    assert_eq!(found(&one(&text("'1048588'"))), note);
    assert_eq!(found(&one(&text("2097152"))), [""; 0]);

    let brokers =
        kafka("my-cluster").replace("spec: {}", "spec: {kafka: {config: {message.max.bytes: 1000000}}}");
    let unset = brokers.clone() + &policy("p", FINE) + &topic("a", "");
    let found_unset = ["a.yaml:3 note SizeHeadroom a spec.config.max.message.bytes"];
    assert_eq!(found(&one(&unset)), found_unset);
    assert!(
        message(&one(&unset), Code::SizeHeadroom)
            .starts_with("1000000 (message.max.bytes of the Kafka resource)")
    );
    assert_eq!(found(&one(&(brokers + &text("2097152")))), [""; 0], "the topic's own counts");
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

/// The tests on Kubernetes ask a real API server the same of this table.
#[test]
fn what_the_api_server_refuses_is_refused_in_its_words() {
    let cases: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../api/tests/refused.json")).unwrap();
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
