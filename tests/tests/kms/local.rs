//! The provider `local`: files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proxy_crypto::{Dek, KeyProvider, LocalKeys, ProviderError, WrappedKey};
use tests::Scratch;
use tests::kms::Faults;
use tests::payload::random_bytes;

use super::contract::{self, Held, Outcome, context, provider_name};
use super::system::{Proof, System};
use super::{page, table};

/// A directory of key files, and everything that reads it.
struct Files {
    folder: Scratch,
    /// Looks at the directory again after each change, as the proxy does twice a second.
    readers: Mutex<Vec<Arc<LocalKeys>>>,
    contents: Mutex<BTreeMap<String, String>>,
}

impl Files {
    fn new() -> Self {
        let files =
            Self { folder: Scratch::new("local"), readers: Mutex::default(), contents: Mutex::default() };
        fs::create_dir(files.path()).unwrap();
        files
    }

    fn path(&self) -> PathBuf {
        self.folder.join("keys")
    }

    fn open(&self) -> Arc<LocalKeys> {
        let keys = Arc::new(LocalKeys::open(self.path(), provider_name()));
        self.readers.lock().unwrap().push(Arc::clone(&keys));
        keys
    }

    fn changed(&self) {
        self.readers.lock().unwrap().iter().for_each(|reader| {
            reader.reload();
        });
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path().join(file), text).unwrap();
        self.changed();
    }

    fn add(&self, file: &str) {
        let text = BASE64.encode(random_bytes(32));
        self.contents.lock().unwrap().insert(file.to_owned(), text.clone());
        self.write(file, &text);
    }

    /// The files of a key, with what they hold.
    fn of(&self, key: &str) -> Vec<(String, String)> {
        let contents = self.contents.lock().unwrap();
        let of_key =
            contents.iter().filter(|(file, _)| file.rsplit_once(".v").is_some_and(|(name, _)| name == key));
        of_key.map(|(file, text)| (file.clone(), text.clone())).collect()
    }

    fn take_away(&self, key: &str) {
        for (file, _) in self.of(key) {
            fs::remove_file(self.path().join(file)).unwrap();
        }
        self.changed();
    }
}

#[async_trait]
impl System for Files {
    fn name(&self) -> &'static str {
        "local"
    }

    fn has_no_connection(&self) -> Option<&'static str> {
        Some("files have no connection")
    }

    fn faults(&self) -> &Faults {
        unreachable!("files have no connection")
    }

    fn provider(&self) -> Arc<dyn KeyProvider> {
        self.open()
    }

    fn distrustful(&self) -> Arc<dyn KeyProvider> {
        unreachable!("files have no certificate")
    }

    fn proof(&self, case: &str) -> Proof {
        match case {
            "denied" => Proof::DoesNotApply("what was read once is not asked for again"),
            "throttled" => Proof::DoesNotApply("nobody counts calls"),
            _ => Proof::Real,
        }
    }

    fn says(&self, case: &str) -> &'static str {
        match case {
            "another key" | "another cluster's context" => "belongs to another cluster, provider or key",
            "no such key" | "disabled" | "deleted" => "no file NAME.vN",
            _ => unreachable!("{case} has no message"),
        }
    }

    fn secrets(&self) -> Vec<String> {
        self.contents.lock().unwrap().values().cloned().collect()
    }

    async fn make_key(&self, key: &str) {
        self.add(&format!("{key}.v1"));
    }

    async fn rotate(&self, key: &str) {
        self.add(&format!("{key}.v{}", self.of(key).len() + 1));
    }

    async fn disable(&self, key: &str) {
        self.take_away(key);
    }

    async fn enable(&self, key: &str) {
        for (file, text) in self.of(key) {
            self.write(&file, &text);
        }
    }

    async fn delete(&self, key: &str) {
        self.take_away(key);
    }

    async fn deny(&self, _: &str) {
        unreachable!("it does not apply")
    }

    async fn throttle(&self) {
        unreachable!("it does not apply")
    }

    async fn unthrottle(&self) {}
}

