//! What the audit log is told, for tests of this package and of those that call it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// The fields of a line.
pub type Line = BTreeMap<&'static str, String>;

/// The audit log of this thread, for as long as this lives.
pub struct Heard {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Default, Clone)]
struct Lines(Arc<Mutex<Vec<Line>>>);

#[derive(Default)]
struct Fields(Line);

/// Hears nothing. While there is but one subscriber, `tracing` asks the thread that comes to a line of code first whether anybody
/// listens, and believes that for all threads: a test that listens would miss what another test's thread came to before.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Lines::default()));

impl Heard {
    /// Listens from now on.
    pub fn on_this_thread() -> Self {
        LazyLock::force(&ANOTHER);
        let lines = Lines::default();
        Self { lines: lines.clone(), _guard: tracing::subscriber::set_default(lines) }
    }

    /// Its lines so far about this event.
    pub fn of(&self, event: &str) -> Vec<Line> {
        let is_about = |line: &&Line| line.get("event").is_some_and(|told| told == event);
        self.lines.all().iter().filter(is_about).cloned().collect()
    }
}

impl Lines {
    fn all(&self) -> MutexGuard<'_, Vec<Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "audit"
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.all().push(fields.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
