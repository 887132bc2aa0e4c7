//! Which version of the proxy a test runs.

use std::path::PathBuf;

use crate::programs;
use crate::rig::blocking;

/// A version of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The one under test.
    Present,
    /// The one that is replaced by it, as `fixtures/previous` says.
    Previous,
}

impl Version {
    pub(super) async fn program(self) -> PathBuf {
        match self {
            Self::Present => blocking(programs::proxy).await,
            Self::Previous => blocking(programs::previous_proxy).await,
        }
    }
}
