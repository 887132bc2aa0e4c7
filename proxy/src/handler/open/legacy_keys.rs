//! The keys of records that other programs encrypted.

use super::keys::failure;
use super::{Failure, MOST_KEYS, Opener, Task};
use crate::handler::Code;
use crate::legacy::{self, KnownKey, NoKey, Wanted};
use crate::metrics::labels::Refusal;

impl Opener {
    /// Adds a key to those at hand. A rule's `onUnreadable` is about keys of ours: without one of these there is always an
    /// error.
    pub(super) async fn fetch_legacy_key(&mut self, task: &Task<'_>, wanted: Wanted) -> Result<(), Failure> {
        let keys = task.session.shared.live.keys();
        match self.patiently(|| legacy::key(keys, &wanted, task.place.topic)).await {
            Ok(key) => {
                if self.legacy_keys.len() > MOST_KEYS {
                    self.legacy_keys.remove(0);
                }
                self.legacy_keys.push(KnownKey { wanted, key });
                self.offset = None;
                Ok(())
            }
            Err(error) => {
                self.cause = Some(error.to_string());
                Err(match error {
                    NoKey::Provider(error) => failure(&error),
                    NoKey::NotAllowed(_) => {
                        Failure { code: Code::TopicAuthorizationFailed, refusal: Refusal::KeyRefused }
                    }
                })
            }
        }
    }
}
