//! Tokens of IBM Cloud's IAM.

use async_trait::async_trait;
use proxy_crypto::{KmsContext, ProviderError};
use reqwest::header::ACCEPT;

use super::{IbmCredentials, IbmKeyProtect};
use crate::files;
use crate::oauth::{self, Granted};
use crate::session::Login;

const API_KEY: &str = "urn:ibm:params:oauth:grant-type:apikey";
const COMPUTE_RESOURCE: &str = "urn:ibm:params:oauth:grant-type:cr-token";

#[async_trait]
impl Login for IbmKeyProtect {
    async fn log_in(&self, context: &KmsContext) -> Result<Granted, ProviderError> {
        let credentials = &self.settings.credentials;
        let (IbmCredentials::ApiKeyFile(file) | IbmCredentials::TrustedProfile { token: file, .. }) =
            credentials;
        let proof = files::read_text(file)
            .map_err(|error| ProviderError::unavailable(context, format!("failed to log in: {error}")))?;
        let form = match credentials {
            IbmCredentials::ApiKeyFile(_) => vec![("grant_type", API_KEY), ("apikey", proof.as_str())],
            IbmCredentials::TrustedProfile { profile, .. } => {
                vec![("grant_type", COMPUTE_RESOURCE), ("cr_token", &proof), ("profile_id", profile)]
            }
        };
        let mut url = self.settings.iam.clone();
        url.set_path("/identity/token");
        let request = self.connection.client(context)?.post(url).header(ACCEPT, "application/json");
        oauth::ask(context, request.form(&form), &proof).await
    }
}
