//! `check`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::check::{Report, check};

/// Something is wrong with the policies.
const FINDINGS: u8 = 1;
/// Something is wrong with the arguments.
const USAGE: u8 = 2;

/// What `check` is told.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Files, or directories whose YAML files are all read.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,
    /// The namespace of objects that name none.
    #[arg(long, default_value = "default", value_name = "NAME")]
    namespace: String,
    /// End with 1 for warnings, too.
    #[arg(long)]
    warnings_as_errors: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line for each finding, then what becomes of topics.
    Human,
    /// One JSON object.
    Json,
}

/// Checks and prints.
pub fn run(arguments: &Arguments) -> ExitCode {
    match check(&arguments.paths, &arguments.namespace) {
        Ok(report) => {
            // Whoever closed the pipe wants no more.
            let _ = print(&report, arguments.output);
            code(&report, arguments.warnings_as_errors)
        }
        Err(error) => {
            let text = crate::telemetry::chain(&error);
            let _ = writeln!(std::io::stderr(), "topic-encryption-operator: {text}");
            ExitCode::from(USAGE)
        }
    }
}

fn print(report: &Report, output: Output) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match output {
        Output::Human => write!(out, "{report}"),
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, report)?;
            writeln!(out)
        }
    }
}

fn code(report: &Report, warnings_as_errors: bool) -> ExitCode {
    let is_bad = report.summary.errors > 0 || (warnings_as_errors && report.summary.warnings > 0);
    if is_bad { ExitCode::from(FINDINGS) } else { ExitCode::SUCCESS }
}
