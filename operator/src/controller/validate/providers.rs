//! Data stays readable only while the provider of its key is the one that it was.

use std::collections::BTreeMap;

use kube::ResourceExt;
use operator_api::{EncryptionProxy, EncryptionProxySpec, KeyProvider};

use super::Obstacle;
use crate::names::{KEYS_COPIED_ANNOTATION, Names};
use crate::policies::{Ledger, ProviderIdentity};

/// What each provider is now.
pub(crate) fn identities(names: &Names, spec: &EncryptionProxySpec) -> BTreeMap<String, ProviderIdentity> {
    spec.key_providers.iter().map(|provider| (provider.name.clone(), identity(names, provider))).collect()
}

fn identity(names: &Names, provider: &KeyProvider) -> ProviderIdentity {
    // Of all fields but the name exactly one is there, by a rule of the schema.
    let fields = serde_json::to_value(provider).unwrap_or_default();
    let fields = fields.as_object().into_iter().flatten();
    let kind = fields.map(|(field, _)| field).find(|field| *field != "name").cloned().unwrap_or_default();
    let secret = |local: &operator_api::LocalProvider| {
        local.secret_ref.as_ref().map_or_else(|| names.keys(), |secret| secret.name.clone())
    };
    ProviderIdentity { kind, secret: provider.local.as_ref().map(secret) }
}

/// Without the provider of a key, proxies do not read what was encrypted under it, and keys of its name could be made anew. With
/// another one of its name it is the same, and what is written meanwhile is under a key that nobody expects.
pub(super) fn keeps_providers(
    names: &Names,
    proxy: Option<&EncryptionProxy>,
    spec: &EncryptionProxySpec,
    ledger: &Ledger,
) -> Result<(), Obstacle> {
    let current = identities(names, spec);
    let copied_to = proxy.and_then(|proxy| proxy.annotations().get(KEYS_COPIED_ANNOTATION));
    for key in ledger.keys() {
        let name = key.provider.as_str();
        let Some(now) = current.get(name) else {
            return Err(Obstacle::Settings(format!(
                "keyProviders lacks {name}, under whose key {} data was encrypted, which nobody could read: keep that provider \
                 in keyProviders",
                key.name
            )));
        };
        let Some(before) = ledger.provider(name).filter(|before| *before != now) else { continue };
        let same_kind = now.kind == before.kind;
        if same_kind && now.secret.is_some() && copied_to == now.secret.as_ref() {
            continue;
        }
        return Err(Obstacle::Provider {
            name: name.to_owned(),
            key: key.name.to_string(),
            before: before.to_string(),
            now: now.to_string(),
            copied: now.secret.clone().filter(|_| same_kind),
        });
    }
    Ok(())
}
