//! The health scripts for Argo CD, run on their cases, which are laid out as Argo CD lays out its own.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::files::{assert_generated, list, read, repository};
use crate::object::{items, parse_one, text};

const GROUP: &str = "deploy/gitops/argocd/resource_customizations/encryption.strimzi.io";
const KINDS: [&str; 2] = ["EncryptionProxy", "TopicEncryptionPolicy"];

/// A value as Lua writes it.
fn lua(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        // Lua's escapes are by decimal numbers.
        Value::String(text) => {
            text.bytes().fold(String::from("\""), |mut quoted, byte| {
                let _ = write!(quoted, "\\{byte:03}");
                quoted
            }) + "\""
        }
        Value::Array(values) => format!("{{{}}}", values.iter().map(lua).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(key, value)| format!("[{}]={}", lua(&key.as_str().into()), lua(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
    }
}

/// Status and message that a script gives an object.
fn health(script: &str, object: &Value) -> (String, String) {
    let program = format!(
        "obj = {}\nlocal hs = (function()\n{script}\nend)()\nio.write(hs.status, '\\n', hs.message or '')",
        lua(object)
    );
    let mut child = Command::new("lua")
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("lua is there (Debian: apt-get install lua5.4)");
    child.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}");
    let said = String::from_utf8(output.stdout).unwrap();
    let (status, message) = said.split_once('\n').unwrap();
    (status.to_owned(), message.to_owned())
}

#[test]
fn every_case_has_the_health_that_it_says() {
    for kind in KINDS {
        let folder = repository(GROUP).join(kind);
        let script = read(&folder.join("health.lua"));
        let cases = parse_one(&read(&folder.join("health_test.yaml")));
        let mut tried = Vec::new();
        for case in items(&cases, "tests") {
            let input = text(case, "inputPath");
            let object = parse_one(&read(&folder.join(input)));
            assert_eq!(text(&object, "kind"), kind, "{input}");
            let expected = (text(case, "healthStatus/status"), text(case, "healthStatus/message"));
            let (status, message) = health(&script, &object);
            assert_eq!((status.as_str(), message.as_str()), expected, "{kind} {input}");
            tried.push(input.trim_start_matches("testdata/").to_owned());
        }
        tried.sort();
        assert_eq!(tried, list(&folder.join("testdata")), "{kind}: a file that no case names");
    }
}

#[test]
fn both_kinds_are_judged_alike() {
    let [one, other] = KINDS.map(|kind| read(&repository(GROUP).join(kind).join("health.lua")));
    assert_eq!(one, other);
}

#[test]
fn generated_snippet_holds_the_scripts() {
    let mut snippet = String::from(
        "# Written by `make generate` from resource_customizations. To be merged into the ConfigMap of that name.\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-cm\n  namespace: argocd\n  labels: {app.kubernetes.io/part-of: argocd}\ndata:\n",
    );
    for kind in KINDS {
        let _ = writeln!(snippet, "  resource.customizations.health.encryption.strimzi.io_{kind}: |");
        for line in read(&repository(GROUP).join(kind).join("health.lua")).lines() {
            let _ = writeln!(snippet, "{}", format!("    {line}").trim_end());
        }
    }
    assert_generated(&repository("deploy/gitops/argocd/argocd-cm.yaml"), &snippet);
}
