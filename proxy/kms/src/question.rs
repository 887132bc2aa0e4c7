//! What a provider is asked, and the requests that it makes for that.
//!
//! A question has a line in the audit log from whoever asks it, which stands for the request that it was answered by. The others
//! have their lines from here, so that each request that a system saw is found in the log.
#![cfg_attr(not(feature = "default"), allow(dead_code, reason = "a provider alone needs a part of it"))]

use std::time::Duration;

use proxy_crypto::{KmsContext, ProviderError, data_key_id};
use tokio::time::Instant;

/// What a request was for that the audit log has a line of its own for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be known to the system.
    Login,
    /// What the question itself is about, and was asked once more after this.
    Retried,
    /// To see that another context does not open a data key.
    CheckBinding,
    /// To see whether a key still encrypts and decrypts.
    Trial,
    /// To find a key by its name.
    Locate,
    /// To see whose a key is, and its state.
    Attributes,
    /// To have the key itself.
    Get,
    /// To see whether a key that is not found can be recovered.
    IsDeleted,
}

/// A question about a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) context: &'a KmsContext,
    /// The data key in question, as it is wrapped; none where there is none yet.
    data_key: Option<&'a [u8]>,
}

/// Why a request came to nothing, in the words of a provider.
pub(crate) trait Failed {
    fn to_error(&self, context: &KmsContext) -> ProviderError;
}

/// A request that has no answer yet.
struct UnderWay<'a> {
    question: Question<'a>,
    purpose: Purpose,
    start: Instant,
    told: bool,
}

impl<'a> Question<'a> {
    /// About a key.
    pub(crate) fn of(context: &'a KmsContext) -> Self {
        Self { context, data_key: None }
    }

    /// About a data key under a key.
    pub(crate) fn about(context: &'a KmsContext, wrapped: &'a [u8]) -> Self {
        Self { context, data_key: Some(wrapped) }
    }

    /// Makes a request, and tells the audit log what became of it, also where nobody waits for that any more.
    pub(crate) async fn request<T, E: Failed>(
        self,
        purpose: Purpose,
        request: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let under_way = UnderWay::new(self, purpose);
        let answer = request.await;
        under_way.ended(answer.as_ref().err());
        answer
    }

    /// The same with what blocks.
    #[cfg(feature = "pkcs11")]
    pub(crate) fn blocking<T, E: Failed>(
        self,
        purpose: Purpose,
        request: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let under_way = UnderWay::new(self, purpose);
        let answer = request();
        under_way.ended(answer.as_ref().err());
        answer
    }

    /// Tells the audit log of a request that was answered.
    pub(crate) fn tell(self, purpose: Purpose, error: Option<&ProviderError>, took: Duration) {
        let KmsContext { cluster, provider, key } = self.context;
        tracing::info!(
            target: "audit",
            event = "keyProviderRequest",
            cluster = cluster.as_str(),
            provider = provider.as_str(),
            key = key.as_str(),
            operation = purpose.name(),
            outcome = ProviderError::outcome(error),
            data_key = self.data_key.map(data_key_id),
            cause = error.map(ProviderError::cause),
            milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        );
    }
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Retried => "retried",
            Self::CheckBinding => "checkBinding",
            Self::Trial => "trial",
            Self::Locate => "locate",
            Self::Attributes => "attributes",
            Self::Get => "get",
            Self::IsDeleted => "isDeleted",
        }
    }
}

impl Failed for ProviderError {
    fn to_error(&self, _: &KmsContext) -> ProviderError {
        self.clone()
    }
}

impl<'a> UnderWay<'a> {
    fn new(question: Question<'a>, purpose: Purpose) -> Self {
        Self { question, purpose, start: Instant::now(), told: false }
    }

    fn ended(mut self, error: Option<&impl Failed>) {
        self.told = true;
        let error = error.map(|error| error.to_error(self.question.context));
        self.question.tell(self.purpose, error.as_ref(), self.start.elapsed());
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.told {
            let error = ProviderError::given_up(self.question.context);
            self.question.tell(self.purpose, Some(&error), self.start.elapsed());
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
