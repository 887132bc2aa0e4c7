//! Logs: one line an event to standard error, as text or JSON.
//!
//! `RUST_LOG` overrides the configured level. Logs never hold payload, keys, tokens or what a peer sent.

use std::io::IsTerminal;
use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

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

/// Starts logging. `over` is what the environment says and wins over `level`.
pub fn init(json: bool, level: &str, over: Option<&str>) -> Result<(), Error> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(over.unwrap_or(level))?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    if json {
        builder.json().flatten_event(true).finish().try_init().map_err(Error::Install)
    } else {
        builder.finish().try_init().map_err(Error::Install)
    }
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
