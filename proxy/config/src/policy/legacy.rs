//! What other programs encrypted before, and topics still hold: read, never written.

use std::collections::BTreeSet;
use std::fmt;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::ledger::KeyRef;
use super::rule::DEFAULT_PROVIDER;
use crate::name::{KeyName, ProviderName};
use crate::reader::{Field, quote};

/// The formats of earlier programs that a rule's topics may hold, with whoever has their keys. Each format comes at most once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Legacy {
    /// The key of strimzi/topic-encryption's format 1, which is the data key itself.
    pub topic_encryption_v1: Option<KeyRef>,
    /// Where the keys of Kroxylicious' record encryption 2 are.
    pub kroxylicious_v2: Option<KroxyliciousKeys>,
}

/// Keys that records of Kroxylicious may name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct KroxyliciousKeys {
    /// Their provider.
    pub provider: ProviderName,
    /// These alone, or any where there are none. Nothing in a record says that it was written to its topic, so whoever can
    /// write to brokers can have a topic's readers be given whatever was encrypted under these keys.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<KeyName>,
}

/// What `format` may say.
#[derive(Debug, Clone, Copy)]
enum Format {
    TopicEncryptionV1,
    KroxyliciousV2,
}

impl Legacy {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whose keys it needs.
    pub(super) fn providers(&self) -> impl Iterator<Item = &ProviderName> {
        let key = self.topic_encryption_v1.as_ref().map(|key| &key.provider);
        key.into_iter().chain(self.kroxylicious_v2.as_ref().map(|keys| &keys.provider))
    }

    pub(super) fn read(
        field: &Field<'_>,
        own: Option<&KeyRef>,
        providers: &BTreeSet<ProviderName>,
    ) -> Option<Self> {
        let mut legacy = Self::default();
        for item in field.some_items()? {
            let fields = item.fields(&["format", "key", "provider", "keys"])?;
            let format = fields.required("format").and_then(|field| {
                field.choice(&[
                    ("TopicEncryptionV1", Format::TopicEncryptionV1),
                    ("KroxyliciousV2", Format::KroxyliciousV2),
                ])
            })?;
            let refuse = |name, problem: &str| {
                if let Some(field) = fields.optional(name) {
                    field.mistake(problem);
                }
            };
            let before = match format {
                Format::TopicEncryptionV1 => {
                    refuse("provider", "must not be given for this format: name it as key.provider");
                    refuse("keys", "must not be given for this format, which has one key for each topic");
                    let field = fields.required("key")?;
                    let key = KeyRef::read(field, Some(providers))?;
                    // One key for two purposes is one too few.
                    if own == Some(&key) {
                        field.mistake("must not be the key that the rule encrypts with");
                    }
                    legacy.topic_encryption_v1.replace(key).is_some()
                }
                Format::KroxyliciousV2 => {
                    refuse("key", "must not be given for this format, whose records name their keys");
                    let keys = fields.optional("keys").and_then(|field| {
                        let keys: Vec<_> =
                            field.some_items()?.iter().map(|item| item.parsed(KeyName::new)).collect();
                        keys.into_iter().collect::<Option<BTreeSet<_>>>()
                    });
                    let field = fields.optional("provider");
                    let provider = match field {
                        Some(field) => field.parsed(ProviderName::new),
                        None => ProviderName::new(DEFAULT_PROVIDER).ok(),
                    }?;
                    if !providers.contains(&provider) {
                        let known: Vec<_> = providers.iter().map(ProviderName::as_str).collect();
                        field.unwrap_or(&item).mistake(format!(
                            "must have a provider that keyProviders defines ({}), not {}",
                            known.join(", "),
                            quote(provider.as_str())
                        ));
                    }
                    let keys = KroxyliciousKeys { provider, keys: keys.unwrap_or_default() };
                    legacy.kroxylicious_v2.replace(keys).is_some()
                }
            };
            if before {
                item.mistake("has the same format as an earlier entry");
            }
        }
        Some(legacy)
    }
}

/// For people: the same in every place that tells of a rule.
impl fmt::Display for Legacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.topic_encryption_v1.as_ref();
        let key = key.map(|key| format!("TopicEncryptionV1 with key {key}"));
        let keys = self.kroxylicious_v2.as_ref().map(|KroxyliciousKeys { provider, keys }| {
            if keys.is_empty() {
                return format!("KroxyliciousV2 with any key of provider {provider}");
            }
            let keys: Vec<_> = keys.iter().map(KeyName::as_str).collect();
            format!("KroxyliciousV2 with keys {} of provider {provider}", keys.join(", "))
        });
        let formats: Vec<_> = key.into_iter().chain(keys).collect();
        write!(f, "reads {} too", formats.join(" and "))
    }
}

impl Serialize for Legacy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(tag = "format")]
        enum Text<'a> {
            TopicEncryptionV1 { key: &'a KeyRef },
            KroxyliciousV2(&'a KroxyliciousKeys),
        }
        let mut list = serializer.serialize_seq(None)?;
        if let Some(key) = &self.topic_encryption_v1 {
            list.serialize_element(&Text::TopicEncryptionV1 { key })?;
        }
        if let Some(keys) = &self.kroxylicious_v2 {
            list.serialize_element(&Text::KroxyliciousV2(keys))?;
        }
        list.end()
    }
}
