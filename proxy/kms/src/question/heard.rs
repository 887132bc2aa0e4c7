//! What the audit log is told, for the tests of several modules.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use proxy_crypto::{ClusterName, KeyName, KmsContext, ProviderName};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

/// The fields of a line.
pub(crate) type Line = BTreeMap<&'static str, String>;

/// The audit log of this thread, for as long as this lives.
pub(crate) struct Heard {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Default, Clone)]
struct Lines(Arc<Mutex<Vec<Line>>>);

#[derive(Default)]
struct Fields(Line);

impl Heard {
    pub(crate) fn new() -> Self {
        let lines = Lines::default();
        Self { lines: lines.clone(), _guard: tracing::subscriber::set_default(lines) }
    }

    /// Its lines so far about this event.
    pub(crate) fn of(&self, event: &str) -> Vec<Line> {
        self.lines.0.lock().unwrap().iter().filter(|line| line["event"] == event).cloned().collect()
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "audit"
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
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

pub(crate) fn context() -> KmsContext {
    KmsContext {
        cluster: ClusterName::new("cluster").unwrap(),
        provider: ProviderName::new("provider").unwrap(),
        key: KeyName::new("key").unwrap(),
    }
}
