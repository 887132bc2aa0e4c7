//! The samples: only fields that the resource definitions have, with values that they take.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::files::{list, read, repository};
use crate::object::{self, items, kind, name, parse, parse_one, text};

/// The schema of each of our kinds, closed against unknown fields, which an API server would drop without a word.
fn schemas() -> BTreeMap<String, jsonschema::Validator> {
    let folder = repository("crds");
    let definitions = list(&folder).into_iter().map(|file| parse_one(&read(&folder.join(file))));
    definitions
        .map(|definition| {
            let version = items(&definition, "spec/versions").first().unwrap();
            let mut schema = object::at(version, "schema/openAPIV3Schema").clone();
            for (field, kind) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
                schema["properties"][field] = serde_json::json!({"type": kind});
            }
            close(&mut schema);
            (text(&definition, "spec/names/kind").to_owned(), jsonschema::validator_for(&schema).unwrap())
        })
        .collect()
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("properties").is_some_and(Value::is_object)
                && !fields.contains_key("additionalProperties")
            {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            // JSON Schema has no integers or strings by this name.
            if fields.remove("x-kubernetes-int-or-string").is_some() {
                fields.insert("type".to_owned(), serde_json::json!(["integer", "string"]));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => {}
    }
}

/// The manifests among the samples.
fn files() -> Vec<String> {
    let mut files = list(&repository("deploy/samples"));
    files.retain(|file| file != "README.md");
    files
}

/// The objects of our kinds in the files that people copy from, and all others.
fn objects() -> Vec<(String, Value)> {
    let folder = repository("deploy/samples");
    let mut all: Vec<_> = files()
        .into_iter()
        .flat_map(|file| {
            parse(&read(&folder.join(&file))).into_iter().map(move |object| (file.clone(), object))
        })
        .collect();
    all.extend(pages());
    let notes = crate::files::chart("templates/NOTES.txt");
    let policy =
        read(&notes).split("<<'POLICY'\n").nth(1).unwrap().split("POLICY\n").next().unwrap().to_owned();
    all.push(("NOTES.txt".to_owned(), parse_one(&policy.replace("{{ $namespace }}", "kafka"))));
    all
}

/// The parts of resources that the pages on key providers show.
fn pages() -> Vec<(String, Value)> {
    let folder = repository("proxy/kms/docs");
    let mut all = Vec::new();
    for file in list(&folder) {
        for block in read(&folder.join(&file)).split("\n```yaml encryptionproxy\n").skip(1) {
            let mut spec = parse_one(block.split("\n```").next().unwrap());
            spec["kafkaRef"] = serde_json::json!({"name": "my-cluster"});
            let object = serde_json::json!({
                "apiVersion": "encryption.strimzi.io/v1alpha1", "kind": "EncryptionProxy",
                "metadata": {"name": "my-cluster"}, "spec": spec,
            });
            all.push((file.clone(), object));
        }
    }
    all
}

/// Conformance: TE-B10.
#[test]
fn samples_have_only_what_the_definitions_have() {
    let schemas = schemas();
    let mut checked = 0;
    for (file, object) in objects() {
        if let Some(schema) = schemas.get(kind(&object)) {
            let errors: Vec<_> = schema.iter_errors(&object).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{file} {}: {errors:?}", name(&object));
            checked += 1;
        } else {
            object::assert_known_fields(&object);
        }
    }
    assert!(checked >= 13, "{checked}");
}

