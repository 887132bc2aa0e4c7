//! The command line.

pub mod check;
pub mod crd;
mod run;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::settings::Settings;

/// Turns TopicEncryptionPolicies into fleets of encrypting Kafka proxies.
#[derive(Debug, Parser)]
#[command(name = "topic-encryption-operator", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reconcile until SIGTERM or SIGINT.
    Run(Box<Settings>),
    /// Print the resource definitions.
    Crd(crd::CrdArgs),
    /// Say what is wrong with the policies in a repository, as the cluster would, without one.
    Check(check::CheckArgs),
}

/// The whole program.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(settings) => run::run(*settings).unwrap_or_else(|error| {
            // The logs may not be set up, and whoever started the program reads this.
            let _ = writeln!(std::io::stderr(), "topic-encryption-operator: {error:#}");
            ExitCode::FAILURE
        }),
        Command::Crd(arguments) => crd::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_commands() {
        <Cli as clap::CommandFactory>::command().debug_assert();
        assert!(Cli::try_parse_from(["topic-encryption-operator", "crd"]).is_ok());
        assert!(Cli::try_parse_from(["topic-encryption-operator", "check", "policies"]).is_ok());
        assert!(Cli::try_parse_from(["topic-encryption-operator", "check"]).is_err());
    }
}
