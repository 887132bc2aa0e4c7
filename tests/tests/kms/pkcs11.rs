//! The provider `pkcs11`, against `SoftHSM`.

mod proxy;
mod versions;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use proxy_crypto::{KeyProvider, ProviderError};
use proxy_kms::{Pkcs11, Pkcs11Settings, Pkcs11Token};
use tests::kms::{Faults, SoftHsm};

use super::contract::{self, Held, Outcome, context, provider_name};
use super::system::{Proof, System};
use super::{page, table};

const OTHER_PIN: &str = "another-pin-9876";

struct Hsm(SoftHsm);

impl Hsm {
    async fn alone(test: &str) -> Option<Self> {
        let hsm = Self(SoftHsm::alone(&format!("pkcs11::{test}")).await?);
        hsm.write_pin(SoftHsm::PIN);
        Some(hsm)
    }

    fn write_pin(&self, pin: &str) {
        fs::write(self.0.join("pin"), format!("{pin}\n")).unwrap();
    }

    fn with(&self, change: impl FnOnce(&mut Pkcs11Settings)) -> Pkcs11 {
        let mut settings = Pkcs11Settings {
            module: self.0.module().to_owned(),
            token: Pkcs11Token::Label(SoftHsm::TOKEN.to_owned()),
            pin: self.0.join("pin"),
        };
        change(&mut settings);
        Pkcs11::new(provider_name(), settings)
    }

    fn versions(&self, key: &str) -> Vec<String> {
        let text = fs::read_to_string(self.0.join(&format!("versions-{key}"))).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn make_version(&self, key: &str) {
        let mut versions = self.versions(key);
        let id = format!("{:02x}", versions.len() + 1);
        self.0.make_key(key, &id);
        versions.push(id);
        fs::write(self.0.join(&format!("versions-{key}")), versions.join("\n")).unwrap();
    }
}

#[async_trait]
impl System for Hsm {
    fn name(&self) -> &'static str {
        "pkcs11"
    }

    fn has_no_connection(&self) -> Option<&'static str> {
        Some("a library has no connection")
    }

    fn faults(&self) -> &Faults {
        unreachable!("a library has no connection")
    }

    fn provider(&self) -> Arc<dyn KeyProvider> {
        Arc::new(self.with(|_| {}))
    }

    fn distrustful(&self) -> Arc<dyn KeyProvider> {
        unreachable!("a library has no certificate")
    }

    fn proof(&self, case: &str) -> Proof {
        if case == "throttled" { Proof::DoesNotApply("a library counts no calls") } else { Proof::Real }
    }

    fn says(&self, case: &str) -> &'static str {
        match case {
            "another key" | "another cluster's context" => "fails to decrypt this one",
            "no such key" | "deleted" => "no AES key with this CKA_LABEL",
            "disabled" | "denied" => "does not permit it",
            _ => unreachable!("{case} has no message"),
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![SoftHsm::PIN.to_owned()]
    }

    async fn make_key(&self, key: &str) {
        self.make_version(key);
    }

    async fn rotate(&self, key: &str) {
        self.make_version(key);
    }

    async fn disable(&self, key: &str) {
        self.0.permit(key, true, false);
    }

    async fn enable(&self, key: &str) {
        self.0.permit(key, true, true);
    }

    async fn delete(&self, key: &str) {
        for id in self.versions(key) {
            self.0.destroy_key(key, &id);
        }
    }

    async fn deny(&self, key: &str) {
        self.0.permit(key, false, false);
    }

    async fn throttle(&self) {
        unreachable!("a library does not count calls")
    }

    async fn unthrottle(&self) {}
}

/// Conformance: P17-18.
#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds() {
    let Some(hsm) = Hsm::alone("the_contract_holds").await else { return };
    let mut held = contract::holds(&hsm).await;
    hsm.0.make_key("own", "01");
    held.extend(library_cases(&hsm).await);
    table::is_current("pkcs11", &held);
}

