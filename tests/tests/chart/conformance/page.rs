//! The table as a page to read.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::{Ended, Line, Mutation};

const HEAD: &str = "# Conformance

Two systems stand behind this one: Strimzi's proposal 017, \"Proxy-Based Kafka Per-Topic Encryption\", and the prototype
[topic-encryption](https://github.com/strimzi/topic-encryption). Here is each thing that they promised (`P17` for the proposal, `TE` for the
prototype), and each mistake of the prototype (`TE-B`), in words of this project; with the tests that prove it, all of which name the line in a
comment, and with *mutations*: edits of the program that switch the promise off, which these tests must notice. What this project does in
another way is replaced, with the reason.

`make test-mutations` makes the mutations, one at a time, in a copy of the checkout, and takes hours for all of them:
`make test-mutations LINES=\"P17-06 TE-B02\"` is for some. Either needs Python 3.11. What a line needs is in [lines.toml](lines.toml), what became of its mutations in
[results.toml](results.toml), and this page is generated from both: `make generate`.
";

/// The whole page.
pub(super) fn write(lines: &[Line], results: &HashMap<String, Ended>) -> String {
    let mut page = format!("{HEAD}\n{}\n", counts(lines, results));
    page.push_str(
        "| Line | What it asks | Proved by | Switched off, and noticed by |\n| --- | --- | --- | --- |\n",
    );
    for line in lines {
        let tests: Vec<_> = line.tests.iter().map(|test| link(test)).collect();
        let mutations: Vec<_> = line.mutation.iter().map(|mutation| ending(mutation, results)).collect();
        let last = line.replaced.as_ref().map_or_else(
            || if mutations.is_empty() { "–".to_owned() } else { mutations.join("<br>") },
            |why| format!("*Replaced.* {why}"),
        );
        let _ = writeln!(page, "| {} | {} | {} | {} |", line.id, line.what, tests.join("<br>"), last);
    }
    page.push_str("\n## Gaps\n\nWhat no test asserts, or no mutation proves:\n\n");
    for (id, gap) in lines.iter().filter_map(|line| Some((&line.id, line.gap.as_ref()?))) {
        let _ = writeln!(page, "- {id}: {gap}");
    }
    page
}

fn counts(lines: &[Line], results: &HashMap<String, Ended>) -> String {
    let replaced = lines.iter().filter(|line| line.replaced.is_some()).count();
    let proved = lines.iter().filter(|line| !line.mutation.is_empty()).count();
    let gaps = lines.iter().filter(|line| line.gap.is_some()).count();
    // Lines may share a mutation.
    let digests: std::collections::BTreeSet<_> =
        lines.iter().flat_map(|line| &line.mutation).map(Mutation::digest).collect();
    let ended = |outcome: Option<&str>| {
        let outcomes = digests.iter().map(|digest| results.get(digest).map(|ended| ended.outcome.as_str()));
        outcomes.filter(|found| *found == outcome).count()
    };
    let (killed, not_run) = (ended(Some("killed")), ended(None));
    format!(
        "{} lines: {proved} with mutations, {replaced} replaced; {gaps} have a gap. {} mutations: {killed} noticed, {} not noticed, {not_run} \
         not run.\n",
        lines.len(),
        digests.len(),
        digests.len() - killed - not_run
    )
}

fn link(test: &str) -> String {
    let (file, name) = test.split_once("::").unwrap();
    format!("[{name}](../../{file})")
}

fn ending(mutation: &Mutation, results: &HashMap<String, Ended>) -> String {
    let noticed = match results.get(&mutation.digest()) {
        None => "not run".to_owned(),
        Some(ended) if ended.outcome == "killed" => {
            let names: Vec<_> = ended.failed.iter().filter_map(|test| test.split("::").last()).collect();
            format!("{} ({})", names.join(", "), ended.version)
        }
        Some(ended) => format!("**{}** ({})", ended.outcome, ended.version),
    };
    format!("{}: {noticed}", mutation.says)
}
