//! The pages on key providers show only what the parser takes, and all have the same parts.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};

use proxy_config::ProxyConfig;

const PARTS: [&str; 10] = [
    "Set up",
    "Proxy",
    "EncryptionProxy",
    "Rotate",
    "Revoke",
    "Restore",
    "Destroy",
    "Errors",
    "What is bound and what is not",
    "Proved against",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../kms/docs")
}

/// Each page with its name.
fn pages() -> Vec<(String, String)> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let pages = entries.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    let pages = pages.map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    let pages: Vec<_> = pages.filter(|(name, _)| name != "README.md").collect();
    assert!(pages.len() >= 5, "{}", pages.len());
    pages
}

fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let open = format!("\n```{kind}\n");
    page.split(&open).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

/// Conformance: TE-B09.
#[test]
fn settings_of_proxies_are_valid() {
    for (name, page) in pages() {
        let providers = blocks(&page, "yaml provider");
        assert!(!providers.is_empty(), "{name}");
        for text in providers {
            let text = format!(
                "cluster: my-cluster
upstream: {{bootstrapServers: ['127.0.0.1:19092']}}
listeners: [{{name: plain, bind: '127.0.0.1:29092', advertisedHost: 127.0.0.1, brokerPorts: {{start: 29100}}}}]
policy: {{file: policy.yaml}}
{text}
"
            );
            ProxyConfig::parse(&text, Path::new("/etc/proxy"))
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

/// The other kind is tested beside the resource.
#[test]
fn every_block_of_yaml_is_tested() {
    for (name, page) in pages() {
        let tested = blocks(&page, "yaml provider").len() + blocks(&page, "yaml encryptionproxy").len();
        assert_eq!(page.matches("```yaml").count(), tested, "{name}");
    }
}

#[test]
fn all_pages_have_the_same_parts_and_are_listed() {
    let list = fs::read_to_string(folder().join("README.md")).unwrap();
    for (name, page) in pages() {
        let parts: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(parts, PARTS, "{name}");
        assert!(list.contains(&format!("]({name})")), "{name} is not in README.md");
        // What the platform's owner copies is in the page, or in a sample that it names.
        let shown = !blocks(&page, "yaml encryptionproxy").is_empty() || page.contains("/deploy/samples/");
        assert!(shown, "{name}");
    }
}

/// Whoever follows a page from its top asks before they destroy.
#[test]
fn the_audit_comes_before_the_command_that_destroys() {
    for (name, page) in pages() {
        let section = page.split("\n## Destroy\n\n").nth(1).unwrap().split("\n## ").next().unwrap();
        let (first, rest) = section.split_once("\n\n").unwrap();
        assert!(first.contains("audit --config proxy.yaml --can-destroy default/"), "{name}");
        assert!(first.contains("](../../../operator/docs/destroying.md)"), "{name}");
        assert!(!first.contains("```") && !rest.contains("--can-destroy"), "{name}");
    }
}

#[test]
fn files_that_the_pages_name_are_there() {
    for (name, page) in pages() {
        for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") {
                assert!(folder().join(file).exists(), "{name}: {link}");
            }
        }
    }
}
