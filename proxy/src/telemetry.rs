//! Logs: one line an event to standard error, as text or JSON. The audit log: one JSON object a line to standard output.
//!
//! Both are written by threads of their own: a reader that does not keep up costs lines, which a metric counts, and holds up no
//! request.
//!
//! `RUST_LOG` overrides the configured level. Logs never hold payload, keys, tokens or what a peer sent.

pub(crate) mod lost_lines;

use prometheus_client::registry::Registry;
use std::io::IsTerminal;
use thiserror::Error;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
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

/// Lines that may wait for a slow reader. What comes beyond is lost and counted, since nothing else may wait for it.
const LINES: usize = 16_384;

/// The writers of both logs. Dropped, they finish what is waiting, for a second at most.
pub struct Logs {
    /// Lines of each log that nobody took, by its name.
    lost: [(&'static str, ErrorCounter); 2],
    _writers: [WorkerGuard; 2],
}

impl Logs {
    /// Makes the lines that were lost a metric.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let lost = self.lost.clone();
        lost_lines::register(registry, lost.map(|(log, counter)| (log, move || counter.dropped_lines())));
    }
}

/// Starts logging. `over` is what the environment says and wins over `level`. The audit log goes to standard output whatever
/// they say.
pub fn init(json: bool, level: &str, over: Option<&str>) -> Result<Logs, Error> {
    let filter = filter(over.unwrap_or(level))?.and(filter_fn(|event| event.target() != AUDIT));
    let (stderr, stderr_writer) = stream(std::io::stderr());
    let (stdout, stdout_writer) = stream(std::io::stdout());
    let lost = [("log", stderr.error_counter()), (AUDIT, stdout.error_counter())];
    let logs = layer().with_writer(stderr).with_ansi(std::io::stderr().is_terminal());
    let logs = if json { logs.json().flatten_event(true).boxed() } else { logs.boxed() };
    let audit = layer().with_writer(stdout).with_level(false).with_target(false);
    let audit = audit.json().flatten_event(true).with_current_span(false).with_span_list(false);
    let audit = audit.with_filter(filter_fn(|event| event.target() == AUDIT));
    registry().with(logs.with_filter(filter)).with(audit).try_init().map_err(Error::Install)?;
    Ok(Logs { lost, _writers: [stderr_writer, stdout_writer] })
}

fn stream(to: impl std::io::Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default().buffered_lines_limit(LINES).lossy(true).thread_name("log").finish(to)
}

/// The same for a tool, whose standard output is its result: all logs go to standard error, the audit log too, which the filter
/// must ask for.
pub(crate) fn init_tool(over: Option<&str>) -> Result<(), Error> {
    let filter = filter(over.unwrap_or("warn"))?;
    let logs = layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    registry().with(logs.with_filter(filter)).try_init().map_err(Error::Install)
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
mod documented;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Write};
    use std::sync::mpsc::{Receiver, channel};

    /// Takes nothing before it is told to.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _go_on = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_takes_nothing_costs_lines_and_no_time() {
        let (go_on, stuck) = channel();
        let (mut log, writer) = stream(Stuck(stuck));
        let (more, taken) = (100, 1);
        for _ in 0..LINES + taken + more {
            log.write_all(b"line\n").unwrap();
        }
        // The writer has taken one line, or none yet.
        let lost = log.error_counter().dropped_lines();
        assert!((more..=more + taken).contains(&lost), "{lost}");
        drop(go_on);
        drop(writer);
    }

    /// Conformance: TE-10.
    #[test]
    fn takes_levels_and_directives() {
        assert!(filter("info").is_ok());
        assert!(filter("warn,proxy::handler=debug").is_ok());
        assert!(filter("proxy=shout").is_err());
    }
}
