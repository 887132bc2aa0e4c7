//! Whether proxies can use the keys of a policy, as the condition `KeysReady` tells.

use super::super::conditions::{Finding, Holds, finding};

/// Whether they can, and why.
pub(crate) struct Readiness {
    pub(crate) reason: KeysReason,
    message: String,
}

/// What `KeysReady` gives as its reason, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KeysReason {
    /// Entries of the operator's own Secret of keys are not what they were.
    LocalKeysDamaged,
    /// There is a definite no.
    KeyRefused,
    /// A provider does not answer.
    KeyProviderUnavailable,
    /// Some proxy has not told of a key yet.
    NotTriedYet,
    /// Some proxy does not tell anything.
    ProxySilent,
    /// No key is needed.
    NoKeys,
    /// All can be used.
    KeysReady,
}

impl Readiness {
    pub(crate) fn new(reason: KeysReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    pub(crate) fn finding(&self) -> Finding {
        finding("KeysReady", self.reason.holds(), self.reason.as_str(), self.message.clone())
    }
}

impl KeysReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::LocalKeysDamaged => "LocalKeysDamaged",
            Self::KeyRefused => "KeyRefused",
            Self::KeyProviderUnavailable => "KeyProviderUnavailable",
            Self::NotTriedYet => "NotTriedYet",
            Self::ProxySilent => "ProxySilent",
            Self::NoKeys => "NoKeys",
            Self::KeysReady => "KeysReady",
        }
    }

    fn holds(self) -> Holds {
        match self {
            Self::LocalKeysDamaged | Self::KeyRefused | Self::KeyProviderUnavailable => Holds::False,
            Self::NotTriedYet | Self::ProxySilent => Holds::Unknown,
            Self::NoKeys | Self::KeysReady => Holds::True,
        }
    }

    /// Whether it stays so until somebody does something about it.
    pub(crate) fn is_stalled(self) -> bool {
        match self {
            Self::LocalKeysDamaged | Self::KeyRefused => true,
            Self::KeyProviderUnavailable
            | Self::NotTriedYet
            | Self::ProxySilent
            | Self::NoKeys
            | Self::KeysReady => false,
        }
    }

    /// Whether it may become better or worse by itself soon.
    pub(crate) fn may_pass(self) -> bool {
        match self {
            Self::KeyProviderUnavailable | Self::NotTriedYet | Self::ProxySilent => true,
            Self::LocalKeysDamaged | Self::KeyRefused | Self::NoKeys | Self::KeysReady => false,
        }
    }
}
