//! Calls that nobody waits for any more are in the audit log like all others.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;

type Fields = BTreeMap<&'static str, String>;

/// Keeps the fields of what it is told.
#[derive(Default, Clone)]
struct Heard(Arc<Mutex<Vec<Fields>>>);

impl Heard {
    fn calls(&self) -> Vec<Fields> {
        let all = self.0.lock().unwrap();
        all.iter().filter(|line| line["event"] == "keyProviderCall").cloned().collect()
    }
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "audit"
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line(Fields);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_has_its_line() {
    let heard = Heard::default();
    let _guard = tracing::subscriber::set_default(heard.clone());
    let (keys, provider) = keys(limits());
    let header = header(&provider).await;
    let before = heard.calls().len();

    provider.set(Mood::Silent);
    let trial = tokio::spawn({
        let keys = Arc::clone(&keys);
        async move { keys.verify("kms", "k").await }
    });
    let envelope = EnvelopeHeader::parse(&header).unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(1), keys.unwrap(&envelope, "t")).await.is_err());
    trial.abort();
    assert!(trial.await.unwrap_err().is_cancelled());
    let of_trial = heard.calls().split_off(before);
    assert_eq!(of_trial.len(), 1, "the other goes on: {of_trial:?}");
    drop(keys);
    settle().await;

    let calls = heard.calls().split_off(before);
    let told = |field| calls.iter().map(move |line| line.get(field).map_or("", String::as_str));
    assert_eq!(told("operation").collect::<Vec<_>>(), ["generate", "unwrap"]);
    assert_eq!(told("topics").collect::<Vec<_>>(), ["", "name t"]);
    assert!(told("outcome").all(|outcome| outcome == "unavailable"));
    assert!(told("cause").all(|cause| cause == "given up before there was an answer"));
    assert!(calls[1].contains_key("data_key"));
    assert_eq!(calls[1]["milliseconds"], "1000");
    provider.set(Mood::Well);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_answered_has_one_line() {
    let heard = Heard::default();
    let _guard = tracing::subscriber::set_default(heard.clone());
    let (keys, provider) = keys(limits());
    keys.verify("kms", "k").await.unwrap();
    provider.set(Mood::Silent);
    assert!(is_unavailable(&keys.verify("kms", "k").await));
    let calls = heard.calls();
    let told: Vec<_> = calls.iter().map(|line| (&*line["operation"], &*line["outcome"])).collect();
    assert_eq!(told, [("generate", "ok"), ("unwrap", "ok"), ("generate", "unavailable")]);
    assert!(calls[2]["cause"].starts_with("no answer within"));
}
