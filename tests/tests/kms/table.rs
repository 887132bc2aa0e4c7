//! The table of `proxy/kms/CONTRACT.md`: which case of which provider was proved against what.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::contract::{Held, Outcome};
use super::system::Proof;

/// Compares a provider's part of the table with what held; writes it where `REGENERATE` is set.
pub(crate) fn is_current(provider: &str, held: &[Held]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proxy/kms/CONTRACT.md");
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {provider} -->\n"), format!("<!-- end {provider} -->\n"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{begin} is in CONTRACT.md"));
    let (current, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{end} is in CONTRACT.md"));
    let wanted = table(held);
    if std::env::var_os("REGENERATE").is_some() {
        fs::write(&path, format!("{before}{begin}{wanted}{end}{after}")).unwrap();
    } else {
        assert_eq!(current, wanted, "CONTRACT.md is not what held: make generate");
    }
}

fn table(held: &[Held]) -> String {
    let mut text =
        "| case | comes to | its message has | proved against |\n| --- | --- | --- | --- |\n".to_owned();
    for Held { case, outcome, says, proof } in held {
        let outcome = match outcome {
            Outcome::Works => "works",
            Outcome::Refused => "refused",
            Outcome::Corrupt => "corrupt",
            Outcome::Unavailable => "unavailable",
        };
        let outcome = if matches!(proof, Proof::DoesNotApply(_)) { "–" } else { outcome };
        let says = if says.is_empty() { String::new() } else { format!("`{says}`") };
        writeln!(text, "| {case} | {outcome} | {says} | {} |", proof.text()).unwrap();
    }
    text
}