#[test]
fn an_unknown_field_in_a_sample_is_found() {
    let object = parse_one(
        "{apiVersion: a, kind: EncryptionProxy, metadata: {}, spec: {kafkaRef: {name: a}, replica: 3, listeners: [{name: LONG}]}}",
    );
    let schemas = schemas();
    let errors: Vec<_> =
        schemas["EncryptionProxy"].iter_errors(&object).map(|error| error.to_string()).collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn the_first_policy_fits_on_a_page_and_is_that_of_the_notes() {
    let sample = read(&repository("deploy/samples/10-policy.yaml"));
    let lines = sample.lines().filter(|line| !line.starts_with('#')).count();
    assert!(lines <= 10, "{lines}");
    let (_, notes) = objects().pop().unwrap();
    assert_eq!(parse_one(&sample), notes);
}

#[test]
fn every_sample_is_listed() {
    let folder = repository("deploy/samples");
    let readme = read(&folder.join("README.md"));
    for file in files() {
        assert!(readme.contains(&format!("[{file}]({file})")), "{file}");
    }
}

/// Fields of ours and one step into those of Kubernetes, as `a.b.c`.
fn fields(schema: &Value, path: &str, depth: usize, found: &mut Vec<String>) {
    let schema = schema.get("items").unwrap_or(schema);
    for (name, value) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        found.push(path.clone());
        if depth > 1 && !FOREIGN.contains(&name.as_str()) {
            fields(value, &path, depth - 1, found);
        }
    }
}

/// Fields whose insides are Kubernetes' own.
const FOREIGN: [&str; 14] = [
    "affinity",
    "dnsConfig",
    "env",
    "hostAliases",
    "imagePullSecrets",
    "labels",
    "networkPolicyPeers",
    "resources",
    "securityContext",
    "selector",
    "tolerations",
    "topologySpreadConstraints",
    "volumes",
    "volumeMounts",
];

fn present(value: &Value, path: &[&str]) -> bool {
    match (value, path) {
        (_, []) => true,
        (Value::Array(values), path) => values.iter().any(|value| present(value, path)),
        (value, [first, rest @ ..]) => value.get(first).is_some_and(|value| present(value, rest)),
    }
}

/// Conformance: TE-07.
#[test]
fn the_samples_of_every_field_have_every_field_but_one_of_those_that_exclude_each_other() {
    let excluded = [
        "tls.secretRef",
        "keyProviders.vault.authentication.appRole",
        "keyProviders.vault.authentication.jwt",
        "keyProviders.vault.authentication.tokenSecretRef",
        "keyProviders.vault.tls.caSecretRef",
        "keyProviders.awsKms.credentials.accessKey",
        "keyProviders.awsKms.credentials.instance",
        "keyProviders.awsKms.tls.caSecretRef",
        "keyProviders.azureKeyVault.credentials.clientSecret",
        "keyProviders.azureKeyVault.tls.caSecretRef",
        "keyProviders.gcpKms.credentials.serviceAccountKey",
        "keyProviders.gcpKms.tls.caSecretRef",
        "keyProviders.ibmKeyProtect.credentials.apiKey",
        "keyProviders.ibmKeyProtect.tls.caSecretRef",
        "keyProviders.pkcs11.slot",
        "keyProviders.kmip.tls.caSecretRef",
    ];
    for (definition, file, excluded) in [
        ("encryptionproxies.yaml", "24-proxy-every-field.yaml", &excluded[..]),
        // Its value is everybody's own: 13-policy-record-keys.yaml.
        ("topicencryptionpolicies.yaml", "11-policy-every-field.yaml", &["rules.recordKeys"][..]),
    ] {
        let definition = parse_one(&read(&repository("crds").join(definition)));
        let version = items(&definition, "spec/versions").first().unwrap();
        let mut all = Vec::new();
        fields(object::at(version, "schema/openAPIV3Schema/properties/spec"), "", 5, &mut all);
        let samples = parse(&read(&repository("deploy/samples").join(file)));
        let is_there = |field: &String| {
            let path: Vec<&str> = field.split('.').collect();
            samples.iter().any(|sample| present(object::at(sample, "spec"), &path))
        };
        let is_excluded = |field: &str| excluded.iter().any(|prefix| field.starts_with(prefix));
        let missing: Vec<_> =
            all.iter().filter(|field| !is_there(field) && !is_excluded(field.as_str())).collect();
        assert!(missing.is_empty(), "{file}: {missing:?}");
    }
}
