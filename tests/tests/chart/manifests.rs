//! `deploy/base` and `deploy/metrics`: rendered from the chart, for those who do not use helm.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::files::{assert_generated, assert_only, chart, list, read, repository};
use crate::helm::{run, template, tool};
use crate::object::{kind, name, parse};

/// What only helm has a use for.
const HELMS: [&str; 2] = ["helm.sh/chart:", "app.kubernetes.io/managed-by: Helm"];
const HEAD: &str = "# Written by `make generate` from helm/topic-encryption-operator. Do not edit.\n";

/// Renders by the template that they come from.
fn rendered(values: &str, more: &[&str]) -> BTreeMap<String, String> {
    let values = chart("tests").join(values);
    let text = template(&[&["--values", values.to_str().unwrap()], more].concat()).unwrap();
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for document in text.split("---\n# Source: topic-encryption-operator/templates/").skip(1) {
        let (file, body) = document.split_once('\n').unwrap();
        let lines = body.lines().filter(|line| !HELMS.iter().any(|each| line.trim_start().starts_with(each)));
        let body = lines.map(str::trim_end).collect::<Vec<_>>().join("\n");
        let text = files.entry(file.to_owned()).or_insert_with(|| HEAD.to_owned());
        if text.len() > HEAD.len() {
            text.push_str("---\n");
        }
        text.push_str(body.trim_end());
        text.push('\n');
    }
    files
}

#[test]
fn generated_base_is_what_the_chart_renders() {
    let folder = repository("deploy/base");
    let files = rendered("base.values.yaml", &[]);
    let mut names: Vec<String> = files.keys().cloned().collect();
    for (name, text) in &files {
        assert!(name.as_bytes().first().is_some_and(u8::is_ascii_digit), "{name} has no number");
        assert_generated(&folder.join(name), text);
    }
    let listed = names.join("\n  - ");
    let kustomization = format!(
        "{HEAD}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: kafka\nresources:\n  - {listed}\n"
    );
    assert_generated(&folder.join("kustomization.yaml"), &kustomization);
    names.push("kustomization.yaml".to_owned());
    assert_only(&folder, &names);
}

/// By kind and name, numbers alike however they are written.
fn sorted(objects: impl IntoIterator<Item = Value>) -> Vec<(String, Value)> {
    let mut objects: Vec<_> =
        objects.into_iter().map(|each| (format!("{}/{}", kind(&each), name(&each)), plain(each))).collect();
    objects.sort_by(|(one, _), (other, _)| one.cmp(other));
    objects
}

fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(values) => values.into_iter().map(plain).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        other => other,
    }
}

#[test]
fn kustomize_builds_the_base_and_the_folder_around_it_as_the_chart_renders_them() {
    let rendered: Vec<_> =
        rendered("base.values.yaml", &[]).into_values().flat_map(|text| parse(&text)).collect();
    for folder in ["deploy/base", "deploy"] {
        let built = parse(&run(tool("kubectl").arg("kustomize").arg(repository(folder))).unwrap());
        assert_eq!(sorted(built), sorted(rendered.clone()), "{folder}");
    }
}

/// What a plain `kubectl apply` writes down beside each object must fit into its annotations.
#[test]
fn every_object_of_the_base_can_be_applied_without_server_side_apply() {
    let objects = rendered("base.values.yaml", &[]).into_values().flat_map(|text| parse(&text));
    for object in objects {
        assert!(object.to_string().len() < 256 * 1024, "{} {}", kind(&object), name(&object));
    }
}

fn copy_base(folder: &Path) {
    for file in list(&repository("deploy/base")) {
        std::fs::copy(repository("deploy/base").join(&file), folder.join(&file)).unwrap();
    }
}

/// It stands in a folder of its own beside the base.
#[test]
fn the_overlay_of_the_readme_changes_the_namespace_and_both_images() {
    let scratch = tests::Scratch::new("overlay");
    let folders = ["base", "streaming"].map(|name| scratch.path().join(name));
    let [base, overlay] = &folders;
    for folder in &folders {
        std::fs::create_dir(folder).unwrap();
    }
    copy_base(base);
    let readme = read(&repository("deploy/README.md"));
    let block = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    std::fs::write(overlay.join("kustomization.yaml"), block).unwrap();
    let built = run(tool("kubectl").arg("kustomize").arg(overlay)).unwrap();
    assert!(built.contains("namespace: streaming") && !built.contains("namespace: kafka"), "{built}");
    let containers = parse(&built).into_iter().filter(|each| kind(each) == "Deployment");
    let containers: String = containers.map(|each| each.to_string()).collect();
    for program in ["operator", "proxy"] {
        let image = format!("\"registry.example.com/topic-encryption-{program}:0.1.0\"");
        assert!(containers.contains(&image), "{containers}");
    }
    assert!(!containers.contains("strimzi/"), "{containers}");
}

/// What a change of the namespace must reach: the subjects of bindings too.
#[test]
fn the_base_moves_to_another_namespace() {
    let scratch = tests::Scratch::new("base");
    let folder = scratch.path();
    copy_base(folder);
    let moved = read(&folder.join("kustomization.yaml")).replace("namespace: kafka", "namespace: elsewhere");
    std::fs::write(folder.join("kustomization.yaml"), moved).unwrap();
    let built = run(tool("kubectl").arg("kustomize").arg(folder)).unwrap();
    assert!(built.contains("namespace: elsewhere") && !built.contains("namespace: kafka"), "{built}");
}

#[test]
fn generated_metrics_are_what_the_chart_renders() {
    let folder = repository("deploy/metrics");
    let files = rendered("metrics.values.yaml", &["--set", "crds.enabled=false"]);
    let monitors =
        ["080-PodMonitor.yaml", "082-PodMonitor-proxies.yaml"].map(|file| files[file].replace(HEAD, ""));
    assert_generated(&folder.join("pod-monitors.yaml"), &format!("{HEAD}{}", monitors.join("---\n")));
    assert_generated(&folder.join("prometheus-rule.yaml"), &files["083-PrometheusRule.yaml"]);
    let dashboard = read(&chart("files/dashboards/topic-encryption.json"));
    assert_generated(&folder.join("dashboard.json"), &dashboard);
}
