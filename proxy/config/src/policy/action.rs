//! What a rule does with its topics.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::headers::SealedHeaders;
use super::ledger::KeyRef;
use super::pseudonym_key::PseudonymKey;
use super::rule::{EncryptRule, Format, OnPlaintext, OnUnreadable};
use crate::name::ProviderName;
use crate::reader::{Field, Fields};

/// What happens to the topics of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// They are encrypted.
    Encrypt(Arc<EncryptRule>),
    /// They are to be encrypted, and a later policy says how: writes wait for it, reads decrypt.
    Pending(KeyRef),
    /// Writes are refused, reads decrypt.
    Retired {
        /// For people: what a reader needs stands in the envelope.
        key: Option<KeyRef>,
        /// What happens to clear records that a consumer meets.
        on_plaintext: OnPlaintext,
    },
    /// They are clear, explicitly.
    Disabled,
}

/// What `encryption` may say.
#[derive(Debug, Clone, Copy)]
enum Encryption {
    Pending,
    Retired,
    Disabled,
}

impl Action {
    /// The key that the action needs, or its topics had.
    pub fn key_ref(&self) -> Option<KeyRef> {
        match self {
            Self::Encrypt(encrypt) => Some(encrypt.key_ref()),
            Self::Pending(key) => Some(key.clone()),
            Self::Retired { key, .. } => key.clone(),
            Self::Disabled => None,
        }
    }

    /// Reads the fields beside `encryption`, given what that says.
    pub(super) fn read(
        encryption: &Field<'_>,
        fields: &Fields<'_>,
        providers: &BTreeSet<ProviderName>,
    ) -> Option<Self> {
        let said = encryption.choice(&[
            ("Pending", Encryption::Pending),
            ("Retired", Encryption::Retired),
            ("Disabled", Encryption::Disabled),
        ]);
        let keyed = !matches!(said, Some(Encryption::Disabled));
        let is_retired = matches!(said, Some(Encryption::Retired));
        for name in ["key", "format", "onPlaintext", "onUnreadable", "headers", "recordKeys"]
            .iter()
            .filter(|name| !(keyed && **name == "key" || is_retired && **name == "onPlaintext"))
        {
            if let Some(field) = fields.optional(name) {
                field.mistake("must not be given beside encryption");
            }
        }
        match said? {
            Encryption::Pending => fields
                .required("key")
                .and_then(|field| KeyRef::read(field, Some(providers)))
                .map(Self::Pending),
            Encryption::Retired => {
                let on_plaintext = fields.optional("onPlaintext").map(OnPlaintext::read);
                // Its provider may be gone.
                let key = match fields.optional("key") {
                    None => None,
                    Some(field) => Some(KeyRef::read(field, None)?),
                };
                Some(Self::Retired { key, on_plaintext: on_plaintext.unwrap_or(Some(OnPlaintext::Pass))? })
            }
            Encryption::Disabled => Some(Self::Disabled),
        }
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// The fields of a rule beside its topics.
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase", untagged)]
        enum Text {
            #[serde(rename_all = "camelCase")]
            Encrypt {
                key: KeyRef,
                format: Format,
                on_plaintext: OnPlaintext,
                #[serde(skip_serializing_if = "OnUnreadable::is_error")]
                on_unreadable: OnUnreadable,
                #[serde(skip_serializing_if = "SealedHeaders::is_empty")]
                headers: SealedHeaders,
                #[serde(skip_serializing_if = "Option::is_none")]
                record_keys: Option<RecordKeys>,
            },
            #[serde(rename_all = "camelCase")]
            Other {
                encryption: &'static str,
                #[serde(skip_serializing_if = "Option::is_none")]
                key: Option<KeyRef>,
                #[serde(skip_serializing_if = "Option::is_none")]
                on_plaintext: Option<OnPlaintext>,
            },
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct RecordKeys {
            pseudonym_key: PseudonymKey,
        }
        let text = match self {
            Self::Encrypt(rule) => Text::Encrypt {
                key: rule.key_ref(),
                format: rule.format,
                on_plaintext: rule.on_plaintext,
                on_unreadable: rule.on_unreadable,
                headers: rule.headers.clone(),
                record_keys: rule.pseudonym_key.clone().map(|pseudonym_key| RecordKeys { pseudonym_key }),
            },
            Self::Pending(_) => {
                Text::Other { encryption: "Pending", key: self.key_ref(), on_plaintext: None }
            }
            Self::Retired { on_plaintext, .. } => Text::Other {
                encryption: "Retired",
                key: self.key_ref(),
                on_plaintext: Some(*on_plaintext).filter(|said| *said != OnPlaintext::Pass),
            },
            Self::Disabled => Text::Other { encryption: "Disabled", key: None, on_plaintext: None },
        };
        text.serialize(serializer)
    }
}
