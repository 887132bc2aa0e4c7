//! The audit log's page is what the program writes: each event with its fields, no more and no less.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Events = BTreeMap<String, BTreeSet<String>>;

fn in_package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The table of the page.
fn documented() -> Events {
    let page = fs::read_to_string(in_package("docs/running.md")).unwrap();
    let (_, rest) = page.split_once("| `event` | when | fields |\n").expect("the page has the table");
    let rows = rest.lines().skip(1).take_while(|line| line.starts_with('|'));
    let event = |row: &str| {
        let cells: Vec<_> =
            row.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_end_matches(" |")).collect();
        let [event, _, fields] = cells[..] else { panic!("three cells: {row}") };
        (name(event), fields.split(',').map(name).collect())
    };
    rows.map(event).collect()
}

fn name(cell: &str) -> String {
    let name = cell.trim().strip_prefix('`').and_then(|cell| cell.strip_suffix('`'));
    name.unwrap_or_else(|| panic!("a name alone: {cell}")).to_owned()
}

/// What the sources of all packages of the program give to the log.
fn written() -> Events {
    let mut events = Events::new();
    for package in ["src", "config/src", "crypto/src", "kms/src", "records/src"] {
        visit(&in_package(package), &mut |source| {
            for call in source.split("tracing::").skip(1) {
                if let Some(arguments) = arguments(call)
                    && let Some((event, fields)) = audited(arguments)
                {
                    assert_eq!(events.insert(event.clone(), fields), None, "{event} is written at one place");
                }
            }
        });
    }
    events
}

fn visit(folder: &Path, each: &mut impl FnMut(&str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("documented.rs")
        {
            each(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// What stands between a macro's parentheses.
fn arguments(call: &str) -> Option<&str> {
    let (_, rest) = call.split_once("!(").filter(|(name, _)| name.chars().all(char::is_alphanumeric))?;
    let mut depth = 1;
    let end = rest.find(|character| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    })?;
    rest.get(..end)
}

/// The event and its fields, if the audit log gets it.
fn audited(arguments: &str) -> Option<(String, BTreeSet<String>)> {
    let mut fields = BTreeSet::new();
    let mut event = None;
    let mut depth = 0;
    let parts = arguments.split(|character| {
        depth += match character {
            '(' | '[' | '{' => 1,
            ')' | ']' | '}' => -1,
            _ => 0,
        };
        character == ',' && depth == 0
    });
    let mut parts = parts.map(str::trim).filter(|part| !part.is_empty());
    if parts.next()?.split_whitespace().collect::<String>() != "target:\"audit\"" {
        return None;
    }
    for part in parts {
        let (field, value) = part.split_once('=').unwrap_or((part, ""));
        match field.trim().trim_start_matches(['%', '?']) {
            "event" => event = Some(value.trim().trim_matches('"').to_owned()),
            field => drop(fields.insert(field.to_owned())),
        }
    }
    Some((event.expect("each line has an event"), fields))
}

#[test]
fn each_event_of_the_audit_log_is_documented_with_its_fields() {
    assert_eq!(written(), documented());
}

#[test]
fn the_fields_are_those_of_the_call() {
    let call = "info!(\n target: \"audit\",\n event = \"a\",\n key = f(1, 2), %hash, version,\n)";
    let fields = ["hash", "key", "version"].map(str::to_owned).into();
    assert_eq!(audited(arguments(call).unwrap()), Some(("a".to_owned(), fields)));
    assert_eq!(audited("loads = 1, \"an event of another log\""), None);
}
