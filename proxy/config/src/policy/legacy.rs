//! What other programs encrypted before, and topics still hold: read, never written.

use std::collections::BTreeSet;
use std::fmt;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::ledger::KeyRef;
use super::rule::DEFAULT_PROVIDER;
use crate::name::ProviderName;
use crate::reader::{Field, quote};

/// The formats of earlier programs that a rule's topics may hold, with whoever has their keys. Each format comes at most once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Legacy {
    /// The key of strimzi/topic-encryption's format 1, which is the data key itself.
    pub topic_encryption_v1: Option<KeyRef>,
    /// The provider of the keys of Kroxylicious' record encryption 2. Records name their keys.
    pub kroxylicious_v2: Option<ProviderName>,
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

    pub(super) fn read(
        field: &Field<'_>,
        own: Option<&KeyRef>,
        providers: &BTreeSet<ProviderName>,
    ) -> Option<Self> {
        let mut legacy = Self::default();
        for item in field.some_items()? {
            let fields = item.fields(&["format", "key", "provider"])?;
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
                    legacy.kroxylicious_v2.replace(provider).is_some()
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
        let provider = self.kroxylicious_v2.as_ref();
        let provider = provider.map(|provider| format!("KroxyliciousV2 with keys of provider {provider}"));
        let formats: Vec<_> = key.into_iter().chain(provider).collect();
        write!(f, "reads {} too", formats.join(" and "))
    }
}

impl Serialize for Legacy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(tag = "format")]
        enum Text<'a> {
            TopicEncryptionV1 { key: &'a KeyRef },
            KroxyliciousV2 { provider: &'a ProviderName },
        }
        let mut list = serializer.serialize_seq(None)?;
        if let Some(key) = &self.topic_encryption_v1 {
            list.serialize_element(&Text::TopicEncryptionV1 { key })?;
        }
        if let Some(provider) = &self.kroxylicious_v2 {
            list.serialize_element(&Text::KroxyliciousV2 { provider })?;
        }
        list.end()
    }
}
