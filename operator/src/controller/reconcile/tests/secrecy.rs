//! What stands in Secrets stands nowhere else of what the operator writes.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{CORE, PROXY, STRIMZI, World};
use crate::controller::fixtures::{observed, proxy};

/// Entries that Secrets of others have, whatever they are for.
const ENTRIES: [&str; 14] = [
    "ca.key",
    "tls.key",
    "user.key",
    "password",
    "token",
    "roleId",
    "secretId",
    "client-secret",
    "api-key",
    "key.json",
    "pin",
    "accessKeyId",
    "secretAccessKey",
    "payments.v1",
];

/// The settings of each sample of an `EncryptionProxy`, for the cluster that the tests know.
fn samples() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/samples");
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let objects = serde_yaml::Deserializer::from_str(&text).map(|each| Value::deserialize(each).unwrap());
        for mut object in objects.filter(|object| object["kind"] == "EncryptionProxy") {
            let spec = object["spec"].as_object_mut().unwrap();
            if let Some(authentication) = spec.get_mut("authentication") {
                authentication["kafkaUserRef"]["name"] = "proxies".into();
                spec.insert("listenerName".to_owned(), "mtls".into());
            }
            found.push((path.file_name().unwrap().to_string_lossy().into_owned(), object["spec"].clone()));
        }
    }
    found
}

/// Names of Secrets that settings refer to.
fn secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                if field.ends_with("ecretRef") {
                    found.extend(value["name"].as_str().map(str::to_owned));
                }
                secrets(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| secrets(item, found)),
        _ => {}
    }
}

fn encoded(text: &str) -> Value {
    STANDARD.encode(text).into()
}

impl World {
    /// A Secret of somebody else. Nobody can tell a key from a certificate by the name of an entry alone.
    fn secret(&self, name: &str) {
        let mut data: serde_json::Map<_, _> = ENTRIES
            .iter()
            .map(|entry| ((*entry).to_owned(), encoded(&format!("SECRET {entry} of {name}"))))
            .collect();
        let pem = |kind: &str| {
            format!(
                "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
                STANDARD.encode(format!("SECRET {kind} in {name}"))
            )
        };
        let certificate = "-----BEGIN CERTIFICATE-----\naXNzdWVy\n-----END CERTIFICATE-----\n";
        data.insert("ca.crt".to_owned(), encoded(&format!("{certificate}{}", pem("PRIVATE KEY"))));
        self.put(CORE, "secrets", &json!({"metadata": {"name": name, "namespace": "kafka"}, "data": data}));
    }

    /// Whatever nobody but readers of Secrets may see: entries, and the long lines of those that have several.
    fn secret_texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for secret in self.server.all("/secrets/") {
            // What applications are told is no secret, nor are certificates.
            if secret["metadata"]["name"] == "my-cluster-encryption-client" {
                continue;
            }
            for (entry, content) in secret["data"].as_object().into_iter().flatten() {
                let text = String::from_utf8(STANDARD.decode(content.as_str().unwrap()).unwrap()).unwrap();
                if entry.rsplit_once('.').is_some_and(|(_, kind)| kind == "crt")
                    && !text.contains("PRIVATE KEY")
                    || entry.ends_with("-at")
                {
                    continue;
                }
                let key = text.split("-----BEGIN PRIVATE KEY-----").last().unwrap();
                let lines = key.lines().filter(|line| !line.is_empty() && !line.starts_with("-----"));
                texts.extend(lines.map(str::to_owned));
                texts.push(content.as_str().unwrap().to_owned());
            }
        }
        texts
    }

    /// Nothing of them is in another object, nor in metrics. Gives the kinds of what was looked at.
    fn keeps_secrets(&self, file: &str) -> Vec<String> {
        let texts = self.secret_texts();
        assert!(texts.len() > 2, "{file}: {texts:?}");
        let secrets = self.server.all("/secrets/");
        let others: Vec<_> = self.server.all("").into_iter().filter(|each| !secrets.contains(each)).collect();
        let mut seen: Vec<String> = others.iter().map(ToString::to_string).collect();
        seen.push(self.scraped());
        for text in &texts {
            let written = serde_json::to_string(text).unwrap();
            let written = written.trim_matches('"');
            for other in &seen {
                let shows =
                    other.contains(text) || other.contains(written) || other.contains(&STANDARD.encode(text));
                assert!(!shows, "{file}: {text} is in {other}");
            }
        }
        others.iter().map(|each| each["kind"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// Conformance: TE-09.
#[tokio::test]
async fn no_value_of_a_secret_is_in_anything_else_that_is_written() {
    let samples = samples();
    assert!(samples.len() >= 12, "{}", samples.len());
    for (file, spec) in samples {
        let world = World::with_policy().await;
        for user in observed().strimzi.unwrap().users {
            world.put(STRIMZI, "kafkausers", &user);
        }
        let mut names = vec!["strimzi-proxies".to_owned(), "my-cluster-cluster-ca-cert".to_owned()];
        secrets(&spec, &mut names);
        for name in &names {
            world.secret(name);
        }
        world.proxy(&proxy("proxies", &spec.to_string()));
        world.pass().await;
        world.pass().await;
        let kinds = world.keeps_secrets(&file);
        for kind in ["ConfigMap", "Deployment", "Service", "Event", "EncryptionProxy"] {
            assert!(kinds.iter().any(|each| each == kind), "{file}: no {kind} in {kinds:?}");
        }
    }
}

/// Conformance: TE-09.
#[tokio::test]
async fn nor_is_it_told_what_is_wrong_with_it() {
    let world = World::with_policy().await;
    world.proxy(&proxy("proxies", "{}"));
    world.pass().await;
    for (name, entry) in [("keys", "payments.v1"), ("keys", "SECRET-no-name"), ("ca", "ca.key")] {
        let path = format!("{CORE}/secrets/my-cluster-encryption-{name}");
        let before = world.server.get(&path).unwrap();
        let mut spoiled = before.clone();
        spoiled["data"][entry] = encoded(&format!("SECRET that was mistaken for {entry}"));
        world.put(CORE, "secrets", &spoiled);
        // A pass may fail by it; that is told, too.
        let _ = world.try_pass().await;
        let told = world.server.get(PROXY).unwrap()["status"].to_string();
        assert!(told.contains(entry), "{entry} is not told of: {told}");
        world.keeps_secrets(entry);
        world.put(CORE, "secrets", &before);
        world.pass().await;
    }
}
