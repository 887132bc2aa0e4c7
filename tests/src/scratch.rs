//! Temporary folders that go away with their owner or, for what lives in statics, with the test process.

use std::fs;
use std::path::{Path, PathBuf};

use crate::reaper;

/// A folder of our own below the system's temporary folder. `KEEP_TEST_FOLDERS=1` keeps it for a look afterwards.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    keep: bool,
}

impl Scratch {
    /// Makes a folder; `purpose` becomes part of its name.
    pub fn new(purpose: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(&format!("topic-encryption-{purpose}-")).tempdir();
        let path = folder.expect("a temporary folder can be made").keep();
        let keep = std::env::var_os("KEEP_TEST_FOLDERS").is_some();
        if !keep {
            reaper::adopt_folder(&path);
        }
        Self { path, keep }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep && fs::remove_dir_all(&self.path).is_ok() {
            reaper::release_folder(&self.path);
        }
    }
}
