//! What the configuration tells about key providers: how their versions are written, and which of them are one and the same.

use crate::digest::sha256;
use proxy_config::{KeyProvider, Pkcs11Token, ToolsConfig};
use std::collections::BTreeMap;

/// A kind of provider, as far as versions go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers, each of which ends by itself.
    Local,
    /// Numbers, of which all lower ones end with one: Transit has nothing but a lowest version.
    Vault,
    /// Ids of key objects, in hexadecimal.
    Pkcs11,
    /// Numbers.
    Gcp,
    /// Ids without order.
    Azure,
    Kmip,
    /// Versions that cannot be destroyed one by one, even where the provider tells them.
    Aws,
    Ibm,
}

#[derive(Debug, Clone)]
struct Provider {
    kind: Kind,
    /// Where its keys are. No secret is part of it.
    target: String,
}

/// The providers of a file; none without one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Providers(BTreeMap<String, Provider>);

impl Providers {
    pub(crate) fn of(config: &ToolsConfig) -> Self {
        let named = config.key_providers.iter();
        Self(named.filter_map(|(name, provider)| Some((name.to_string(), Provider::of(provider)?))).collect())
    }

    pub(super) fn kind(&self, name: &str) -> Option<Kind> {
        self.0.get(name).map(|provider| provider.kind)
    }

    /// Other names of the same keys.
    pub(super) fn others_at(&self, name: &str) -> Vec<String> {
        let Some(own) = self.0.get(name) else { return Vec::new() };
        let is_other = |(other, provider): &(&String, &Provider)| {
            *other != name && provider.kind == own.kind && provider.target == own.target
        };
        self.0.iter().filter(is_other).map(|(other, _)| other.clone()).collect()
    }

    /// Another one for other providers, so that what one configuration found is not taken over by another.
    pub(super) fn digest(&self) -> String {
        let lines = self.0.iter().map(|(name, one)| format!("{name}\n{:?}\n{:?}\n", one.kind, one.target));
        sha256(lines.collect::<String>().as_bytes())
    }
}

impl Provider {
    fn of(provider: &KeyProvider) -> Option<Self> {
        let (kind, target) = match provider {
            KeyProvider::Local { directory } => {
                let directory = directory.as_path();
                let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
                (Kind::Local, directory.display().to_string())
            }
            KeyProvider::Vault(vault) => {
                let namespace = vault.namespace.as_deref().unwrap_or_default().trim_matches('/');
                let address = vault.address.trim_end_matches('/').to_ascii_lowercase();
                (Kind::Vault, format!("{address}\n{namespace}\n{}", vault.mount.trim_matches('/')))
            }
            KeyProvider::AwsKms(aws) => {
                (Kind::Aws, format!("{}\n{}", aws.region, aws.endpoint.as_deref().unwrap_or_default()))
            }
            KeyProvider::Pkcs11(pkcs11) => {
                let token = match &pkcs11.token {
                    Pkcs11Token::Label(label) => format!("label {label}"),
                    Pkcs11Token::Slot(slot) => format!("slot {slot}"),
                };
                (Kind::Pkcs11, format!("{}\n{token}", pkcs11.module.as_path().display()))
            }
            KeyProvider::AzureKeyVault(azure) => (Kind::Azure, azure.vault.to_ascii_lowercase()),
            // The key ring is part of a key's whole name.
            KeyProvider::GcpKms(gcp) => (Kind::Gcp, gcp.endpoint.clone()),
            KeyProvider::IbmKeyProtect(ibm) => (Kind::Ibm, format!("{}\n{}", ibm.endpoint, ibm.instance_id)),
            KeyProvider::Kmip(kmip) => (Kind::Kmip, kmip.address.to_string()),
            _ => return None,
        };
        Some(Self { kind, target })
    }

    #[cfg(test)]
    fn at(kind: Kind, target: &str) -> Self {
        Self { kind, target: target.to_owned() }
    }
}

#[cfg(test)]
impl Providers {
    /// One provider of each name, all in places of their own but those of the same target.
    pub(super) fn fake(providers: &[(&str, Kind, &str)]) -> Self {
        let provider =
            |(name, kind, target): &(&str, Kind, &str)| ((*name).to_owned(), Provider::at(*kind, target));
        Self(providers.iter().map(provider).collect())
    }
}
