//! `crd`.

use std::io::Write as _;
use std::process::ExitCode;

/// Prints the resource definitions, as they stand below `crds/`.
pub fn run() -> ExitCode {
    let Ok(definitions) = operator_api::manifests::crds() else { return ExitCode::FAILURE };
    let mut out = std::io::stdout().lock();
    for (_, text) in definitions {
        // Whoever closed the pipe wants no more.
        if write!(out, "---\n{text}").is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}
