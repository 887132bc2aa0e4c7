//! Settings of AWS KMS.

use super::{Look, Provider, path, seen};
use proxy_config::{AwsKmsCredentials, AwsKmsProvider, AwsKmsRole};
use proxy_crypto::ProviderName;
use proxy_kms::{AwsCredentials, AwsKms, AwsRole, AwsSettings, AwsWebIdentity};
use std::sync::Arc;

pub(super) fn open(name: &ProviderName, provider: &AwsKmsProvider) -> (Provider, Look) {
    let aws = Arc::new(AwsKms::new(name.clone(), settings(provider)));
    let look = Arc::clone(&aws);
    (aws, Box::new(move || seen(look.reload())))
}

fn settings(provider: &AwsKmsProvider) -> AwsSettings {
    let role = |role: &AwsKmsRole| AwsRole {
        arn: role.role_arn.clone(),
        external_id: role.external_id.clone(),
        session_name: role.session_name.clone(),
        endpoint: role.endpoint.clone(),
    };
    AwsSettings {
        region: provider.region.clone(),
        endpoint: provider.endpoint.clone(),
        fips: provider.fips,
        credentials: match &provider.credentials {
            AwsKmsCredentials::Default => AwsCredentials::Default,
            AwsKmsCredentials::WebIdentity(identity) => AwsCredentials::WebIdentity(AwsWebIdentity {
                role_arn: identity.role_arn.clone(),
                token: path(&identity.token_file),
                session_name: identity.session_name.clone(),
                endpoint: identity.endpoint.clone(),
            }),
            AwsKmsCredentials::Files { access_key_id_file, secret_access_key_file, session_token_file } => {
                AwsCredentials::Files {
                    access_key_id: path(access_key_id_file),
                    secret_access_key: path(secret_access_key_file),
                    session_token: session_token_file.as_ref().map(path),
                }
            }
        },
        role: provider.assume_role.as_ref().map(role),
        ca: provider.tls.as_ref().map(|tls| path(&tls.ca_file)),
    }
}
