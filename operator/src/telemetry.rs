//! Logs: one JSON line an event to standard error, from a level on that can change while the program runs.
//!
//! Logs never hold keys, Secrets or what is in them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::prelude::*;
use tracing_subscriber::util::TryInitError;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// How often the file with the level is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Why there are no logs.
#[derive(Debug, Error)]
pub enum Error {
    /// The level is no filter that `tracing` understands.
    #[error("failed to parse the log level {level:?}")]
    Level {
        /// The level.
        level: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
    /// Logs were set up before.
    #[error("failed to install the logs")]
    Install(#[source] TryInitError),
}

/// The level, which can be changed.
#[derive(Debug, Clone)]
pub struct Level(reload::Handle<EnvFilter, Registry>);

/// Starts logging.
pub fn init(level: &str) -> Result<Level, Error> {
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(lines).try_init().map_err(Error::Install)?;
    Ok(Level(handle))
}

impl Level {
    /// Takes the level from a file, now and whenever the file changes. A bad level changes nothing and is reported once.
    pub async fn follow(self, file: PathBuf) {
        let mut last = None;
        loop {
            let text = read(&file).await;
            if text.is_some() && text != last {
                self.take(text.as_deref().unwrap_or_default(), &file);
                last = text;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn take(&self, level: &str, file: &Path) {
        let changed = filter(level)
            .map_err(|error| error.to_string())
            .and_then(|filter| self.0.reload(filter).map_err(|error| error.to_string()));
        match changed {
            Ok(()) => tracing::info!(level, "logs from this level on"),
            Err(error) => tracing::warn!(file = %file.display(), error, "the log level stays as it is"),
        }
    }
}

async fn read(file: &Path) -> Option<String> {
    let text = tokio::fs::read_to_string(file).await.ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn filter(level: &str) -> Result<EnvFilter, Error> {
    EnvFilter::builder().parse(level).map_err(|source| Error::Level { level: level.to_owned(), source })
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
