//! Logs: one line an event to standard error, as text or JSON. The audit log: one JSON object a line to standard output.
//!
//! `RUST_LOG` overrides the configured level. Logs never hold payload, keys, tokens or what a peer sent.

use std::io::IsTerminal;
use thiserror::Error;
use tracing_subscriber::filter::{FilterExt as _, ParseError, filter_fn};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, registry};

/// Why there are no logs.
#[derive(Debug, Error)]
pub enum Error {
    /// The level is no filter that `tracing` understands.
    #[error("failed to parse the log filter {filter:?}")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
    /// Logs were set up before.
    #[error("failed to install the logs")]
    Install(#[source] TryInitError),
}

/// The target of what the audit log is told.
const AUDIT: &str = "audit";

/// Starts logging. `over` is what the environment says and wins over `level`. The audit log goes to standard output whatever
/// they say.
pub fn init(json: bool, level: &str, over: Option<&str>) -> Result<(), Error> {
    let filter = filter(over.unwrap_or(level))?.and(filter_fn(|event| event.target() != AUDIT));
    let logs = layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let logs = if json { logs.json().flatten_event(true).boxed() } else { logs.boxed() };
    let audit = layer().with_writer(std::io::stdout).with_level(false).with_target(false);
    let audit = audit.json().flatten_event(true).with_current_span(false).with_span_list(false);
    let audit = audit.with_filter(filter_fn(|event| event.target() == AUDIT));
    registry().with(logs.with_filter(filter)).with(audit).try_init().map_err(Error::Install)
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.replace('\n', "; ")
}

fn filter(text: &str) -> Result<EnvFilter, Error> {
    EnvFilter::builder().parse(text).map_err(|source| Error::Filter { filter: text.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_levels_and_directives() {
        assert!(filter("info").is_ok());
        assert!(filter("warn,proxy::handler=debug").is_ok());
        assert!(filter("proxy=shout").is_err());
    }
}
