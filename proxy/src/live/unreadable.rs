//! What consumers went past because its key is gone, by a rule's `onUnreadable`, and which keys are refused to them: for the audit
//! log and the admin server. Bounded: whatever a broker makes envelopes say, only so many topics and keys are told apart.

mod counts;
mod gone;
mod reads;

pub use counts::{Unread, UnreadEntry};
pub use reads::RefusedRead;

use counts::Counts;
use gone::{GoneKeys, KeyVersion};
use proxy_config::{KeyName, KeyRef, ProviderName};
use proxy_crypto::{EnvelopeHeader, ProviderError};
use reads::Reads;
use std::time::Duration;
use tokio::time::Instant;

/// All of them since the program started.
#[derive(Debug)]
pub struct Unreadable {
    gone: GoneKeys,
    counts: Counts,
    reads: Reads,
}

impl Unreadable {
    /// Where a key counts as lost after it was refused for so long.
    pub fn new(delay: Duration) -> Self {
        Self { gone: GoneKeys::new(delay), counts: Counts::default(), reads: Reads::default() }
    }

    /// Takes note that a key was gone now. Tells whether that has been so for long enough to go on without: one proxy may
    /// lack for a while what another has already, and what a consumer went past it does not come back to.
    pub(crate) fn note_gone(&self, envelope: &EnvelopeHeader<'_>, version: Option<String>) -> bool {
        self.gone.note(KeyVersion::of(envelope, version), Instant::now())
    }

    /// Takes note that a data key was unwrapped: its key is there, and the delay begins anew if it is ever gone again.
    pub(crate) fn note_there(&self, envelope: &EnvelopeHeader<'_>, version: impl FnOnce() -> Option<String>) {
        if self.gone.is_empty() && self.reads.is_empty() {
            return;
        }
        let version = version();
        if let Some(key) = key_of(envelope) {
            self.reads.worked(&key, version.as_deref());
        }
        self.gone.forget(&KeyVersion::of(envelope, version));
    }

    /// Takes note that a reader of a topic gets an error for a data key, if that is since the provider said no. Where it does not
    /// say that the key is gone, the delay begins anew too.
    pub(crate) fn note_refused(
        &self,
        envelope: &EnvelopeHeader<'_>,
        topic: &str,
        error: &ProviderError,
        version: impl FnOnce() -> Option<String>,
    ) {
        if let (ProviderError::Refused { cause, gone, .. }, Some(key)) = (error, key_of(envelope)) {
            let version = version();
            if !gone {
                self.gone.forget(&KeyVersion::of(envelope, version.clone()));
            }
            self.reads.refused(key, version, topic, cause, Instant::now());
        }
    }

    /// Keys that are refused to readers.
    pub fn refused_reads(&self) -> Vec<RefusedRead> {
        self.reads.entries(Instant::now())
    }

    /// Counts what was fetched, and tells the audit log unless it was told a moment ago.
    pub(crate) fn note(&self, topic: &str, partition: i32, provider: &str, key: &str, unread: Unread) {
        self.counts.note(topic, partition, provider, key, unread);
    }

    /// What was counted, in the order of topics.
    pub fn entries(&self) -> Vec<UnreadEntry> {
        self.counts.entries()
    }
}

fn key_of(envelope: &EnvelopeHeader<'_>) -> Option<KeyRef> {
    let provider = ProviderName::new(envelope.provider()).ok()?;
    Some(KeyRef { provider, name: KeyName::new(envelope.key()).ok()? })
}