/// Conformance: P17-16, P17-18, TE-14, TE-15.
#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds() {
    let files = Files::new();
    let mut held = contract::holds(&files).await;
    held.extend(file_cases(&files).await);
    table::is_current("local", &held);
}

/// What can be wrong with a file and its directory.
async fn file_cases(files: &Files) -> Vec<Held> {
    let mut held = Vec::new();
    let mut note = |case, outcome, says| held.push(Held { case, outcome, says, proof: Proof::Real });
    files.add("own.v1");
    let provider = files.open();
    let (dek, wrapped) = provider.generate(&context("own")).await.unwrap();

    files.add("garbage.v1");
    files.write("garbage.v1", "");
    files.write("garbage.v2", "no base64 of 32 bytes");
    provider.generate(&context("garbage")).await.unwrap();
    note("a file becomes garbage, or is garbage beside a good one", Outcome::Works, "");
    says(files, "garbage", Outcome::Refused, "garbage.v2 is invalid").await;
    note("garbage alone", Outcome::Refused, "is invalid");

    // Of which nobody can tell what it is, as of one without permission. The tests may be root, which has every permission.
    std::os::unix::fs::symlink("loop.v1", files.path().join("loop.v1")).unwrap();
    says(files, "loop", Outcome::Refused, "loop.v1 is invalid: failed to read it").await;
    note("a file that cannot be read", Outcome::Refused, "failed to read it");

    let away = files.folder.join("away");
    fs::rename(files.path(), &away).unwrap();
    files.changed();
    let answer = unwrap(&provider, &wrapped).await;
    assert!(matches!(answer, Err(ProviderError::Unavailable { .. })), "{:?}", answer.map(drop));
    says(files, "own", Outcome::Unavailable, "failed to read the key directory").await;
    note("no such directory", Outcome::Unavailable, "failed to read the key directory");
    fs::rename(&away, files.path()).unwrap();
    files.changed();
    assert!(unwrap(&provider, &wrapped).await.unwrap().same_as(&dek));
    note("the directory is there again", Outcome::Works, "");

    files.add("own.v1");
    let answer = unwrap(&provider, &wrapped).await.map(drop);
    let moved = "belongs to another cluster, provider or key";
    assert!(
        matches!(&answer, Err(ProviderError::Corrupt { cause, .. }) if cause.contains(moved)),
        "{answer:?}"
    );
    note("another key in a file of the same name", Outcome::Corrupt, moved);
    held
}

async fn unwrap(provider: &LocalKeys, wrapped: &WrappedKey) -> Result<Dek, ProviderError> {
    provider.unwrap(&context("own"), wrapped.as_bytes()).await
}

/// What a proxy that starts now says of a key.
async fn says(files: &Files, key: &str, outcome: Outcome, text: &str) {
    let Err(error) = files.open().generate(&context(key)).await else { panic!("{key} works") };
    let is = match error {
        ProviderError::Unavailable { .. } => Outcome::Unavailable,
        ProviderError::Refused { .. } => Outcome::Refused,
        ProviderError::Corrupt { .. } => Outcome::Corrupt,
    };
    assert!(is == outcome && error.to_string().contains(text), "{error}");
    assert!(files.secrets().iter().all(|secret| !error.to_string().contains(secret)), "it shows a key");
}

#[tokio::test]
async fn the_pages_command_makes_a_key() {
    let folder = Scratch::new("page");
    page::run(&page::commands("local.md", "mkdir"), folder.path());
    let provider = LocalKeys::open(folder.join("keys"), provider_name());
    let (_, wrapped) = provider.generate(&context("payments")).await.unwrap();
    assert_eq!(provider.version(wrapped.as_bytes()).as_deref(), Some("1"));
    for (path, mode) in [("keys", 0o700), ("keys/payments.v1", 0o600)] {
        let found = fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path} is its owner's alone");
    }
}
