//! The keys of what other programs encrypted.

use super::Cause;
use crate::legacy::{self, KnownKey, NoKey, Refusal, Wanted};
use proxy_config::Legacy;
use proxy_crypto::{Keys, ProviderError};
use proxy_records::{BatchHeader, ForeignValue, Record, Records};
use std::sync::Arc;
use std::time::Duration;

/// Keys that are kept; a batch of more of them is not opened.
const KEPT: usize = 64;
/// A provider that does not answer is asked so often, each time after a longer pause.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(500);

/// What the rule of a topic says of other programs, and the keys of the batch at hand.
pub(super) struct LegacyKeys {
    keys: Arc<Keys>,
    legacy: Arc<Legacy>,
    known: Vec<KnownKey>,
    failed: Vec<(Wanted, NoKey)>,
}

impl LegacyKeys {
    pub(super) fn new(keys: Arc<Keys>, legacy: Arc<Legacy>) -> Self {
        Self { keys, legacy, known: Vec::new(), failed: Vec::new() }
    }

    pub(super) fn is_of(&self, legacy: &Arc<Legacy>) -> bool {
        Arc::ptr_eq(&self.legacy, legacy)
    }

    /// Gets the keys of all records of a section, so that nothing waits while records are handed out. Tells whether there are
    /// any that another program encrypted.
    pub(super) async fn fetch(&mut self, topic: &str, section: &[u8], header: &BatchHeader) -> bool {
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.failed.clear();
        let (mut plain, mut any) = (Vec::new(), false);
        for record in Records::new(section, header.record_count).map_while(Result::ok) {
            plain.clear();
            any |= legacy::is_theirs(&self.legacy, &record);
            let Err(Refusal::NeedKey(wanted)) = legacy::open(&self.legacy, &self.known, &record, &mut plain)
            else {
                continue;
            };
            let is_failed = self.failed.iter().any(|(failed, _)| *failed == wanted);
            if is_failed || self.known.len() + self.failed.len() >= 2 * KEPT {
                continue;
            }
            match self.ask(&wanted, topic).await {
                Ok(key) => self.known.push(KnownKey { wanted, key }),
                Err(error) => self.failed.push((wanted, error)),
            }
        }
        any
    }

    /// Opens a record with the keys that were fetched.
    pub(super) fn open(&self, record: &Record<'_>, out: &mut Vec<u8>) -> Result<ForeignValue, Cause> {
        legacy::open(&self.legacy, &self.known, record, out).map_err(|refusal| match refusal {
            Refusal::Unopened(unopened) => Cause::Legacy(unopened),
            Refusal::NeedKey(wanted) => {
                let failed = self.failed.iter().find(|(failed, _)| *failed == wanted);
                match failed.map(|(_, error)| error.clone()) {
                    Some(NoKey::Provider(error)) => Cause::Key(error),
                    Some(NoKey::NotAllowed(key)) => Cause::LegacyKey(key),
                    None => Cause::Malformed,
                }
            }
        })
    }

    async fn ask(&self, wanted: &Wanted, topic: &str) -> Result<Arc<proxy_crypto::LegacyKey>, NoKey> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match legacy::key(&self.keys, wanted, topic).await {
                Err(NoKey::Provider(ProviderError::Unavailable { .. })) => {
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
                decided => return decided,
            }
        }
        legacy::key(&self.keys, wanted, topic).await
    }
}
