//! Whether the target holds what was read from the source.

use super::super::opening::{Opened, Opening};
use super::super::progress::Progress;
use super::batches::chain;
use super::state::State;
use super::{CopyError, Log};
use crate::client::{Cluster, Isolation, Place};
use proxy_config::EffectivePolicy;
use proxy_crypto::Keys;
use std::sync::Arc;

/// The outcome.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    pub(crate) records: u64,
    /// What differs, a sentence for each partition.
    pub(crate) differences: Vec<String>,
}

/// Reads the target from the first record that was copied to the last.
pub(super) async fn verify(
    cluster: &mut Cluster,
    (keys, policy): (Arc<Keys>, Arc<EffectivePolicy>),
    target: &str,
    state: &State,
    quiet: bool,
) -> Result<Verified, CopyError> {
    let mut opening = Opening::new(keys, Some(policy));
    let mut verified = Verified::default();
    let partitions = state.partitions();
    let mut progress = Progress::new("verify", u64::try_from(partitions.len()).unwrap_or(0), quiet);
    for partition in partitions {
        let place = Arc::new(Place { topic: target.into(), partition });
        let position = state.get(partition);
        let (start, end) = (position.target_start, position.target_next);
        let mut log = Log::between(Arc::clone(&place), Isolation::Committed, start, end);
        let (mut records, mut digest, mut unopened) = (0_u64, [0; 32], 0_u64);
        while let Some(piece) =
            log.next(cluster).await.map_err(|error| CopyError::Read(Place::clone(&place), error))?
        {
            let each = |opened: Opened<'_>| {
                match opened {
                    Ok(record) => {
                        records = records.saturating_add(1);
                        digest = chain(&digest, &record);
                    }
                    Err(other) => unopened = unopened.saturating_add(other.records.max(1)),
                }
                Ok::<(), CopyError>(())
            };
            opening.open(&piece, each).await?;
        }
        verified.records = verified.records.saturating_add(records);
        if unopened > 0 {
            verified.differences.push(format!("{place}: {unopened} records do not open"));
        } else if records != position.records {
            verified
                .differences
                .push(format!("{place}: {records} records are there, {} were copied", position.records));
        } else if digest != position.digest {
            verified.differences.push(format!("{place}: the records are not those that were copied"));
        }
        progress.add(1, &place);
    }
    progress.end();
    Ok(verified)
}
