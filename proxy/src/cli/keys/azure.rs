//! Settings of Azure Key Vault.

use super::{Look, Provider, ca, path, seen};
use anyhow::Context as _;
use proxy_config::{AzureAlgorithm, AzureCredentials, AzureKeyVaultProvider};
use proxy_crypto::ProviderName;
use proxy_kms::{AzureKeyVault, AzureProof, AzureSettings};
use std::path::PathBuf;
use std::sync::Arc;

pub(super) fn open(
    name: &ProviderName,
    provider: &AzureKeyVaultProvider,
) -> anyhow::Result<(Provider, Look)> {
    let azure = Arc::new(AzureKeyVault::new(name.clone(), settings(provider)?));
    let look = Arc::clone(&azure);
    Ok((azure, Box::new(move || seen(look.reload()))))
}

fn settings(provider: &AzureKeyVaultProvider) -> anyhow::Result<AzureSettings> {
    let (application, proof): (_, fn(PathBuf) -> AzureProof) = match &provider.credentials {
        AzureCredentials::WorkloadIdentity(application) => (application, AzureProof::TokenFile),
        AzureCredentials::ClientSecret(application) => (application, AzureProof::SecretFile),
    };
    Ok(AzureSettings {
        vault: provider.vault.parse().context("vault")?,
        algorithm: match provider.algorithm {
            AzureAlgorithm::A256Kw => proxy_kms::AzureAlgorithm::A256Kw,
            AzureAlgorithm::RsaOaep256 => proxy_kms::AzureAlgorithm::RsaOaep256,
        },
        audience: provider.audience.clone(),
        credentials: proxy_kms::AzureCredentials {
            authority: application.authority.parse().context("authority")?,
            tenant: application.tenant_id.clone(),
            client: application.client_id.clone(),
            proof: proof(path(&application.proof_file)),
        },
        ca: provider.tls.as_ref().map(ca),
    })
}
