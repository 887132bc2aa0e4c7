//! The settings of key management systems of clouds, as their providers take them.

use anyhow::Context as _;
use proxy_config::{AzureAlgorithm, AzureCredentials, AzureKeyVaultProvider};
use proxy_config::{GcpKmsCredentials, GcpKmsProvider, GcpWorkloadIdentity, ProviderTrust};
use proxy_config::{IbmCredentials, IbmKeyProtectProvider};
use proxy_kms::{AzureProof, AzureSettings, IbmSettings};
use proxy_kms::{GcpCredentials, GcpFederation, GcpSettings};
use std::path::PathBuf;

use super::path;

/// Where machines and pods of Google Cloud get tokens: in clear, since it is on the machine itself. By its address, since a name
/// would be looked up in the domains of the pod's search list first.
const METADATA: &str = "http://169.254.169.254";

pub(super) fn azure(provider: &AzureKeyVaultProvider) -> anyhow::Result<AzureSettings> {
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

pub(super) fn gcp(provider: &GcpKmsProvider) -> anyhow::Result<GcpSettings> {
    let federation = |identity: &GcpWorkloadIdentity| -> anyhow::Result<GcpFederation> {
        Ok(GcpFederation {
            audience: identity.audience.clone(),
            token: path(&identity.token_file),
            service_account: identity.service_account.clone(),
            sts: identity.sts_endpoint.parse().context("stsEndpoint")?,
            iam_credentials: identity.iam_credentials_endpoint.parse().context("iamCredentialsEndpoint")?,
        })
    };
    Ok(GcpSettings {
        endpoint: provider.endpoint.parse().context("endpoint")?,
        key_ring: provider.key_ring.clone(),
        credentials: match &provider.credentials {
            GcpKmsCredentials::Metadata => {
                GcpCredentials::Metadata(METADATA.parse().context("the metadata server")?)
            }
            GcpKmsCredentials::WorkloadIdentity(identity) => {
                GcpCredentials::Federation(federation(identity)?)
            }
            GcpKmsCredentials::ServiceAccountFile(file) => GcpCredentials::ServiceAccountFile(path(file)),
        },
        ca: provider.tls.as_ref().map(ca),
    })
}

pub(super) fn ibm(provider: &IbmKeyProtectProvider) -> anyhow::Result<IbmSettings> {
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

fn ca(tls: &ProviderTrust) -> PathBuf {
    path(&tls.ca_file)
}
