//! The table of what earlier systems promised, `tests/conformance/lines.toml`: each line has tests that name it and mutations
//! that these notice, or a reason why it is replaced, or a gap that the page tells of. The mutations themselves are made by
//! `make test-mutations`.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;

use crate::files::{assert_generated, read, repository};

mod page;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    line: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    what: String,
    replaced: Option<String>,
    gap: Option<String>,
    /// `file.rs::function`, all of them.
    #[serde(default)]
    tests: Vec<String>,
    #[serde(default)]
    mutation: Vec<Mutation>,
}

/// A promise switched off.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    says: String,
    killed_by: Vec<String>,
    edit: Vec<Edit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    from: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Results {
    #[serde(default)]
    result: Vec<Ended>,
}

/// What became of a mutation, by its digest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    mutation: String,
    outcome: String,
    failed: Vec<String>,
    version: String,
}

impl Mutation {
    /// As the runner makes it: another edit, or another test, is another mutation.
    fn digest(&self) -> String {
        let edits = self.edit.iter().flat_map(|edit| [&edit.file, &edit.from, &edit.to]);
        let parts: Vec<_> = edits.chain(&self.killed_by).map(String::as_str).collect();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, parts.join("\0").as_bytes());
        format!("{:016x}", u64::from_be_bytes(*digest.as_ref().first_chunk().unwrap()))
    }
}

fn table() -> Vec<Line> {
    let table: Table = toml::from_str(&read(&repository("tests/conformance/lines.toml"))).unwrap();
    table.line
}

fn results() -> HashMap<String, Ended> {
    let results: Results = toml::from_str(&read(&repository("tests/conformance/results.toml"))).unwrap();
    results.result.into_iter().map(|ended| (ended.mutation.clone(), ended)).collect()
}

/// The comments and attributes above a test, be it a function or a line of a macro that makes one.
fn above(test: &str) -> Option<String> {
    let (file, name) = test.split_once("::").unwrap();
    let source = std::fs::read_to_string(repository(file)).ok()?;
    let lines: Vec<_> = source.lines().map(str::trim_start).collect();
    let starts = |code: &str| {
        let rest = code.strip_prefix(name);
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
    };
    let function = lines.iter().position(|line| line.split_once("fn ").is_some_and(|(_, rest)| starts(rest)));
    let at = function.or_else(|| lines.iter().position(|line| starts(line)))?;
    let block =
        lines.get(..at)?.iter().rev().take_while(|line| line.starts_with("//") || line.starts_with("#["));
    Some(block.copied().collect::<Vec<_>>().join("\n"))
}

fn names(comment: &str, id: &str) -> bool {
    comment.split(|next: char| !next.is_alphanumeric() && next != '-').any(|word| word == id)
}

fn assert_none(mistakes: &[String]) {
    assert!(mistakes.is_empty(), "tests/conformance/lines.toml:\n{}", mistakes.join("\n"));
}

#[test]
fn every_line_is_there_and_proved_or_replaced_or_a_gap() {
    let numbered =
        |prefix: &str, last: u32| (1..=last).map(|n| format!("{prefix}{n:02}")).collect::<Vec<_>>();
    let wanted = [numbered("P17-", 42), numbered("TE-", 28), numbered("TE-B", 15)].concat();
    let lines = table();
    assert_eq!(lines.iter().map(|line| line.id.clone()).collect::<Vec<_>>(), wanted);
    let is_settled = |line: &&Line| {
        let proved = !line.tests.is_empty() && !line.mutation.is_empty();
        if line.replaced.is_some() { line.mutation.is_empty() } else { proved || line.gap.is_some() }
    };
    let unsettled = lines.iter().filter(|line| !is_settled(line));
    assert_none(
        &unsettled.map(|line| format!("{}: neither proved nor replaced", line.id)).collect::<Vec<_>>(),
    );
}

#[test]
fn tests_of_a_line_exist_and_name_it() {
    let mut mistakes = Vec::new();
    for line in table() {
        for test in &line.tests {
            match above(test) {
                None => mistakes.push(format!("{}: there is no {test}", line.id)),
                Some(comment) if names(&comment, &line.id) => {}
                Some(_) => mistakes.push(format!("{test} lacks the comment \"Conformance: {}\"", line.id)),
            }
        }
    }
    assert_none(&mistakes);
}

#[test]
fn mutations_change_one_place_and_are_for_tests_of_their_line() {
    let mut mistakes = Vec::new();
    for line in table() {
        let tests: BTreeSet<_> = line.tests.iter().collect();
        for mutation in &line.mutation {
            let name = format!("{}: {}", line.id, mutation.says);
            if mutation.killed_by.is_empty() || !mutation.killed_by.iter().all(|test| tests.contains(test)) {
                mistakes.push(format!("{name}: killed_by must be tests of the line"));
            }
            for edit in &mutation.edit {
                let times = read(&repository(&edit.file)).matches(&edit.from).count();
                if times != 1 || edit.from == edit.to {
                    mistakes
                        .push(format!("{name}: {} has it {times} times, not once: {}", edit.file, edit.from));
                }
            }
        }
    }
    assert_none(&mistakes);
}

#[test]
fn generated_page_is_as_committed() {
    assert_generated(&repository("tests/conformance/README.md"), &page::write(&table(), &results()));
}
