//! Calls that the SDK makes: quiet ones, of which those for credentials have a line in the audit log each.

use aws_sdk_kms::config::SharedHttpClient;
use aws_sdk_kms::config::http::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use proxy_crypto::{KmsContext, ProviderError};
use tokio::task_local;
use tracing::instrument::WithSubscriber as _;
use tracing::{Dispatch, dispatcher};

use super::answer;
use crate::question::{Failed, Purpose, Question};

/// For whom the SDK works, and where that is told. It has no place for either.
#[derive(Clone)]
struct Asked {
    context: KmsContext,
    logs: Dispatch,
}

task_local! {
    static ASKED: Asked;
}

#[derive(Debug)]
struct Connector(SharedHttpConnector);

/// An answer without credentials, or none.
enum No {
    Answered(HttpResponse),
    Unanswered(ConnectorError),
}

/// Without the SDK's own events: at the level `trace` they show requests, with tokens in them.
pub(super) async fn quietly<F: Future>(context: &KmsContext, work: F) -> F::Output {
    let asked = Asked { context: context.clone(), logs: dispatcher::get_default(Dispatch::clone) };
    ASKED.scope(asked, work.with_subscriber(Dispatch::none())).await
}

/// A client for whoever gets credentials.
pub(super) fn telling(http: SharedHttpClient) -> SharedHttpClient {
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(Connector(http.http_connector(settings, components)))
    })
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        let Ok(Asked { context, logs }) = ASKED.try_with(Asked::clone) else { return answer };
        HttpConnectorFuture::new(async move {
            let asked = async {
                match answer.with_subscriber(Dispatch::none()).await {
                    Ok(answer) if answer.status().is_success() => Ok(answer),
                    Ok(answer) => Err(No::Answered(answer)),
                    Err(error) => Err(No::Unanswered(error)),
                }
            };
            let told = Question::of(&context).request(Purpose::Login, asked).with_subscriber(logs);
            match told.await {
                Ok(answer) | Err(No::Answered(answer)) => Ok(answer),
                Err(No::Unanswered(error)) => Err(error),
            }
        })
    }
}

impl Failed for No {
    fn to_error(&self, context: &KmsContext) -> ProviderError {
        match self {
            Self::Answered(answer) => {
                let status = answer.status().as_u16();
                let cause = format!("failed to log in: its answer is {status}");
                match status {
                    400 | 401 | 403 | 404 => ProviderError::refused(context, cause),
                    _ => ProviderError::unavailable(context, cause),
                }
            }
            Self::Unanswered(error) => {
                ProviderError::unavailable(context, format!("failed to log in: {}", answer::reason(error)))
            }
        }
    }
}
