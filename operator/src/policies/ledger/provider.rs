//! What a key provider was when something was encrypted under its keys: another one of its name does not have them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What makes a provider the one it is. Where a service is reached may change, its kind and the Secret of local keys may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderIdentity {
    /// The field of `keyProviders[]` that describes it, such as `local`.
    pub kind: String,
    /// The Secret of local keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl fmt::Display for ProviderIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.secret {
            Some(secret) => write!(formatter, "{} (Secret {secret})", self.kind),
            None => formatter.write_str(&self.kind),
        }
    }
}
