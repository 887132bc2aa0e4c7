//! The SDK's client as this program wants it.

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{
    Credentials, SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use zeroize::Zeroizing;

use super::bounded::Bounded;
use super::logins::telling;
use super::settings::{AwsCredentials, AwsRole, AwsSettings};
use super::web_identity::WebIdentity;
use crate::files;
use crate::http::{CONNECT, HttpError, IDLE};

impl AwsSettings {
    /// A client with what the files have now.
    pub(super) async fn connect(&self) -> Result<Client, HttpError> {
        self.connect_by(self.http_client()?).await
    }

    pub(super) async fn connect_by(&self, http: SharedHttpClient) -> Result<Client, HttpError> {
        let sdk = self.sdk(telling(http.clone())).await?;
        let sdk = match &self.credentials {
            AwsCredentials::WebIdentity(settings) => {
                let provider = SharedCredentialsProvider::new(WebIdentity::new(settings, &sdk));
                sdk.into_builder().credentials_provider(provider).build()
            }
            AwsCredentials::Default | AwsCredentials::Files { .. } => sdk,
        };
        let credentials = match &self.role {
            Some(role) => Some(role.provider(&sdk).await),
            None => sdk.credentials_provider(),
        };
        // Not from all of the SDK's configuration: where keys come from is said by the settings alone.
        let mut config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .http_client(http)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .use_fips(self.fips);
        config.set_endpoint_url(self.endpoint.clone());
        config.set_credentials_provider(credentials);
        Ok(Client::from_conf(config.build()))
    }

    /// What finds credentials, in the way of the SDK.
    async fn sdk(&self, http: SharedHttpClient) -> Result<SdkConfig, HttpError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .http_client(http)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts())
            .use_fips(self.fips);
        if let AwsCredentials::Files { access_key_id, secret_access_key, session_token } = &self.credentials {
            let text = |text: Zeroizing<String>| text.as_str().to_owned();
            let id = files::read_text(access_key_id).map(text)?;
            let secret = files::read_text(secret_access_key).map(text)?;
            let token = session_token.as_deref().map(files::read_text).transpose()?.map(text);
            loader = loader.credentials_provider(Credentials::new(id, secret, token, None, "files"));
        }
        Ok(loader.load().await)
    }

    /// Over the program's one TLS stack. Like our other clients, it takes no proxy from the environment.
    fn http_client(&self) -> Result<SharedHttpClient, HttpError> {
        let mut trusted = TrustStore::empty().with_native_roots(true);
        if let Some(ca) = &self.ca {
            // The SDK panics on certificates that it cannot use; this tells before.
            self.tls().client()?;
            let pem = files::read(ca)?;
            trusted = TrustStore::empty().with_native_roots(false).with_pem_certificate(pem.as_slice());
        }
        let failed = |error: &dyn std::error::Error| HttpError::Client(error.to_string());
        let tls = TlsContext::builder().with_trust_store(trusted).build().map_err(|error| failed(&error))?;
        let client = aws_smithy_http_client::Builder::new()
            .pool_idle_timeout(IDLE)
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(tls)
            .build_https();
        Ok(SharedHttpClient::new(Bounded(client)))
    }
}

impl AwsRole {
    async fn provider(&self, sdk: &SdkConfig) -> SharedCredentialsProvider {
        let mut config = sdk.clone().into_builder();
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint).use_fips(false);
        }
        let mut provider = AssumeRoleProvider::builder(&self.arn)
            .session_name(&self.session_name)
            .configure(&config.build());
        if let Some(id) = &self.external_id {
            provider = provider.external_id(id);
        }
        SharedCredentialsProvider::new(provider.build().await)
    }
}

/// A whole call is limited by whoever makes it.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).build()
}
