//! Settings of Google Cloud KMS.

use super::{Look, Provider, ca, path, seen};
use anyhow::Context as _;
use proxy_config::{GcpKmsCredentials, GcpKmsProvider, GcpWorkloadIdentity};
use proxy_crypto::ProviderName;
use proxy_kms::{GcpCredentials, GcpFederation, GcpKms, GcpSettings};
use std::sync::Arc;

/// Where machines and pods of Google Cloud get tokens: in clear, since it is on the machine itself. By its address, since a name
/// would be looked up in the domains of the pod's search list first.
const METADATA: &str = "http://169.254.169.254";

pub(super) fn open(name: &ProviderName, provider: &GcpKmsProvider) -> anyhow::Result<(Provider, Look)> {
    let gcp = Arc::new(GcpKms::new(name.clone(), settings(provider)?));
    let look = Arc::clone(&gcp);
    Ok((gcp, Box::new(move || seen(look.reload()))))
}

fn settings(provider: &GcpKmsProvider) -> anyhow::Result<GcpSettings> {
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
