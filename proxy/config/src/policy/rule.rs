//! One rule: some topics and what happens to them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::action::Action;
use super::headers::SealedHeaders;
use super::ledger::KeyRef;
use super::legacy::Legacy;
use super::pattern::Pattern;
use super::pseudonym_key::PseudonymKey;
use crate::name::{KeyName, ProviderName};
use crate::reader::{Field, Fields, quote};

/// The provider that a key belongs to where the rule names none.
pub(super) const DEFAULT_PROVIDER: &str = "default";

/// A rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The topics it is for; at least one pattern.
    pub topics: Vec<Pattern>,
    /// What happens to them.
    #[serde(flatten)]
    pub action: Action,
    /// What other programs encrypted before, and they still hold.
    #[serde(skip_serializing_if = "Legacy::is_empty")]
    pub legacy: Legacy,
}

/// How topics are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EncryptRule {
    /// The provider of the key.
    pub provider: ProviderName,
    /// The key-encryption key.
    pub key: KeyName,
    /// How batches are laid out.
    pub format: Format,
    /// What happens to clear records that a consumer meets.
    pub on_plaintext: OnPlaintext,
    /// What happens to records whose key the provider refuses.
    pub on_unreadable: OnUnreadable,
    /// Headers whose values are encrypted with the records' values; only in record format, which leaves headers clear otherwise.
    pub headers: SealedHeaders,
    /// Keys of records become pseudonyms under it, and are encrypted with the records' values; only in record format.
    pub pseudonym_key: Option<PseudonymKey>,
}

/// How encrypted batches are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize)]
pub enum Format {
    /// Batch where the topic is known not to be compacted, record otherwise.
    #[default]
    Auto,
    /// The whole batch as one; not for compacted topics.
    Batch,
    /// Each value by itself.
    Record,
}

/// What happens to clear records on an encrypted topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize)]
pub enum OnPlaintext {
    /// They are delivered, for the time of a migration.
    #[default]
    Pass,
    /// They are delivered up to where encryption began, and an error from there on.
    PassUntil,
    /// They are an error.
    Reject,
}

/// What a consumer gets in the place of records that can never be read: their provider says no to their key, as
/// it does once that is destroyed. A provider that does not answer is none of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize)]
pub enum OnUnreadable {
    /// An error, at which consumers stop.
    #[default]
    Error,
    /// Nothing: they are left out as if compaction had removed them.
    Skip,
    /// Null under the record's key, where that is in clear; else they are left out.
    Tombstone,
}

impl OnUnreadable {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn is_error(&self) -> bool {
        *self == Self::Error
    }
}

impl Rule {
    pub(super) fn read(field: &Field<'_>, providers: &BTreeSet<ProviderName>) -> Option<Self> {
        let fields = field.fields(&[
            "topics",
            "key",
            "format",
            "onPlaintext",
            "onUnreadable",
            "headers",
            "recordKeys",
            "legacy",
            "encryption",
        ])?;
        let topics = fields.required("topics").and_then(|field| {
            let patterns: Vec<_> = field.some_items()?.iter().map(Pattern::read).collect();
            patterns.into_iter().collect::<Option<Vec<_>>>()
        });
        let action = match fields.optional("encryption") {
            None => EncryptRule::read(&fields, providers).map(|rule| Action::Encrypt(Arc::new(rule))),
            Some(encryption) => Action::read(encryption, &fields, providers),
        };
        let own = action.as_ref().and_then(Action::key_ref);
        let legacy = fields.optional("legacy").and_then(|field| {
            if matches!(action, Some(Action::Disabled)) {
                field.mistake("must not be given beside encryption: Disabled");
                return None;
            }
            Legacy::read(field, own.as_ref(), providers)
        });
        Some(Self { topics: topics?, action: action?, legacy: legacy.unwrap_or_default() })
    }
}

impl EncryptRule {
    /// The key with its provider.
    pub fn key_ref(&self) -> KeyRef {
        KeyRef { provider: self.provider.clone(), name: self.key.clone() }
    }

    pub(super) fn read(fields: &Fields<'_>, providers: &BTreeSet<ProviderName>) -> Option<Self> {
        let key = fields.required("key").and_then(|field| KeyRef::read(field, Some(providers)));
        let format = fields.optional("format").and_then(|field| {
            field.choice(&[("Auto", Format::Auto), ("Batch", Format::Batch), ("Record", Format::Record)])
        });
        let on_plaintext = fields.optional("onPlaintext").and_then(OnPlaintext::read);
        let on_unreadable = fields.optional("onUnreadable").and_then(|field| {
            field.choice(&[
                ("Error", OnUnreadable::Error),
                ("Skip", OnUnreadable::Skip),
                ("Tombstone", OnUnreadable::Tombstone),
            ])
        });
        let headers = fields.optional("headers").and_then(|field| {
            if format != Some(Format::Record) {
                field.mistake(
                    "must only be given beside format: Record, as batch format encrypts all headers",
                );
            }
            SealedHeaders::read(field)
        });
        let pseudonym_key = fields.optional("recordKeys").and_then(|field| {
            if format != Some(Format::Record) {
                field.mistake(
                    "must only be given beside format: Record, as batch format encrypts all keys of records",
                );
            }
            PseudonymKey::read(field)
        });
        let KeyRef { provider, name: key } = key?;
        Some(Self {
            provider,
            key,
            format: format.unwrap_or_default(),
            on_plaintext: on_plaintext.unwrap_or_default(),
            on_unreadable: on_unreadable.unwrap_or_default(),
            headers: headers.unwrap_or_default(),
            pseudonym_key,
        })
    }
}

impl OnPlaintext {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        field.choice(&[("Pass", Self::Pass), ("PassUntil", Self::PassUntil), ("Reject", Self::Reject)])
    }
}

/// For people: the same in every place that tells of a rule.
impl fmt::Display for EncryptRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, on_plaintext, on_unreadable, headers, pseudonym_key, .. } = self;
        write!(f, "encrypted with key {} (format {format:?}, onPlaintext {on_plaintext:?}", self.key_ref())?;
        if !on_unreadable.is_error() {
            write!(f, ", onUnreadable {on_unreadable:?}")?;
        }
        if !headers.is_empty() {
            write!(f, ", headers {headers}")?;
        }
        if pseudonym_key.is_some() {
            f.write_str(", recordKeys pseudonyms")?;
        }
        f.write_str(")")
    }
}

impl KeyRef {
    /// Reads a key; its provider must be one of the given, if they are known.
    pub(super) fn read(field: &Field<'_>, providers: Option<&BTreeSet<ProviderName>>) -> Option<Self> {
        Self::of(&field.fields(&["provider", "name"])?, providers)
    }

    /// Of the fields of something that is a key among other things.
    pub(super) fn of(fields: &Fields<'_>, providers: Option<&BTreeSet<ProviderName>>) -> Option<Self> {
        let name = fields.required("name").and_then(|field| field.parsed(KeyName::new));
        let written = fields.optional("provider");
        let provider = match written {
            Some(field) => field.parsed(ProviderName::new),
            None => ProviderName::new(DEFAULT_PROVIDER).ok(),
        }?;
        if let Some(known) = providers.filter(|known| !known.contains(&provider)) {
            let known: Vec<_> = known.iter().map(ProviderName::as_str).collect();
            written.unwrap_or_else(|| fields.whole()).mistake(format!(
                "must have a provider that keyProviders defines ({}), not {}",
                known.join(", "),
                quote(provider.as_str())
            ));
        }
        Some(Self { provider, name: name? })
    }
}
