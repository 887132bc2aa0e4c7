//! The command line.

mod check;
mod keys;
mod process;
mod run;
mod tools;
mod version;
mod wiring;

use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// A file is wrong: `EX_USAGE` of sysexits.h.
const MISTAKES: u8 = 64;

/// An encrypting proxy for Apache Kafka.
#[derive(Debug, Parser)]
#[command(name = "topic-encryption-proxy", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve clients until SIGTERM or SIGINT.
    Run {
        /// The proxy.yaml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Say what is wrong with the files, or what they mean.
    Check {
        /// The proxy.yaml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Try each key at its provider, too.
        #[arg(long)]
        online: bool,
    },
    Inspect(tools::inspect::InspectArgs),
    Audit(tools::audit::AuditArgs),
    Decrypt(tools::decrypt::DecryptArgs),
    Copy(tools::copy::CopyArgs),
    #[command(subcommand)]
    Keys(tools::pseudonym::KeysCommand),
    /// Say what this program is made of.
    Version,
}

/// The whole program.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run { config } => run::run(&config),
        Command::Check { config, online } => check::check(&config, online, &mut std::io::stdout().lock()),
        Command::Inspect(args) => tools::inspect::run(&args),
        Command::Audit(args) => Ok(tools::audit::run(&args)),
        Command::Decrypt(args) => tools::decrypt::run(&args),
        Command::Copy(args) => tools::copy::run(&args),
        Command::Keys(command) => tools::pseudonym::run(&command),
        Command::Version => version::print(&mut std::io::stdout().lock()),
    };
    outcome.unwrap_or_else(|error| {
        // The logs may not be set up, and whoever started the program reads this.
        let _ = writeln!(std::io::stderr(), "topic-encryption-proxy: {error:#}");
        ExitCode::FAILURE
    })
}

/// Prints every mistake to standard error.
fn mistakes(errors: &impl std::fmt::Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{errors}");
    ExitCode::from(MISTAKES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_commands() {
        fn command(arguments: &[&str]) -> Result<Command, clap::Error> {
            let name = std::iter::once(&"topic-encryption-proxy");
            Cli::try_parse_from(name.chain(arguments)).map(|cli| cli.command)
        }
        <Cli as clap::CommandFactory>::command().debug_assert();
        assert!(matches!(command(&["run", "--config", "proxy.yaml"]), Ok(Command::Run { .. })));
        assert!(matches!(
            command(&["check", "--config", "proxy.yaml", "--online"]),
            Ok(Command::Check { online: true, .. })
        ));
        assert!(matches!(command(&["inspect", "a.log"]), Ok(Command::Inspect(_))));
        assert!(command(&["inspect"]).is_err());
        let copy = ["copy", "--config", "c", "--topic", "a", "--to", "b", "--state", "s"];
        assert!(matches!(command(&copy), Ok(Command::Copy(_))));
        let keys = ["keys", "pseudonym", "--config", "c", "--key", "k"];
        assert!(matches!(command(&keys), Ok(Command::Keys(_))));
        for more in [["--rewrap", "no base64"], ["--from-key", "k"], ["--provider", "a/b"]] {
            assert!(command(&[&keys[..], &more[..]].concat()).is_err(), "{more:?}");
        }
        assert!(matches!(command(&["version"]), Ok(Command::Version)));
        assert!(command(&["run"]).is_err());
    }
}
