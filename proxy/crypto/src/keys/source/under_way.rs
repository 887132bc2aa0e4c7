//! A call that was made, up to its line in the audit log.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Call, Source};
use crate::keys::audit::{self, Operation};
use crate::keys::scope::Topics;
use crate::provider::ProviderError;

/// Its line is written at its end, whatever that is: a provider may have answered what nobody waits for any more, as where the
/// program ends.
pub(super) struct UnderWay<'a> {
    source: &'a Source,
    call: Call<'a>,
    start: Instant,
    told: bool,
}

impl<'a> UnderWay<'a> {
    pub(super) fn new(source: &'a Source, call: Call<'a>) -> Self {
        Self { source, call, start: Instant::now(), told: false }
    }

    /// With what it made, or why it failed.
    pub(super) fn ended(mut self, made: Option<&[u8]>, error: Option<&ProviderError>) {
        self.tell(made, error);
    }

    fn tell(&mut self, made: Option<&[u8]>, error: Option<&ProviderError>) {
        self.told = true;
        let Call { context, operation, wrapped, topic, .. } = self.call;
        // Of an earlier program's data keys only it could tell the version, and does not.
        let version =
            |wrapped| if operation == Operation::UnwrapLegacy { None } else { self.source.version(wrapped) };
        let data_key = wrapped.or(made).map(|wrapped| (wrapped, version(wrapped)));
        let topics =
            topic.map(|topic| Arc::new(Topics::of(topic))).or_else(|| self.source.scopes.of(context));
        audit::call(context, operation, topics.as_deref(), data_key, error, self.start.elapsed());
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.tell(None, Some(&ProviderError::given_up(self.call.context)));
        }
    }
}
