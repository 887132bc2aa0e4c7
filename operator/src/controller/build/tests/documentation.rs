//! Key providers as samples and pages show them are taken: by the rules of validation, and by the proxies.

use std::fs;
use std::path::{Path, PathBuf};

use kube::core::cel::validate_cel;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::controller::fixtures::{judge, proxy, with_proxy};

fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path: &PathBuf| path.extension().is_some_and(|kind| kind == extension));
    paths.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

/// What a spec says of keys, and what its pods need for them.
fn keys(spec: &Value) -> Option<Value> {
    let providers = spec.get("keyProviders")?;
    Some(match spec.get("template") {
        Some(template) => json!({"keyProviders": providers, "template": template}),
        None => json!({"keyProviders": providers}),
    })
}

fn assert_taken(file: &str, spec: &Value) {
    let spec = keys(spec).unwrap().to_string();
    validate_cel(&proxy("proxies", &spec)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let fleet = judge(&with_proxy(&spec)).fleet;
    fleet.unwrap_or_else(|obstacle| panic!("{file}: {obstacle}"));
}

#[test]
fn samples() {
    let mut checked = 0;
    for (file, text) in files("deploy/samples", "yaml") {
        for document in serde_yaml::Deserializer::from_str(&text) {
            let object = Value::deserialize(document).unwrap();
            if object["kind"] == "EncryptionProxy" && keys(&object["spec"]).is_some() {
                assert_taken(&file, &object["spec"]);
                checked += 1;
            }
        }
    }
    assert!(checked >= 5, "{checked}");
}

/// Conformance: TE-B09.
#[test]
fn pages_on_key_providers() {
    let mut checked = 0;
    for (file, page) in files("proxy/kms/docs", "md") {
        for block in page.split("\n```yaml encryptionproxy\n").skip(1) {
            let block = block.split("\n```").next().unwrap();
            assert_taken(&file, &serde_yaml::from_str(block).unwrap());
            checked += 1;
        }
    }
    assert!(checked >= 5, "{checked}");
}
