//! What the audit log is told, for the tests of several modules.

use super::AUDIT;
use std::io;
use std::sync::{Arc, Mutex};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;

/// The audit log of this thread, for as long as this lives.
pub(crate) struct Heard {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Heard {
    pub(crate) fn new() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let audit = layer().json().flatten_event(true).with_writer(move || writer.clone());
        let audit = audit.with_filter(filter_fn(|event| event.target() == AUDIT));
        Self { lines, _guard: tracing::subscriber::set_default(registry().with(audit)) }
    }

    /// Its lines so far about this event.
    pub(crate) fn of(&self, event: &str) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter(|line| line["event"] == event).collect()
    }
}