/// What can go wrong with a library and its token.
async fn library_cases(hsm: &Hsm) -> Vec<Held> {
    let mut held = Vec::new();
    let mut note = |case, outcome, says, proof| held.push(Held { case, outcome, says, proof });
    let missing = hsm.with(|settings| settings.module = PathBuf::from("/nowhere/module.so"));
    assert_unavailable(&missing, "failed to load").await;
    note("no such module", Outcome::Unavailable, "failed to load", Proof::Real);

    let later = hsm.with(|settings| settings.token = Pkcs11Token::Label("later".to_owned()));
    assert_unavailable(&later, "no token 'later'").await;
    note("no such token", Outcome::Unavailable, "no token", Proof::Real);
    hsm.0.make_token("later");
    let found = tests::eventually_ok("the token is found", Duration::from_secs(20), async || {
        match later.generate(&context("own")).await {
            Err(error @ ProviderError::Unavailable { .. }) => Err(error.to_string()),
            found => Ok(found.map(drop)),
        }
    });
    let found = found.await;
    assert!(matches!(found, Err(ProviderError::Refused { .. })), "an empty token: {found:?}");
    note("the token is there later", Outcome::Works, "", Proof::Real);

    // A login is one of the process, so there must be none.
    hsm.0.finalize();
    fs::write(hsm.0.join("wrong"), "wrong-pin-0000").unwrap();
    let wrong = hsm.with(|settings| settings.pin = hsm.0.join("wrong"));
    let refused = wrong.generate(&context("own")).await;
    let says = "CKR_PIN_INCORRECT";
    assert!(
        matches!(&refused, Err(ProviderError::Refused { cause, .. }) if cause.contains(says)),
        "{refused:?}"
    );
    note("wrong PIN", Outcome::Refused, says, Proof::Real);

    let provider = hsm.with(|_| {});
    let (dek, wrapped) = provider.generate(&context("own")).await.unwrap();
    hsm.0.restart();
    assert!(provider.unwrap(&context("own"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    note("sessions lost", Outcome::Works, "", Proof::Injected);
    hsm.0.log_out();
    assert!(provider.unwrap(&context("own"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    note("logged out", Outcome::Works, "", Proof::Injected);
    hsm.0.finalize();
    assert!(provider.unwrap(&context("own"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    note("module finalized", Outcome::Works, "", Proof::Injected);

    let keys = contract::keys(Arc::new(provider));
    keys.verify(contract::PROVIDER, "own").await.unwrap();
    let hang = hsm.0.hang();
    let start = Instant::now();
    let mut first = None;
    for _ in 0..6 {
        let answer = keys.verify(contract::PROVIDER, "own").await;
        assert!(matches!(answer, Err(ProviderError::Unavailable { .. })), "{answer:?}");
        first.get_or_insert(answer);
    }
    let first = first.and_then(Result::err).expect("it was asked");
    assert!(first.cause().contains("no answer within"), "{first}");
    assert!(start.elapsed() >= contract::PATIENCE, "it did hang: {:?}", start.elapsed());
    assert!(start.elapsed() < 6 * contract::PATIENCE + Duration::from_secs(1), "{:?}", start.elapsed());
    note("the module hangs", Outcome::Unavailable, "no answer within", Proof::Injected);
    hang.end();
    tests::eventually_ok("the module goes on", Duration::from_secs(20), async || {
        keys.verify(contract::PROVIDER, "own").await
    })
    .await;
    held
}

async fn assert_unavailable(provider: &Pkcs11, says: &str) {
    match provider.generate(&context("own")).await {
        Err(error @ ProviderError::Unavailable { .. }) => {
            assert!(error.to_string().contains(says), "{error}");
        }
        other => panic!("{:?}", other.map(drop)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_pin_is_tried_once() {
    let Some(hsm) = Hsm::alone("a_wrong_pin_is_tried_once").await else { return };
    hsm.0.make_key("a", "01");
    hsm.write_pin("wrong-pin-0000");
    let provider = hsm.with(|_| {});
    let refused = async |provider: &Pkcs11| match provider.generate(&context("a")).await {
        Err(error @ ProviderError::Refused { .. }) => error.to_string(),
        other => panic!("{:?}", other.map(drop)),
    };
    let said = refused(&provider).await;
    assert!(said.contains("CKR_PIN_INCORRECT") && !said.contains("wrong-pin"), "{said}");
    assert!(hsm.0.saw_a_wrong_pin());
    hsm.0.log_in(SoftHsm::PIN);
    for _ in 0..20 {
        let said = refused(&provider).await;
        assert!(said.contains("not tried again") && !said.contains("wrong-pin"), "{said}");
    }
    assert!(!hsm.0.saw_a_wrong_pin(), "the token was left alone");

    hsm.write_pin(SoftHsm::PIN);
    let epoch = provider.epoch();
    assert_eq!(provider.reload(), (true, None));
    assert!(provider.epoch() > epoch, "what was refused is asked again");
    provider.generate(&context("a")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_pin_is_followed() {
    let Some(hsm) = Hsm::alone("a_new_pin_is_followed").await else { return };
    hsm.0.make_key("a", "01");
    let provider = hsm.with(|_| {});
    let (dek, wrapped) = provider.generate(&context("a")).await.unwrap();
    hsm.0.change_pin(OTHER_PIN);
    hsm.write_pin(OTHER_PIN);
    assert_eq!(provider.reload(), (true, None));
    assert!(provider.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    // What is in the file counts, though the process was logged in with another.
    hsm.write_pin(SoftHsm::PIN);
    assert_eq!(provider.reload(), (true, None));
    let refused = provider.unwrap(&context("a"), wrapped.as_bytes()).await;
    assert!(matches!(refused, Err(ProviderError::Refused { .. })), "{refused:?}");
    fs::remove_file(hsm.0.join("pin")).unwrap();
    let (changed, problem) = provider.reload();
    assert!(!changed && problem.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_once_take_turns() {
    let Some(hsm) = Hsm::alone("many_calls_at_once_take_turns").await else { return };
    hsm.0.make_key("a", "01");
    let provider = Arc::new(hsm.with(|_| {}));
    let start = Instant::now();
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let provider = Arc::clone(&provider);
            tokio::spawn(async move { provider.generate(&context("a")).await.map(drop) })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    println!("200 data keys in {:?}", start.elapsed());
    let slot = hsm.0.slot();
    let by_number = hsm.with(|settings| settings.token = Pkcs11Token::Slot(slot));
    by_number.generate(&context("a")).await.unwrap();
}

/// Conformance: TE-B13.
#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_hangs_keeps_a_few_threads_and_no_caller() {
    let Some(hsm) = Hsm::alone("a_module_that_hangs_keeps_a_few_threads_and_no_caller").await else { return };
    hsm.0.make_key("a", "01");
    let provider = Arc::new(hsm.with(|_| {}));
    provider.generate(&context("a")).await.unwrap();
    let hang = hsm.0.hang();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let provider = Arc::clone(&provider);
            let call = async move { provider.generate(&context("a")).await.map(drop) };
            tokio::spawn(tokio::time::timeout(Duration::from_secs(1), call))
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap().is_err(), "the module hangs");
    }
    let start = Instant::now();
    for _ in 0..100 {
        assert_unavailable(&provider, "4 calls of the module have not returned").await;
    }
    assert!(start.elapsed() < Duration::from_secs(1), "at once: {:?}", start.elapsed());
    assert_eq!(threads(), 4);
    // What looks at files must not wait for the module either.
    hsm.write_pin(OTHER_PIN);
    assert_eq!(provider.reload(), (true, None));
    hsm.write_pin(SoftHsm::PIN);
    assert_eq!(provider.reload(), (true, None));
    hang.end();
    tests::eventually_ok("the module goes on", Duration::from_secs(20), async || {
        provider.generate(&context("a")).await
    })
    .await;
    tests::eventually("the threads end", Duration::from_secs(20), async || threads() == 0).await;
    // Neither the runtime nor the process waits for it in the end.
    let forever = hsm.0.hang();
    let call = async { provider.generate(&context("a")).await.map(drop) };
    assert!(tokio::time::timeout(Duration::from_secs(1), call).await.is_err());
    std::mem::forget(forever);
}

/// Threads of this process that wait for a module.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "pkcs11").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_command_makes_a_key_and_its_next_version() {
    let Some(hsm) = Hsm::alone("the_pages_command_makes_a_key_and_its_next_version").await else { return };
    hsm.0.make_token("payments");
    let commands = page::commands("pkcs11.md", "pkcs11-tool");
    // The other line is for Kubernetes. On a terminal the tool asks for the PIN.
    let command = commands.lines().find(|line| line.starts_with("pkcs11-tool")).unwrap();
    let module = format!("--module {}", hsm.0.module().display());
    let login = format!("--login --pin {}", SoftHsm::PIN);
    let command = page::elsewhere(command, &[("--module M", &module), ("--login", &login)]);
    let provider = hsm.with(|settings| settings.token = Pkcs11Token::Label("payments".to_owned()));
    for (command, id) in
        [(command.clone(), "01"), (page::elsewhere(&command, &[("--id 01", "--id 02")]), "02")]
    {
        page::run(&command, &hsm.0.join(""));
        let (dek, wrapped) = provider.generate(&context("payments")).await.unwrap();
        assert_eq!(provider.version(wrapped.as_bytes()).as_deref(), Some(id));
        assert!(provider.unwrap(&context("payments"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    }
}
