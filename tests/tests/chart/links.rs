//! Documents lead where they say: to files that are there, and to headings that these have.

use std::path::Path;

use crate::files::{documents, list, read, repository};

/// The lines of a document that are no examples.
fn prose(text: &str) -> Vec<&str> {
    let mut is_example = false;
    let mut prose = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_example = !is_example;
        } else if !is_example {
            prose.push(line);
        }
    }
    prose
}

/// Where links to other files and headings of the repository go.
fn links(text: &str) -> Vec<String> {
    let found = prose(text).into_iter();
    let links = found.flat_map(|line| line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
    links.filter(|link| !link.contains("://")).map(str::to_owned).collect()
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|each| each.is_alphanumeric() || [' ', '-', '_'].contains(each));
    kept.map(|each| if each == ' ' { '-' } else { each }).collect()
}

fn has_heading(document: &Path, wanted: &str) -> bool {
    prose(&read(document)).into_iter().any(|line| line.starts_with('#') && anchor(line) == wanted)
}

/// A link of a document that leads nowhere.
fn is_broken(document: &Path, link: &str) -> bool {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { document.to_owned() } else { document.with_file_name(file) };
    !target.exists() || !heading.is_empty() && !has_heading(&target, heading)
}

/// Conformance: TE-28.
#[test]
fn links_between_documents_lead_somewhere() {
    let mut checked = 0;
    let mut broken = Vec::new();
    for document in documents() {
        for link in links(&read(&document)) {
            checked += 1;
            if is_broken(&document, &link) {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(checked > 100, "{checked}");
}

#[test]
fn a_link_to_no_file_or_no_heading_is_found() {
    let readme = repository("README.md");
    assert!(!is_broken(&readme, "README.md#what-it-does"));
    for link in ["no-such.md", "#no-such-heading", "SECURITY.md#what-it-does"] {
        assert!(is_broken(&readme, link), "{link}");
    }
}

/// Samples are named in comments and commands too, where no link shows that one is gone.
#[test]
fn samples_that_texts_name_are_there() {
    let samples = list(&repository("deploy/samples"));
    let texts = samples.iter().map(|name| repository("deploy/samples").join(name));
    let mut named = 0;
    for path in documents().into_iter().chain(texts) {
        let text = read(&path);
        let words = text.split(|each: char| !each.is_ascii_alphanumeric() && !['-', '.'].contains(&each));
        for word in words.map(|word| word.trim_matches('.')) {
            let stem = word.strip_suffix(".yaml").and_then(|stem| stem.split_once('-'));
            let is_sample = stem.is_some_and(|(number, _)| {
                number.len() == 2 && number.bytes().all(|each| each.is_ascii_digit())
            });
            if is_sample {
                assert!(samples.iter().any(|name| name == word), "{}: {word}", path.display());
                named += 1;
            }
        }
    }
    assert!(named > 20, "{named}");
}
