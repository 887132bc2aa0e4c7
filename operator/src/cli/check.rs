//! `check`: says what a cluster would say to manifests, without one.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::check::{Options, Report, Severity, check};

/// What was asked for cannot be done.
const USAGE: u8 = 2;

/// Shown behind the options.
const AFTER_HELP: &str = "\
What is checked: what the API server would refuse, and what the operator would, such as
policies in conflict, or listeners and KafkaUsers that do not suit; and what becomes of each
KafkaTopic. Kafka, KafkaNodePool, KafkaUser, KafkaTopic and Namespace manifests count where
they are among the files; what is not there counts as suitable. Render templates of Helm and
Kustomize first.

Exit codes:
  0  no errors (nor warnings, with --warnings-as-errors)
  1  errors (or warnings, with --warnings-as-errors)
  2  a path cannot be read, or the arguments are wrong

Example:
  topic-encryption-operator check --warnings-as-errors --namespace kafka policies/ kafka.yaml";

/// What to check, and how to say it.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub struct CheckArgs {
    /// Directories, of which all *.yaml and *.yml files count, at any depth, or files of any name.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t = Output::Human)]
    pub output: Output,
    /// Exit with 1 for warnings, too.
    #[arg(long)]
    pub warnings_as_errors: bool,
    /// The namespace of manifests that name none, as of `kubectl apply --namespace`.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub namespace: String,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A line for each finding, as `FILE:LINE: SEVERITY: OBJECT: FIELD: MESSAGE`, and a table of topics.
    Human,
    /// One JSON object with `findings` (each with file, line, severity, code, object, field, message), `topics` and
    /// `summary`.
    Json,
}

/// Checks and prints: 0 if all is well, 1 if there are errors, 2 if there is nothing to read.
pub fn run(args: &CheckArgs) -> ExitCode {
    let options = Options { namespace: args.namespace.clone() };
    let report = match check(&args.paths, &options) {
        Ok(report) => report,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {:#}", anyhow::Error::from(error));
            return ExitCode::from(USAGE);
        }
    };
    if let Err(error) = print(&report, args.output) {
        let _ = writeln!(io::stderr(), "failed to print the findings: {error}");
        return ExitCode::FAILURE;
    }
    exit_code(&report, args.warnings_as_errors)
}

fn print(report: &Report, output: Output) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match output {
        Output::Human => write!(stdout, "{report}"),
        Output::Json => {
            serde_json::to_writer_pretty(&mut stdout, report)?;
            writeln!(stdout)
        }
    }
}

fn exit_code(report: &Report, warnings_as_errors: bool) -> ExitCode {
    let worst = report.findings.iter().map(|finding| finding.severity).max();
    let bearable = if warnings_as_errors { Severity::Note } else { Severity::Warning };
    if worst > Some(bearable) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        check: CheckArgs,
    }

    fn args(arguments: &[&str]) -> Result<CheckArgs, clap::Error> {
        Cli::try_parse_from(["check"].iter().chain(arguments)).map(|cli| cli.check)
    }

    /// The code for a directory with this manifest.
    fn code(manifest: &str, arguments: &[&str]) -> ExitCode {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.yaml"), manifest).unwrap();
        let path = directory.path().to_str().unwrap();
        run(&args(&[&[path], arguments].concat()).unwrap())
    }

    #[test]
    fn something_to_check_is_required() {
        assert!(args(&[]).is_err());
        assert!(args(&["a", "b", "--output", "json", "--warnings-as-errors"]).is_ok());
        assert!(args(&["a", "--output", "xml"]).is_err());
    }

    #[test]
    fn the_exit_code_tells_errors_from_warnings() {
        const FINE: &str = "
apiVersion: encryption.strimzi.io/v1alpha1
kind: TopicEncryptionPolicy
metadata: {name: a}
spec: {kafkaRef: {name: k}, rules: [{topics: [{any: true}], key: {name: k}}]}
";
        assert_eq!(code(FINE, &["--warnings-as-errors"]), ExitCode::SUCCESS);
        assert_eq!(code(&FINE.replace("rules", "ruels"), &[]), ExitCode::FAILURE);
        let warned = FINE.replace("any: true", "name: __consumer_offsets");
        assert_eq!(code(&warned, &["--output", "json"]), ExitCode::SUCCESS);
        assert_eq!(code(&warned, &["--warnings-as-errors"]), ExitCode::FAILURE);
    }

    #[test]
    fn a_path_that_is_not_there_is_wrong_usage() {
        assert_eq!(run(&args(&["/nonexistent/manifests"]).unwrap()), ExitCode::from(USAGE));
    }
}
