//! Calls on keys.

use proxy_crypto::{KmsContext, ProviderError};
use reqwest::header::HeaderValue;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::Serialize;
use zeroize::Zeroizing;

use super::Vault;
use super::answer::{self, Data};
use crate::http;
use crate::question::Question;

impl Vault {
    /// A call on the key of the context. A 403 counts only after a fresh login, since the server does not tell a token that
    /// has ended from one that may not.
    pub(super) async fn call(
        &self,
        question: Question<'_>,
        operation: &[&str],
        parameters: &impl Serialize,
    ) -> Result<Data, ProviderError> {
        let context = question.context;
        let key = context.key.as_str();
        if !key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            || key.starts_with('.')
        {
            let cause = "a key of Transit has a name of letters, digits, '-', '_' and '.'";
            return Err(ProviderError::refused(context, cause));
        }
        let mount = self.settings.mount.split('/');
        let url = self.url(mount.chain(operation.iter().copied()).chain([key]));
        let post = async |token: Zeroizing<String>| {
            let request = self.client(context)?.post(url.clone()).json(parameters);
            self.send(context, request, Some(&token)).await
        };
        let (status, body) = self.session.call(self, question, StatusCode::FORBIDDEN, post).await?;
        answer::data(context, status, &body)
    }

    /// Sends a request in the namespace of the settings.
    pub(super) async fn send(
        &self,
        context: &KmsContext,
        request: RequestBuilder,
        token: Option<&str>,
    ) -> Result<(StatusCode, Zeroizing<Vec<u8>>), ProviderError> {
        // So that it is not taken for a page that somebody was led to.
        let mut request = request.header("X-Vault-Request", "true");
        if let Some(namespace) = &self.settings.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(token)
                .map_err(|_| ProviderError::refused(context, "the token is not a line of ASCII text"))?;
            value.set_sensitive(true);
            request = request.header("X-Vault-Token", value);
        }
        let unavailable = |error: http::HttpError| ProviderError::unavailable(context, error.to_string());
        http::answer(request.send().await).await.map_err(unavailable)
    }

    /// The client with what the files for TLS have now.
    pub(super) fn client(&self, context: &KmsContext) -> Result<Client, ProviderError> {
        match &**self.client.load() {
            Ok(client) => Ok(client.clone()),
            Err(error) => Err(ProviderError::unavailable(context, error.to_string())),
        }
    }

    /// The address of an endpoint of the API.
    pub(super) fn url<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.settings.address.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        url
    }
}
