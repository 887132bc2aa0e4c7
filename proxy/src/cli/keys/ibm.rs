//! Settings of IBM Key Protect.

use super::{Look, Provider, ca, path, seen};
use anyhow::Context as _;
use proxy_config::{IbmCredentials, IbmKeyProtectProvider};
use proxy_crypto::ProviderName;
use proxy_kms::{IbmKeyProtect, IbmSettings};
use std::sync::Arc;

pub(super) fn open(
    name: &ProviderName,
    provider: &IbmKeyProtectProvider,
) -> anyhow::Result<(Provider, Look)> {
    let ibm = Arc::new(IbmKeyProtect::new(name.clone(), settings(provider)?));
    let look = Arc::clone(&ibm);
    Ok((ibm, Box::new(move || seen(look.reload()))))
}

fn settings(provider: &IbmKeyProtectProvider) -> anyhow::Result<IbmSettings> {
    Ok(IbmSettings {
        endpoint: provider.endpoint.parse().context("endpoint")?,
        instance: provider.instance_id.clone(),
        key_ring: provider.key_ring.clone(),
        iam: provider.iam_endpoint.parse().context("iamEndpoint")?,
        credentials: match &provider.credentials {
            IbmCredentials::ApiKeyFile(file) => proxy_kms::IbmCredentials::ApiKeyFile(path(file)),
            IbmCredentials::TrustedProfile(profile) => proxy_kms::IbmCredentials::TrustedProfile {
                profile: profile.profile_id.clone(),
                token: path(&profile.token_file),
            },
        },
        ca: provider.tls.as_ref().map(ca),
    })
}
