//! What must not be seen, and where calls go.

mod endpoints;

use std::fs;

use proxy_crypto::{ClusterName, KeyName};
use tracing::instrument::WithSubscriber as _;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;

/// Takes all events, and keeps where they are from.
#[derive(Default, Clone)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Subscriber for Seen {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(event.metadata().target().to_owned());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn the_sdk_logs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let settings = AwsSettings {
        region: "eu-central-1".to_owned(),
        // Nobody listens at the discard port.
        endpoint: Some("http://127.0.0.1:9".to_owned()),
        fips: false,
        credentials: AwsCredentials::Files {
            access_key_id: file("id", "AKIA"),
            secret_access_key: file("secret", "secret"),
            session_token: None,
        },
        role: None,
        ca: None,
    };
    let provider = AwsKms::new(ProviderName::new("kms").unwrap(), settings);
    let context = KmsContext {
        cluster: ClusterName::new("c").unwrap(),
        provider: ProviderName::new("kms").unwrap(),
        key: KeyName::new("k").unwrap(),
    };
    let seen = Seen::default();
    let work = async {
        let answer = provider.generate(&context).await;
        let Err(ProviderError::Unavailable { cause, .. }) = answer else { panic!("nobody answers") };
        assert!(cause.contains("Connection refused"), "{cause}");
        tracing::trace!(target: "own", "seen");
    };
    work.with_subscriber(seen.clone()).await;
    let seen = seen.0.lock().unwrap();
    assert!(seen.iter().all(|target| !target.starts_with("aws_")), "{seen:?}");
    assert!(seen.iter().any(|target| target == "own"), "{seen:?}");
}
