//! Keys that the entries of a ledger do not tell of, as they stand in its text.

use std::collections::BTreeSet;

use operator_api::KeyRef as KeySpec;
use proxy_config::KeyRef;
use serde::{Deserialize, Serialize};

use crate::policies::text::{FieldError, default_provider, key};

/// A key as `{provider: …, name: …}`, with the namespaces whose policies had it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub(super) struct EarlierKeyText {
    pub(super) key: KeyRef,
    /// None in ledgers from before they were kept.
    pub(super) namespaces: BTreeSet<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default = "default_provider")]
    provider: String,
    name: String,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    namespaces: BTreeSet<String>,
}

impl TryFrom<Fields> for EarlierKeyText {
    type Error = FieldError;

    fn try_from(Fields { provider, name, namespaces }: Fields) -> Result<Self, FieldError> {
        Ok(Self { key: key(&KeySpec { name, provider })?, namespaces })
    }
}

impl From<EarlierKeyText> for Fields {
    fn from(EarlierKeyText { key, namespaces }: EarlierKeyText) -> Self {
        Self { provider: key.provider.to_string(), name: key.name.to_string(), namespaces }
    }
}
