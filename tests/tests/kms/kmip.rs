//! The provider `kmip`, against `PyKMIP`.

mod names;
mod page_program;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use proxy_crypto::{KeyProvider, ProviderError};
use proxy_kms::{Kmip, KmipSettings};
use serde_json::{Value, json};
use tests::kms::{Faults, PyKmip};
use tests::{Batch, Certificates, Cluster, Pattern, PolicyFile, Proxy, Rule, Scratch, SentRecord, topic};

use super::contract::{self, Outcome, context, provider_name};
use super::system::{Proof, System};
use super::table;

/// More than the server needs to notice a policy.
const SOON: Duration = Duration::from_secs(30);

/// A server behind a relay, and certificates in files of our own.
struct Server {
    kmip: PyKmip,
    faults: Faults,
    folder: Scratch,
    ids: Mutex<HashMap<String, String>>,
    fetch_keys: bool,
}

impl Server {
    async fn start() -> Self {
        Self::before(PyKmip::start().await).await
    }

    async fn before(kmip: PyKmip) -> Self {
        let faults = Faults::before(kmip.address(), kmip.identity()).await;
        let folder = Scratch::new("kmip");
        fs::copy(&kmip.proxy().certificate, folder.join("tls.crt")).unwrap();
        fs::copy(&kmip.proxy().key, folder.join("tls.key")).unwrap();
        Self { kmip, faults, folder, ids: Mutex::default(), fetch_keys: false }
    }

    fn with(&self, change: impl FnOnce(&mut KmipSettings)) -> Kmip {
        let mut settings = KmipSettings {
            host: "localhost".to_owned(),
            port: self.faults.port(),
            ca: self.kmip.certificates().authority(),
            certificate: self.folder.join("tls.crt"),
            key: self.folder.join("tls.key"),
            fetch_keys: self.fetch_keys,
        };
        change(&mut settings);
        Kmip::new(provider_name(), settings)
    }

    fn id(&self, key: &str) -> String {
        self.ids.lock().unwrap().get(key).cloned().unwrap()
    }

    async fn new_key(&self, key: &str) {
        let id = self.kmip.make_key(key).await;
        self.ids.lock().unwrap().insert(key.to_owned(), id);
        self.until(key, true).await;
    }

    /// Waits until the server knows what was said of a key.
    async fn until(&self, key: &str, works: bool) {
        let (provider, context) = (self.with(|_| {}), context(key));
        let known = async {
            while provider.generate(&context).await.is_ok() != works {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, known).await.unwrap_or_else(|_| panic!("{key} does not come to {works}"));
    }
}

#[async_trait]
impl System for Server {
    fn name(&self) -> &'static str {
        "kmip"
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn provider(&self) -> Arc<dyn KeyProvider> {
        Arc::new(self.with(|_| {}))
    }

    fn distrustful(&self) -> Arc<dyn KeyProvider> {
        let others = self.folder.join("other-ca.crt");
        fs::copy(Certificates::new().authority(), &others).unwrap();
        Arc::new(self.with(|settings| settings.ca = others))
    }

    fn proof(&self, case: &str) -> Proof {
        // It counts no calls by itself.
        if case == "throttled" { Proof::Injected } else { Proof::StandIn }
    }

    fn says(&self, case: &str) -> &'static str {
        match case {
            "another key" => "Object Group",
            "another cluster's context" => "decrypt",
            "no such key" | "denied" => "no active AES-256 key",
            "disabled" => "Permission Denied",
            "throttled" => "Server Limit Exceeded",
            "deleted" => "Item Not Found",
            _ => unreachable!("{case} has no message"),
        }
    }

    fn secrets(&self) -> Vec<String> {
        let key = fs::read_to_string(self.folder.join("tls.key")).unwrap();
        key.lines().filter(|line| !line.starts_with('-')).map(str::to_owned).collect()
    }

    async fn make_key(&self, key: &str) {
        self.new_key(key).await;
    }

