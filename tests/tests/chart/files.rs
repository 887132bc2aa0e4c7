//! Files of the repository, and those that are generated.

use std::fs;
use std::path::{Path, PathBuf};

/// A path in the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A path in the chart.
pub(crate) fn chart(path: &str) -> PathBuf {
    repository("helm/topic-encryption-operator").join(path)
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names of a folder's files, in order.
pub(crate) fn list(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All documents of the repository.
pub(crate) fn documents() -> Vec<PathBuf> {
    let mut folders = vec![repository("").canonicalize().unwrap()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                let is_ours = !name.starts_with('.') && !["target", "node_modules"].contains(&name.as_str());
                folders.extend(is_ours.then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// A generated file is as it would be generated now.
pub(crate) fn assert_generated(path: &Path, text: &str) {
    if regenerates() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let present = fs::read_to_string(path).unwrap_or_default();
    assert!(
        present == text,
        "{} is out of date: run `make generate` and look at the difference",
        path.display()
    );
}

/// A folder holds these files and no others.
pub(crate) fn assert_only(folder: &Path, names: &[String]) {
    let mut names = names.to_vec();
    names.sort();
    if regenerates() {
        for stale in list(folder).iter().filter(|name| !names.contains(name)) {
            fs::remove_file(folder.join(stale)).unwrap();
        }
    }
    assert_eq!(list(folder), names, "{}: run `make generate`", folder.display());
}

fn regenerates() -> bool {
    std::env::var_os("REGENERATE").is_some()
}
