//! The commands that a provider's page prints, run as they stand there but for names and places.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A block of commands of `proxy/kms/docs/PAGE`, by some words in it.
pub(crate) fn commands(page: &str, words: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proxy/kms/docs").join(page);
    let text = fs::read_to_string(&path).unwrap();
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut found = blocks.filter(|block| block.contains(words));
    let block = found.next().unwrap_or_else(|| panic!("{page} has no commands with {words}"));
    assert_eq!(found.next(), None, "{page} has {words} once");
    block.to_owned()
}

/// The same with other names and places, each of which must be there.
pub(crate) fn elsewhere(commands: &str, places: &[(&str, &str)]) -> String {
    places.iter().fold(commands.to_owned(), |text, (there, here)| {
        assert!(text.contains(there), "no {there} in {text}");
        text.replace(there, here)
    })
}

/// Runs commands in a folder. What they printed.
pub(crate) fn run(commands: &str, folder: &Path) -> String {
    let mut shell = Command::new("bash");
    let output = shell.args(["-euo", "pipefail", "-c", commands]).current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{commands}\n{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
