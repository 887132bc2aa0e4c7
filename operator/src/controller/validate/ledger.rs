//! What was ever encrypted, as far as anybody still knows.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

use super::{Obstacle, file};
use crate::cluster::KafkaKey;
use crate::controller::build::LEDGER_COPY;
use crate::controller::dereference::{Observed, Ours};
use crate::names::{LEDGER_SERIAL_ANNOTATION, Names};
use crate::policies::{Ledger, TextError};

/// What is known of the ledger.
pub(super) struct Remembered {
    /// What it says itself, if it is there.
    pub(super) stored: Option<Ledger>,
    /// The same with all that its copy knows.
    pub(super) ledger: Ledger,
    /// Why the copy says nothing, if it is there.
    pub(super) unreadable_copy: Option<String>,
    /// Why nothing may be programmed.
    pub(super) obstacle: Option<Obstacle>,
}

/// The ledger with all that proxies were told with: somebody may have put an older one in its place, from a backup or from
/// Git, and what was encrypted since must not become clear. Where the copy does not have it either, the number that was
/// written elsewhere says so.
pub(super) fn remembered(key: &KafkaKey, observed: &Observed) -> Remembered {
    let (copy, unreadable_copy) = match file(observed, LEDGER_COPY).map(Ledger::parse) {
        None => (None, None),
        Some(Ok(copy)) => (Some(copy), None),
        Some(Err(error)) => (None, Some(error.to_string())),
    };
    match stored(key, observed) {
        Err(obstacle) => {
            Remembered { stored: None, ledger: Ledger::default(), unreadable_copy, obstacle: Some(obstacle) }
        }
        Ok(stored) => {
            let found = stored.clone().unwrap_or_default();
            let ledger = match copy {
                Some(copy) if stored.is_some() => found.completed_from(&copy),
                _ => found,
            };
            let obstacle = rolled_back(key, observed, &ledger);
            Remembered { stored, ledger, unreadable_copy, obstacle }
        }
    }
}

/// The highest number of the ledger that anything lasting has, or this process saw.
fn witness(observed: &Observed) -> u64 {
    let Ours { keys, authority, .. } = &observed.ours;
    let noted = [keys, authority].into_iter().flatten().filter_map(serial_on);
    noted.chain([observed.ledger_serial]).max().unwrap_or_default()
}

/// The number of the ledger that was noted on a Secret.
pub(crate) fn serial_on(secret: &Secret) -> Option<u64> {
    secret.annotations().get(LEDGER_SERIAL_ANNOTATION)?.parse().ok()
}

fn rolled_back(key: &KafkaKey, observed: &Observed, ledger: &Ledger) -> Option<Obstacle> {
    let (found, witness) = (ledger.serial(), witness(observed));
    let name = Names::new(key).ok()?.ledger();
    (found < witness).then_some(Obstacle::LedgerRolledBack { name, found, witness })
}

/// The ledger, if there is one. One that cannot be read, or that is gone while its fleet or keys are there, stops
/// everything: without it nobody knows what must not become clear.
fn stored(key: &KafkaKey, observed: &Observed) -> Result<Option<Ledger>, Obstacle> {
    let Ok(names) = Names::new(key) else { return Ok(None) };
    let ours = &observed.ours;
    let Some(object) = &ours.ledger else {
        let has_keys =
            ours.keys.as_ref().and_then(|keys| keys.data.as_ref()).is_some_and(|data| !data.is_empty());
        let lost = ours.config.is_some() || ours.deployment.is_some() || has_keys || witness(observed) > 0;
        return if lost { Err(Obstacle::LedgerMissing { name: names.ledger() }) } else { Ok(None) };
    };
    let text = object.data.as_ref().and_then(|data| data.get("ledger.yaml")).map_or("", String::as_str);
    let unreadable =
        |error: TextError| Obstacle::LedgerUnreadable { name: names.ledger(), error: error.to_string() };
    Ledger::parse(text).map(Some).map_err(unreadable)
}
