//! Records that are not to be copied just so.

use super::super::opening::{PlainRecord, Unopened};
use super::{CopyError, Plan};
use crate::client::Place;
use proxy_config::{Decision, EffectivePolicy, OnPlaintext};

/// What becomes of what the source does not vouch for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Care {
    /// The source's rule refuses what is in clear, and readers of it never get any.
    reject_clear: bool,
    /// Otherwise it would become authentic unseen.
    seal_clear: bool,
    pub(super) skip_unopened: bool,
}

impl Care {
    /// Where the target is in clear too, nothing looks more authentic than it did.
    pub(super) fn of(policy: &EffectivePolicy, plan: &Plan, seals: bool) -> Self {
        let rule = policy.decide(&plan.source);
        Self {
            reject_clear: matches!(rule, Decision::Encrypt(rule) if rule.on_plaintext == OnPlaintext::Reject),
            seal_clear: plan.seal_clear || !seals,
            skip_unopened: plan.skip_unopened,
        }
    }

    pub(super) fn permits(self, place: &Place, record: &PlainRecord<'_>) -> Result<(), CopyError> {
        match (record.clear, self.reject_clear, self.seal_clear) {
            (true, true, _) => Err(CopyError::ClearRefused(place.clone(), record.offset)),
            (true, false, false) => Err(CopyError::ClearRecord(place.clone(), record.offset)),
            _ => Ok(()),
        }
    }

    pub(super) fn stop(self, place: &Place, unopened: Unopened) -> CopyError {
        if self.skip_unopened {
            CopyError::NotLost(place.clone(), unopened)
        } else {
            CopyError::Unopened(place.clone(), unopened)
        }
    }
}
