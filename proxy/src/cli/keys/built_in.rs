//! Which providers this program has.

use proxy_config::{KeyProvider, ProviderName};
use std::collections::BTreeMap;

/// Each kind, the feature of package `proxy` that brings it, and whether it is on.
const KINDS: [(&str, &str, bool); 8] = [
    ("local", "local", cfg!(feature = "local")),
    ("vault", "vault", cfg!(feature = "vault")),
    ("awsKms", "aws", cfg!(feature = "aws")),
    ("azureKeyVault", "azure", cfg!(feature = "azure")),
    ("gcpKms", "gcp", cfg!(feature = "gcp")),
    ("ibmKeyProtect", "ibm", cfg!(feature = "ibm")),
    ("pkcs11", "pkcs11", cfg!(feature = "pkcs11")),
    ("kmip", "kmip", cfg!(feature = "kmip")),
];

/// A provider is configured whose code is not in this program.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "keyProviders.{name}: {kind} is not built into this program, which has {}; \
     build package proxy with the feature {feature}, or take the image, which has all",
    built_in()
)]
pub(crate) struct Missing {
    name: String,
    kind: &'static str,
    feature: &'static str,
}

impl Missing {
    pub(super) fn new(name: &impl ToString, provider: &KeyProvider) -> Self {
        let kind = provider.kind();
        let feature = KINDS.iter().find(|(known, ..)| *known == kind).map_or(kind, |(_, feature, _)| feature);
        Self { name: name.to_string(), kind, feature }
    }
}

/// The kinds that this program has.
pub(crate) fn built_in() -> String {
    let kinds: Vec<_> = KINDS.iter().filter(|(.., on)| *on).map(|(kind, ..)| *kind).collect();
    if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }
}

/// The first provider that this program lacks, so that a file is refused before anything is opened.
pub(crate) fn missing(providers: &BTreeMap<ProviderName, KeyProvider>) -> Option<Missing> {
    missing_of(providers, &KINDS)
}

fn missing_of(
    providers: &BTreeMap<ProviderName, KeyProvider>,
    kinds: &[(&str, &str, bool)],
) -> Option<Missing> {
    let has = |provider: &KeyProvider| kinds.iter().any(|(kind, _, on)| *on && *kind == provider.kind());
    providers.iter().find(|(_, provider)| !has(provider)).map(|(name, provider)| Missing::new(name, provider))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_config::ToolsConfig;

    fn providers(text: &str) -> BTreeMap<ProviderName, KeyProvider> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tools.yaml");
        std::fs::write(&file, format!("cluster: test\nkeyProviders:\n{text}")).unwrap();
        ToolsConfig::load(&file).unwrap().key_providers
    }

    #[test]
    fn a_provider_that_is_not_built_in_is_named_with_its_feature() {
        let configured =
            providers("  files: {local: {directory: keys}}\n  team: {awsKms: {region: eu-central-1}}\n");
        assert_eq!(missing_of(&configured, &KINDS), None, "all are built in here");
        let without = KINDS.map(|(kind, feature, on)| (kind, feature, on && kind != "awsKms"));
        let text = missing_of(&configured, &without).unwrap().to_string();
        assert!(text.starts_with("keyProviders.team: awsKms is not built into this program"), "{text}");
        assert!(text.contains("with the feature aws"), "{text}");
    }
}
