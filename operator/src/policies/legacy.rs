//! What other programs encrypted before, in policies and in files that the operator writes and reads back.

use std::collections::BTreeMap;

use operator_api::{KeyRef as KeySpec, LegacyFormat, LegacyFormatName};
use proxy_config::{KeyName, KeyRef, KroxyliciousKeys, Legacy, ProviderName};

use super::submission::ProviderKind;
use super::text::{default_provider, key};

/// What is wrong with an entry: its field, and why.
pub(super) type Mistake = (String, String);

/// Reads the entries of a rule whose key is `own`. Without `providers` nothing is asked of them.
pub(super) fn read(
    entries: &[LegacyFormat],
    own: Option<&KeyRef>,
    providers: Option<&BTreeMap<ProviderName, ProviderKind>>,
) -> Result<Legacy, Mistake> {
    let mut legacy = Legacy::default();
    for (index, entry) in entries.iter().enumerate() {
        let mistake = |field: &str, problem: String| (format!("legacy[{index}]{field}"), problem);
        let kind = |field: &str, provider: &ProviderName| match providers {
            None => Ok(None),
            Some(known) => known.get(provider).copied().map(Some).ok_or_else(|| {
                mistake(field, format!("no key provider of the EncryptionProxy is named {provider}"))
            }),
        };
        let before = match entry.format {
            LegacyFormatName::TopicEncryptionV1 => {
                let spec = entry.key.as_ref().ok_or_else(|| mistake(".key", "is required".to_owned()))?;
                let former =
                    key(spec).map_err(|error| mistake(&format!(".key.{}", error.field), error.problem))?;
                if own == Some(&former) {
                    return Err(mistake(
                        ".key",
                        "must not be the key that the rule encrypts with".to_owned(),
                    ));
                }
                if kind(".key.provider", &former.provider)? == Some(ProviderKind::Remote) {
                    let problem = "must be a local provider: this format's key is the data key itself";
                    return Err(mistake(".key.provider", problem.to_owned()));
                }
                legacy.topic_encryption_v1.replace(former).is_some()
            }
            LegacyFormatName::KroxyliciousV2 => {
                let provider = entry.provider.clone().unwrap_or_else(default_provider);
                let provider =
                    ProviderName::new(provider).map_err(|error| mistake(".provider", error.to_string()))?;
                kind(".provider", &provider)?;
                let keys = entry.keys.iter().map(|key| {
                    KeyName::new(key.as_str()).map_err(|error| mistake(".keys", error.to_string()))
                });
                let keys = KroxyliciousKeys { provider, keys: keys.collect::<Result<_, _>>()? };
                legacy.kroxylicious_v2.replace(keys).is_some()
            }
        };
        if before {
            return Err(mistake(".format", "is the same as that of an earlier entry".to_owned()));
        }
    }
    Ok(legacy)
}

/// The entries that mean this.
pub(super) fn entries(legacy: &Legacy) -> Vec<LegacyFormat> {
    let former = legacy.topic_encryption_v1.as_ref().map(|key| LegacyFormat {
        format: LegacyFormatName::TopicEncryptionV1,
        key: Some(KeySpec { name: key.name.to_string(), provider: key.provider.to_string() }),
        provider: None,
        keys: Vec::new(),
    });
    let kroxylicious = legacy.kroxylicious_v2.as_ref().map(|keys| LegacyFormat {
        format: LegacyFormatName::KroxyliciousV2,
        key: None,
        provider: Some(keys.provider.to_string()),
        keys: keys.keys.iter().map(ToString::to_string).collect(),
    });
    former.into_iter().chain(kroxylicious).collect()
}
