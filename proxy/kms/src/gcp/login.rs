//! Tokens: from the metadata server, for a token of another platform, or for the key of a service account.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use proxy_crypto::{KmsContext, ProviderError};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::service_account::ServiceAccount;
use super::{GcpCredentials, GcpFederation, GcpKms};
use crate::oauth::{self, Granted};
use crate::question::{Purpose, Question};
use crate::session::Login;
use crate::{files, http};

/// What tokens are good for.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloudkms";
/// What the IAM API and direct access by a federated identity ask for. Its rights are those that IAM grants.
const PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
const METADATA: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const FLAVOR: &str = "Metadata-Flavor";
const GOOGLE: &str = "Google";
/// The life of an impersonated service account's token, in seconds: the longest without a policy of the organisation.
const LIFE: u64 = 3600;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    access_token: Zeroizing<String>,
}

#[async_trait]
impl Login for GcpKms {
    async fn log_in(&self, context: &KmsContext) -> Result<Granted, ProviderError> {
        match &self.settings.credentials {
            GcpCredentials::Metadata(address) => self.ask_metadata(context, address).await,
            GcpCredentials::Federation(federation) => self.exchange(context, federation).await,
            GcpCredentials::ServiceAccountFile(file) => self.assert(context, file).await,
        }
    }
}

impl GcpKms {
    async fn ask_metadata(&self, context: &KmsContext, address: &Url) -> Result<Granted, ProviderError> {
        let mut url = address.clone();
        url.set_path(METADATA);
        // Asked for, so that nobody is led to it by a link.
        let request = self.connection.client(context)?.get(url).header(FLAVOR, GOOGLE);
        let asked = async {
            let response = request.send().await;
            let flavor = response.as_ref().ok().map(|response| response.headers().get(FLAVOR));
            if flavor.is_some_and(|flavor| flavor.is_none_or(|flavor| flavor != GOOGLE)) {
                return Err(unavailable(
                    context,
                    &"what answers in its place is not Google's metadata server",
                ));
            }
            // It is on the machine, and knows nothing of what was withdrawn: trouble with it is no word on a key.
            oauth::granted(context, response, "")
                .await
                .map_err(|error| ProviderError::unavailable(context, error.cause()))
        };
        Question::of(context).request(Purpose::Login, asked).await
    }

    async fn exchange(
        &self,
        context: &KmsContext,
        federation: &GcpFederation,
    ) -> Result<Granted, ProviderError> {
        let token = files::read_text(&federation.token).map_err(|error| unavailable(context, &error))?;
        let mut url = federation.sts.clone();
        url.set_path("/v1/token");
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("audience", &federation.audience),
            ("scope", PLATFORM),
            ("subject_token", &token),
        ];
        let granted =
            oauth::ask(context, self.connection.client(context)?.post(url).form(&form), &token).await?;
        match &federation.service_account {
            Some(account) => self.impersonate(context, federation, account, &granted.0).await,
            None => Ok(granted),
        }
    }

    async fn impersonate(
        &self,
        context: &KmsContext,
        federation: &GcpFederation,
        account: &str,
        token: &str,
    ) -> Result<Granted, ProviderError> {
        let mut url = federation.iam_credentials.clone();
        url.set_path(&format!("/v1/projects/-/serviceAccounts/{account}:generateAccessToken"));
        let body = json!({"scope": [SCOPE], "lifetime": format!("{LIFE}s")});
        let request = self.connection.client(context)?.post(url).bearer_auth(token).json(&body);
        let asked = async {
            let answer = http::answer(request.send().await).await;
            let (status, body) = answer.map_err(|error| unavailable(context, &error))?;
            if status != StatusCode::OK {
                return Err(oauth::refused(context, status, &body, token));
            }
            let answer: Impersonated = serde_json::from_slice(&body)
                .map_err(|_| unavailable(context, &"its answer is not one of IAM Credentials'"))?;
            Ok((answer.access_token, Some(Duration::from_secs(LIFE))))
        };
        Question::of(context).request(Purpose::Login, asked).await
    }

    async fn assert(&self, context: &KmsContext, file: &Path) -> Result<Granted, ProviderError> {
        let account = ServiceAccount::read(file).map_err(|error| unavailable(context, &error))?;
        let assertion = account.assertion(SCOPE).map_err(|error| unavailable(context, &error))?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.as_str()),
        ];
        let request = self.connection.client(context)?.post(account.token_uri.clone()).form(&form);
        oauth::ask(context, request, &assertion).await
    }
}

fn unavailable(context: &KmsContext, cause: &dyn std::fmt::Display) -> ProviderError {
    ProviderError::unavailable(context, format!("failed to log in: {cause}"))
}
