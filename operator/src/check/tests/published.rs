//! What people copy from: the samples and the examples in the documents. `check` finds nothing wrong with them.

use std::path::{Path, PathBuf};

use super::{Code, Options, Report, Severity, Tree, check, proxy};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What is said of files beyond what every policy is told while clear records are delivered.
fn complaints(report: &Report) -> Vec<String> {
    let serious = report.findings.iter().filter(|finding| finding.severity != Severity::Note);
    serious.map(|finding| format!("{:?}: {}", finding.code, finding.message)).collect()
}

/// Whether a sample has resources of ours, rather than what other people's may need beside them.
fn has_ours(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap();
    let ours = ["kind: TopicEncryptionPolicy", "kind: EncryptionProxy"];
    text.lines().any(|line| ours.contains(&line))
}

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(ROOT).join("deploy/samples");
    let files = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    files.sort();
    files
}

/// The blocks of YAML in a document.
fn examples(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(ROOT).join(document)).unwrap();
    let blocks = text.split("```yaml\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Conformance: TE-B09, TE-B10.
#[test]
fn every_sample_passes_by_itself() {
    let options = Options { namespace: "kafka".to_owned() };
    let samples = samples();
    for path in &samples {
        let report = check(&[path], &options).unwrap();
        if has_ours(path) {
            assert_eq!(complaints(&report), Vec::<String>::new(), "{}", path.display());
        } else {
            let codes: Vec<_> = report.findings.iter().map(|each| each.code).collect();
            assert_eq!(codes, [Code::NothingFound], "{}", path.display());
        }
    }
    assert!(samples.len() >= 12, "{samples:?}");
}

#[test]
fn samples_suit_the_kafka_cluster_among_them() {
    let kafka = std::fs::read_to_string(Path::new(ROOT).join("deploy/samples/00-kafka.yaml")).unwrap();
    for path in samples() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        // Users of the two samples that name one are beside them or described by another sample.
        let report = Tree::new(&[("kafka.yaml", &kafka), (name, &text)]).check();
        if has_ours(&path) {
            assert_eq!(complaints(&report), Vec::<String>::new(), "{name}");
        }
    }
}

/// Conformance: TE-28.
#[test]
fn examples_in_documents_pass() {
    let policy =
        examples("README.md").into_iter().find(|text| text.contains("encryption.strimzi.io")).unwrap();
    assert_eq!(complaints(&Tree::new(&[("policy.yaml", &policy)]).check()), Vec::<String>::new());
    let pages = Path::new(ROOT).join("operator/docs").read_dir().unwrap();
    let pages = pages.map(|entry| format!("operator/docs/{}", entry.unwrap().file_name().display()));
    let fragments: Vec<_> = pages.flat_map(|page| examples(&page)).collect();
    let fragments: Vec<_> = fragments.iter().filter(|text| !text.starts_with("# values")).collect();
    for fragment in &fragments {
        let flow: serde_json::Value = serde_yaml::from_str(fragment).unwrap();
        let fields = flow.to_string();
        let manifest = proxy("proxies", fields.trim_matches(['{', '}']));
        assert_eq!(complaints(&Tree::new(&[("proxy.yaml", &manifest)]).check()), Vec::<String>::new());
    }
    assert!(!fragments.is_empty());
}

#[test]
fn policies_of_the_page_on_migration_pass_beside_the_providers_that_they_name() {
    let text = std::fs::read_to_string(Path::new(ROOT).join("proxy/docs/migration.md")).unwrap();
    let blocks: Vec<_> = text.split("```yaml topicencryptionpolicy\n").skip(1).collect();
    let providers = "keyProviders: [{name: default, local: {}}, {name: vault, vault: {address: 'https://vault:8200', \
                     authentication: {kubernetes: {role: proxies}}}}]";
    for block in &blocks {
        // They stand in lists.
        let lines = block.split("```").next().unwrap().lines();
        let policy: Vec<_> = lines.map(|line| line.strip_prefix("   ").unwrap_or(line)).collect();
        let proxy = proxy("my-cluster", providers)
            .replace("{name: my-cluster}", "{name: my-cluster, namespace: kafka}");
        let proxy =
            proxy.replace("kafkaRef: {name: my-cluster, namespace: kafka}", "kafkaRef: {name: my-cluster}");
        let manifests = [("policy.yaml", policy.join("\n")), ("proxy.yaml", proxy)];
        let manifests = manifests.each_ref().map(|(name, text)| (*name, text.as_str()));
        assert_eq!(complaints(&Tree::new(&manifests).check()), Vec::<String>::new(), "{block}");
    }
    assert_eq!(blocks.len(), 2);
}
