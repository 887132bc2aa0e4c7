//! Why a write failed.

use thiserror::Error;

/// Why something was not written.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// An object was refused, or the API server did not answer.
    #[error("failed to apply {kind} {name}")]
    Apply {
        kind: String,
        name: String,
        #[source]
        source: Box<kube::Error>,
    },
    /// What is no longer wanted stayed.
    #[error("failed to delete {kind} {name}")]
    Delete {
        kind: String,
        name: String,
        #[source]
        source: Box<kube::Error>,
    },
    /// Objects of the fleet could not be listed.
    #[error("failed to list {kind}")]
    List {
        kind: String,
        #[source]
        source: Box<kube::Error>,
    },
    /// The kubelet was not shown new contents of volumes.
    #[error("failed to annotate pod {name}")]
    Nudge {
        name: String,
        #[source]
        source: Box<kube::Error>,
    },
}

impl Error {
    /// With which code the API server refused, if it did.
    pub(crate) fn code(&self) -> Option<u16> {
        let (Self::Apply { source, .. }
        | Self::Delete { source, .. }
        | Self::List { source, .. }
        | Self::Nudge { source, .. }) = self;
        match source.as_ref() {
            kube::Error::Api(status) => Some(status.code),
            _ => None,
        }
    }
}
