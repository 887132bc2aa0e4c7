//! What the tests use beside the workspace: a Kafka distribution and real clients, prepared by `tests/rig/setup`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tokio::task::spawn_blocking;

/// The parts, by the names that `setup` gives them in `rig.env`.
#[derive(Debug)]
pub struct Rig {
    parts: BTreeMap<String, String>,
}

impl Rig {
    /// The rig, prepared by the first caller in the process: minutes on a new machine, a moment later on.
    /// `TOPIC_ENCRYPTION_RIG=ready` takes what is there.
    pub fn shared() -> &'static Self {
        static RIG: OnceLock<Rig> = OnceLock::new();
        RIG.get_or_init(Self::prepare)
    }

    /// The same, for callers that must not block.
    pub async fn ready() -> &'static Self {
        blocking(Self::shared).await
    }

    fn prepare() -> Self {
        let wanted = std::env::var("TOPIC_ENCRYPTION_RIG").unwrap_or_else(|_| "test".to_owned());
        if wanted != "ready" {
            set_up(&wanted);
        }
        let file = cache().join("rig.env");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parts = text.lines().filter_map(|line| line.split_once('='));
        Self { parts: parts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }

    /// A part by its name in `rig.env`.
    pub fn part(&self, name: &str) -> &str {
        self.parts.get(name).unwrap_or_else(|| panic!("{name} is not in rig.env"))
    }
}

/// Also where everything is there already: it rebuilds what a changed source or tool made stale.
fn set_up(parts: &str) {
    let setup = Path::new(env!("CARGO_MANIFEST_DIR")).join("rig/setup");
    let output = Command::new(&setup).arg(parts).output().expect("the setup script runs");
    assert!(
        output.status.success(),
        "{} failed:\n{}",
        setup.display(),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Where `setup` puts everything.
pub fn cache() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("TOPIC_ENCRYPTION_CACHE").unwrap_or_else(|| {
        let caches = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
        caches.expect("HOME is set").join("strimzi-topic-encryption")
    })
}

/// Runs what blocks on a thread that may; a panic there goes on here.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
