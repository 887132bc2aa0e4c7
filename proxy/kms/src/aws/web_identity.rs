//! A role by a signed token of the pod (IRSA), as the settings name it.
//!
//! The SDK's own takes role and token from the environment, of which a process has one: providers of several roles need this.

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_sdk_sts::Client;
use std::time::SystemTime;

use super::settings::AwsWebIdentity;
use crate::files;

/// Asks STS whenever credentials end.
#[derive(Debug)]
pub(super) struct WebIdentity {
    settings: AwsWebIdentity,
    sts: Client,
}

impl WebIdentity {
    pub(super) fn new(settings: &AwsWebIdentity, sdk: &SdkConfig) -> Self {
        let mut config = sdk.clone().into_builder();
        if let Some(endpoint) = &settings.endpoint {
            config = config.endpoint_url(endpoint).use_fips(false);
        }
        // The call is not signed: the token speaks for itself.
        let config = aws_sdk_sts::config::Builder::from(&config.build()).allow_no_auth().build();
        Self { settings: settings.clone(), sts: Client::from_conf(config) }
    }

    async fn credentials(&self) -> provider::Result {
        // Read each time: the kubelet replaces it long before it ends.
        let token = files::read_text(&self.settings.token).map_err(CredentialsError::provider_error)?;
        let call = self.sts.assume_role_with_web_identity();
        let call = call.role_arn(&self.settings.role_arn).role_session_name(&self.settings.session_name);
        let answer = call.web_identity_token(token.as_str()).send().await;
        let given = answer.map_err(CredentialsError::provider_error)?.credentials;
        let given = given.ok_or_else(|| CredentialsError::unhandled("its answer has no credentials"))?;
        let end = SystemTime::try_from(given.expiration).map_err(CredentialsError::unhandled)?;
        Ok(Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(end),
            "web identity",
        ))
    }
}

impl ProvideCredentials for WebIdentity {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}
