//! Tokens of Microsoft Entra ID.

use async_trait::async_trait;
use proxy_crypto::{KmsContext, ProviderError};

use super::{AzureKeyVault, AzureProof};
use crate::files;
use crate::oauth::{self, Granted};
use crate::session::Login;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[async_trait]
impl Login for AzureKeyVault {
    async fn log_in(&self, context: &KmsContext) -> Result<Granted, ProviderError> {
        let credentials = &self.settings.credentials;
        let (AzureProof::TokenFile(file) | AzureProof::SecretFile(file)) = &credentials.proof;
        let proof = files::read_text(file)
            .map_err(|error| ProviderError::unavailable(context, format!("failed to log in: {error}")))?;
        let scope = format!("{}/.default", self.settings.audience);
        let mut form =
            vec![("grant_type", "client_credentials"), ("client_id", &credentials.client), ("scope", &scope)];
        match &credentials.proof {
            AzureProof::TokenFile(_) => {
                form.extend([("client_assertion_type", ASSERTION), ("client_assertion", &proof)]);
            }
            AzureProof::SecretFile(_) => form.push(("client_secret", &proof)),
        }
        let mut url = credentials.authority.clone();
        url.set_path(&format!("/{}/oauth2/v2.0/token", credentials.tenant));
        let request = self.connection.client(context)?.post(url).form(&form);
        oauth::ask(context, request, &proof).await
    }
}