    async fn rotate(&self, key: &str) {
        // What Re-key does in one step, which this server lacks.
        self.kmip.rename(&self.id(key), &format!("{key}.old")).await;
        self.new_key(key).await;
    }

    async fn disable(&self, key: &str) {
        self.deny(key).await;
    }

    async fn enable(&self, key: &str) {
        self.kmip.allow(key, true);
        self.until(key, true).await;
    }

    async fn delete(&self, key: &str) {
        self.kmip.destroy(&self.id(key)).await;
    }

    async fn deny(&self, key: &str) {
        self.kmip.allow(key, false);
        self.until(key, false).await;
    }

    async fn throttle(&self) {
        self.kmip.throttle(true);
    }

    async fn unthrottle(&self) {
        self.kmip.throttle(false);
    }
}

/// Conformance: P17-18.
#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds() {
    let held = contract::holds(&Server::start().await).await;
    table::is_current("kmip", &held);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_with_keys_that_are_fetched() {
    let server = Server { fetch_keys: true, ..Server::start().await };
    let held = contract::holds(&server).await;
    assert!(held.iter().any(|held| held.case == "altered" && held.outcome == Outcome::Corrupt));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_way_wrapped_the_other_opens() {
    let server = Server::start().await;
    server.new_key("a").await;
    let ways = [false, true].map(|fetch| server.with(|settings| settings.fetch_keys = fetch));
    for (from, to) in [(0, 1), (1, 0)] {
        let (dek, wrapped) = ways[from].generate(&context("a")).await.unwrap();
        assert!(ways[to].unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
        assert_eq!(ways[to].version(wrapped.as_bytes()), Some(server.id("a")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_asked_for_authenticated_encryption_and_nothing_else() {
    let server = Server::start().await;
    server.new_key("a").await;
    server.with(|_| {}).generate(&context("a")).await.unwrap();
    let log = server.kmip.log();
    let asked: Vec<_> = log.lines().filter(|line| line.starts_with("Encrypt: ")).collect();
    assert!(
        !asked.is_empty() && asked.iter().all(|line| *line == "Encrypt: AES, GCM, a tag of 16 bytes"),
        "{asked:?}"
    );
}

/// The server does not say that it is the tag, so the key is tried; garbage must not make it encrypt all the time.
#[tokio::test(flavor = "multi_thread")]
async fn garbage_makes_the_server_encrypt_once_in_a_while() {
    let server = Server::start().await;
    server.new_key("a").await;
    let provider = server.with(|_| {});
    let (_, wrapped) = provider.generate(&context("a")).await.unwrap();
    let encrypted = || server.kmip.log().lines().filter(|line| line.starts_with("Encrypt: ")).count();
    let (before, start) = (encrypted(), Instant::now());
    for place in 1..=10 {
        let mut altered = wrapped.as_bytes().to_vec();
        let length = altered.len();
        altered[length - place] ^= 1;
        let error = provider.unwrap(&context("a"), &altered).await.map(drop).unwrap_err();
        assert!(matches!(error, ProviderError::Corrupt { .. }), "{error}");
    }
    let times = encrypted() - before;
    let most = 1 + usize::try_from(start.elapsed().as_secs() / 10).unwrap();
    assert!((1..=most).contains(&times), "{times} times in {:?}", start.elapsed());
}

async fn said(provider: &Kmip, key: &str) -> ProviderError {
    provider.generate(&context(key)).await.map(drop).unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_followed() {
    let server = Server::start().await;
    server.new_key("a").await;
    let path = |name: &str| -> PathBuf { server.folder.join(name) };
    let provider = server.with(|_| {});
    // One that the server does not take.
    let elsewhere = Certificates::new();
    let others = elsewhere.client("proxy", "proxy");
    let put = |identity: &tests::Identity| {
        fs::copy(&identity.certificate, path("tls.crt")).unwrap();
        fs::copy(&identity.key, path("tls.key")).unwrap();
    };
    provider.generate(&context("a")).await.unwrap();
    let epoch = provider.epoch();
    put(&others);
    assert_eq!(provider.reload(), (true, None));
    assert_eq!(provider.epoch(), epoch, "data keys in use are not all asked for again");
    let error = said(&provider, "a").await;
    assert!(matches!(error, ProviderError::Unavailable { .. }), "{error}");
    put(server.kmip.proxy());
    assert_eq!(provider.reload(), (true, None));
    provider.generate(&context("a")).await.unwrap();
    fs::write(path("tls.key"), "no key").unwrap();
    assert_eq!(provider.reload(), (true, None));
    let error = said(&provider, "a").await;
    assert!(error.to_string().contains("tls.key has no usable certificate or key"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_server_closed_are_not_missed() {
    let server = Server::start().await;
    server.new_key("a").await;
    let provider = Arc::new(server.with(|_| {}));
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let provider = Arc::clone(&provider);
            tokio::spawn(async move { provider.generate(&context("a")).await.map(drop) })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    // Each change of the relay cuts all connections.
    server.faults.set(tests::kms::Fault::Silent).await;
    server.faults.set(tests::kms::Fault::None).await;
    provider.generate(&context("a")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_binds_data_keys_to_nothing_is_refused() {
    let server = Server::before(PyKmip::start_without_additional_data().await).await;
    server.kmip.make_key("a").await;
    let error = said(&server.with(|_| {}), "a").await;
    assert!(
        matches!(&error, ProviderError::Refused { cause, .. } if cause.contains("does not bind")),
        "{error}"
    );
    // The proxies can.
    let fetching = server.with(|settings| settings.fetch_keys = true);
    let (dek, wrapped) = fetching.generate(&context("a")).await.unwrap();
    assert!(fetching.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_sealed_it_reads_after_the_name_went_to_another_key() {
    let server = Server::start().await;
    server.new_key("payments").await;
    let provider = json!({
        "address": format!("localhost:{}", server.faults.port()),
        "tls": {
            "caFile": server.kmip.certificates().authority(),
            "certificateFile": server.folder.join("tls.crt"),
            "keyFile": server.folder.join("tls.key"),
        },
    });
    let policy = PolicyFile::new([Rule::encrypt([Pattern::prefix("kmip.")], "payments")]);
    let builder = Proxy::before(Cluster::shared().await).policy(policy);
    let proxy = builder.config("keyProviders", json!({"default": {"kmip": provider}})).launch().await;
    proxy.wait_ready().await;
    let (topic, batch) = (topic("kmip.a"), Batch::of(&[SentRecord::of("some value").key("some key")]));
    Cluster::shared().await.create_topic(&topic, 1, &[]).await;
    proxy.write_batch(&topic, &batch).await.unwrap();
    server.rotate("payments").await;
    // From here on nothing is in a cache.
    proxy.restart().await;
    proxy.write_batch(&topic, &batch).await.unwrap();
    assert_eq!(proxy.read_batches(&topic, 0).await.unwrap(), [batch.as_sent(), batch.as_sent()]);
    assert!(proxy.terminate().await.success());

    let log = proxy.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<_> = lines.filter(|line| line["provider"] == "default").collect();
    let told = |operation: &str| lines.iter().filter(|line| line["operation"] == operation).count();
    assert_eq!(told("locate"), told("generate"), "a key is found by its name each time");
    let elsewhere = |line: &&Value| line["operation"] == "checkBinding" && line["outcome"] == "corrupt";
    let checked = lines.iter().filter(elsewhere).count();
    assert!(checked >= 2, "each process sees once for each key that another context opens none: {lines:?}");
    assert_eq!(told("checkBinding"), 2 * checked, "and that its own does");
    assert!(told("attributes") > 0, "whose key wrapped is seen: {lines:?}");
}
