//! No field is read and ignored. The documents in `every_field/` have all fields that the readers know, and whatever else one of
//! them says changes what is read, or is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use proxy_config::{BrokersFile, ConfigErrors, Ledger, Policy, ProviderName, ProxyConfig};
use serde_yaml::Value;

const UNKNOWN: &str = "zzzzzzzz";
/// Fields that can say one thing alone, and those that name what stands beside them.
const ONLY_ONE: [&str; 6] = [
    ".keyProviders.*.awsKms.credentials.default",
    ".keyProviders.*.gcpKms.credentials.metadata",
    ".rules[].topics[].any",
    ".rules[].legacy[].format",
    ".encrypted[].topic.any",
    ".version",
];

/// One step from the whole of a document to a value in it.
#[derive(Debug, Clone)]
enum Step {
    Key(Value),
    Item(usize),
}

fn document(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/every_field");
    serde_yaml::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn at<'a>(document: &'a mut Value, path: &[Step]) -> &'a mut Value {
    path.iter().fold(document, |value, step| match step {
        Step::Key(key) => value.get_mut(key).unwrap(),
        Step::Item(index) => &mut value[*index],
    })
}

/// The document with something else at a place.
fn with(document: &Value, path: &[Step], value: Value) -> Value {
    let mut changed = document.clone();
    *at(&mut changed, path) = value;
    changed
}

/// Texts that differ in one letter or digit, the last one first.
fn near(text: &str) -> Vec<String> {
    let next = |letter: char| match letter {
        '9' => Some('0'),
        'z' => Some('a'),
        'Z' => Some('A'),
        letter if letter.is_ascii_alphanumeric() => char::from_u32(u32::from(letter) + 1),
        _ => None,
    };
    let changed = text.char_indices().rev().filter_map(|(place, letter)| {
        let mut other = text.to_owned();
        other.replace_range(place..place + letter.len_utf8(), &next(letter)?.to_string());
        Some(other)
    });
    changed.collect()
}

/// Other values of the same kind.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(said) => vec![(!said).into()],
        Value::Number(number) => {
            let number = number.as_i64().unwrap();
            [number + 1, number - 1, number * 2, number / 2].map(Value::from).to_vec()
        }
        Value::String(text) => near(text).into_iter().map(Value::from).collect(),
        other => panic!("{other:?} is no scalar"),
    }
}

/// The words that a refusal says are taken.
fn choices(errors: &ConfigErrors) -> Vec<Value> {
    let problems = errors.mistakes().iter().filter_map(|mistake| mistake.problem().strip_prefix("must be "));
    let words = problems.flat_map(|problem| problem.split(", not ").next().unwrap().split(" or "));
    words.map(Value::from).collect()
}

/// What was seen of a kind of documents, by the paths of fields without numbers and names of the user's.
struct Seen<P> {
    parse: P,
    /// Fields that readers know in a mapping, and those that are in some document.
    known: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
    /// Whether something else was taken, and changed what was read.
    taken: BTreeMap<String, bool>,
}

impl<T: PartialEq + Debug, P: Fn(&str) -> Result<T, ConfigErrors>> Seen<P> {
    fn of(parse: P, documents: &[&str]) -> Self {
        let mut seen = Self { parse, known: BTreeMap::new(), taken: BTreeMap::new() };
        for name in documents {
            let document = document(name);
            seen.look(&document, &document, &mut Vec::new(), "");
        }
        seen
    }

    fn read(&self, document: &Value) -> Result<T, ConfigErrors> {
        (self.parse)(&serde_yaml::to_string(document).unwrap())
    }

    fn look(&mut self, document: &Value, value: &Value, path: &mut Vec<Step>, name: &str) {
        match value {
            Value::Mapping(fields) => {
                let known = self.fields(document, path);
                for (key, value) in fields {
                    let word = key.as_str().filter(|_| known.is_some()).unwrap_or("*");
                    let name = format!("{name}.{word}");
                    path.push(Step::Key(key.clone()));
                    self.look(document, value, path, &name);
                    path.pop();
                }
                if let Some(known) = known {
                    let given = fields.keys().map(|key| key.as_str().unwrap().to_owned());
                    let entry = self.known.entry(name.to_owned()).or_default();
                    entry.0.extend(known);
                    entry.1.extend(given);
                }
            }
            Value::Sequence(items) => {
                for (index, value) in items.iter().enumerate() {
                    path.push(Step::Item(index));
                    self.look(document, value, path, &format!("{name}[]"));
                    path.pop();
                }
            }
            scalar => {
                let is_taken = self.is_taken(document, path, name, others(scalar));
                *self.taken.entry(name.to_owned()).or_default() |= is_taken;
            }
        }
    }

    /// The fields that the reader says it knows of a mapping; none where the names are the user's.
    fn fields(&self, document: &Value, path: &[Step]) -> Option<BTreeSet<String>> {
        let mut changed = document.clone();
        let mapping = at(&mut changed, path).as_mapping_mut().unwrap();
        mapping.insert(UNKNOWN.into(), Value::Bool(true));
        let errors = self.read(&changed).expect_err("a field that nobody knows");
        errors.mistakes().iter().filter(|mistake| mistake.path().ends_with(UNKNOWN)).find_map(|mistake| {
            let known = mistake.problem().strip_prefix("is not a known field; known are ")?;
            Some(known.split(", ").map(str::to_owned).collect())
        })
    }

    /// Whether one of these is taken in the place of what is there. None that is taken may mean the same.
    fn is_taken(&self, document: &Value, path: &[Step], name: &str, mut others: Vec<Value>) -> bool {
        let before = self.read(document).unwrap();
        let mut has_choices = false;
        let mut next = 0;
        while let Some(other) = others.get(next).cloned() {
            next += 1;
            match self.read(&with(document, path, other.clone())) {
                Ok(after) => {
                    assert_ne!(before, after, "{name}: {other:?} is ignored");
                    return true;
                }
                Err(errors) if !has_choices => {
                    has_choices = true;
                    let mut current = document.clone();
                    let current = at(&mut current, path).clone();
                    others.extend(choices(&errors).into_iter().filter(|choice| *choice != current));
                }
                Err(_) => {}
            }
        }
        false
    }

    fn is_complete(&self) {
        for (place, (known, given)) in &self.known {
            let missing: Vec<_> = known.difference(given).collect();
            assert!(missing.is_empty(), "no document has {missing:?} in {place:?}");
        }
        for (name, taken) in &self.taken {
            assert_eq!(*taken, !ONLY_ONE.contains(&name.as_str()), "whether {name} may say anything else");
        }
    }
}

fn providers() -> BTreeSet<ProviderName> {
    ["team-a", "team-b", "team-c"].map(|name| ProviderName::new(name).expect("a valid name")).into()
}

/// Conformance: TE-07.
#[test]
fn every_field_of_proxy_yaml_counts() {
    let parse = |text: &str| ProxyConfig::parse(text, Path::new("/etc/proxy"));
    Seen::of(parse, &["proxy.yaml", "proxy-other.yaml", "proxy-third.yaml"]).is_complete();
}

/// Conformance: TE-07.
#[test]
fn every_field_of_a_policy_counts() {
    let parse = |text: &str| Policy::parse(text, &providers());
    Seen::of(parse, &["policy.yaml", "policy-other.yaml"]).is_complete();
}

/// Conformance: TE-07.
#[test]
fn every_field_of_the_files_of_brokers_and_of_what_was_encrypted_counts() {
    Seen::of(BrokersFile::parse, &["brokers.yaml"]).is_complete();
    Seen::of(Ledger::parse, &["state.yaml"]).is_complete();
}
