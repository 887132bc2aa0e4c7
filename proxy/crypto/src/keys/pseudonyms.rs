//! Keys that pseudonyms of record keys are made with. They live as data keys of stored records do: what a provider unwrapped is
//! asked again when it grows old, and a definite no ends it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Shared;
use super::source::Source;
use super::unwrapped::{DataKeyId, Unwrapped};
use crate::context::KmsContext;
use crate::dek::Dek;
use crate::provider::ProviderError;
use crate::pseudonyms::Pseudonyms;

/// Topics whose derived keys are kept for one pseudonym key. More are derived again.
const MOST_TOPICS: usize = 1024;

/// A pseudonym key in clear, with what was derived from it.
pub(super) struct PseudonymKey {
    key: Dek,
    topics: Mutex<HashMap<Box<str>, Arc<Pseudonyms>>>,
}

impl PseudonymKey {
    fn of(&self, context: &KmsContext, topic: &str) -> Result<Arc<Pseudonyms>, ProviderError> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = topics.get(topic) {
            return Ok(Arc::clone(known));
        }
        let derived = Pseudonyms::derive(&self.key, &context.cluster, topic)
            .ok_or_else(|| ProviderError::refused(context, "no pseudonyms can be derived for the topic"))?;
        if topics.len() >= MOST_TOPICS {
            topics.clear();
        }
        let derived = Arc::new(derived);
        topics.insert(topic.into(), Arc::clone(&derived));
        Ok(derived)
    }
}

impl Unwrapped<PseudonymKey> {
    /// What makes the pseudonyms of a topic. Whoever writes policies chooses the wrapped key, and no client, so that its calls
    /// have no pace.
    pub(super) async fn pseudonyms(
        &self,
        source: &Arc<Source>,
        (key, wrapped): (&str, &[u8]),
        topic: &str,
        shared: &Shared,
    ) -> Result<Arc<Pseudonyms>, ProviderError> {
        let context = source.context(key)?;
        let id = DataKeyId { provider: context.provider.as_str(), key, wrapped };
        let unwrapped = self.get(source, id, shared, |source, context, _| {
            let wrapped: Box<[u8]> = wrapped.into();
            async move {
                let key = source.unwrap(&context, &wrapped, None).await?;
                Ok(PseudonymKey { key, topics: Mutex::default() })
            }
        });
        unwrapped.await?.of(&context, topic)
    }
}
