//! One pass over a cluster: the steps of the pipeline in order, and when to look again.

mod failure;
mod memory;
mod program;

pub(crate) use self::failure::Failure;
pub(crate) use self::memory::Memory;
pub(crate) use self::program::Programmed;

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::runtime::controller::Action;
use kube::runtime::events::Recorder;
use thiserror::Error;

use super::dereference::{self, Observed, Reader};
use super::status::{self, Facts};
use super::validate::{Judgement, validate};
use super::{apply, rollout};
use crate::certificates;
use crate::cluster::{KafkaKey, Mentioned};
use crate::local_keys::LocalKeysError;
use crate::metrics::Metrics;
use crate::settings::Settings;

/// While proxies load something, or start.
const SOON: Duration = Duration::from_millis(500);
/// While that takes long.
const LATER: Duration = Duration::from_secs(5);
/// How long it is looked at soon.
const PATIENCE: Duration = Duration::from_secs(90);
/// So many failures that pass by themselves, such as conflicts, turn no resource that was ready.
const PASSING: u32 = 3;

/// Something hangs in a pass that takes longer, and other clusters wait for its place.
const LONGEST_PASS: Duration = Duration::from_mins(2);

/// Why a pass ended early.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("failed to read what is said of the cluster")]
    Dereference(#[source] dereference::Error),
    #[error("failed to write the fleet")]
    Apply(#[source] apply::Error),
    #[error("failed to make certificates")]
    Certificates(#[source] certificates::Error),
    #[error("the names of the proxies make no certificate")]
    Names(#[source] certificates::NamesError),
    #[error("the settings of certificates contradict each other")]
    Validity(#[source] certificates::ValidityError),
    #[error("failed to make local keys")]
    LocalKeys(#[source] LocalKeysError),
    #[error("failed to write the status")]
    Status(#[source] status::Error),
    #[error("the pass took longer than {} s", LONGEST_PASS.as_secs())]
    TooLong,
}

impl Error {
    /// As it stands in conditions and metrics.
    fn reason(&self) -> &'static str {
        match self {
            Self::Dereference(_) => "ReadFailed",
            Self::Apply(_) => "ApplyFailed",
            Self::Certificates(_) | Self::Names(_) | Self::Validity(_) => "CertificatesFailed",
            Self::LocalKeys(_) => "LocalKeysFailed",
            Self::Status(_) => "StatusFailed",
            Self::TooLong => "TooLong",
        }
    }
}

/// What every pass uses.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) reader: Reader,
    pub(crate) recorder: Recorder,
    pub(crate) memory: Memory,
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
}

/// One pass.
pub(crate) async fn reconcile(cluster: Arc<Mentioned>, context: Arc<Context>) -> Result<Action, Error> {
    let key = cluster.key();
    let run = context.metrics.begin(&key);
    // What it has not written the next one writes.
    let outcome = tokio::time::timeout(LONGEST_PASS, Box::pin(pass(&key, &context))).await;
    let outcome = outcome.unwrap_or(Err(Error::TooLong));
    run.end(outcome.as_ref().err().map(Error::reason));
    if outcome.is_ok() {
        context.memory.succeeded(&key);
    }
    outcome
}

async fn pass(key: &KafkaKey, context: &Context) -> Result<Action, Error> {
    let observed = match context.reader.dereference(key, &context.settings).await {
        Ok(observed) => Observed { ledger_serial: context.memory.ledger_serial(key), ..observed },
        Err(error) => return Err(failed(key, context, None, Error::Dereference(error)).await),
    };
    if is_nothing(&observed) {
        context.metrics.forget(key);
        context.memory.forget(key);
        return Ok(Action::await_change());
    }
    let judgement = validate(key, &observed, &context.settings);
    let programmed = match (&judgement.fleet, &judgement.paused) {
        (Ok(fleet), None) if judgement.wanted => {
            match program::program(context, &observed, &judgement, fleet).await {
                Ok(programmed) => Some(programmed),
                Err(error) => return Err(failed(key, context, Some((&observed, &judgement)), error).await),
            }
        }
        _ => None,
    };
    let facts = Facts::new(key, &observed, &judgement, programmed.as_ref());
    let settled = status::write(context, &facts).await.map_err(Error::Status)?;
    Ok(Action::requeue(wait(key, context, &facts, settled)))
}

/// Tells the resources of it too, and gives the error back. What is known of them is told as well.
async fn failed(
    key: &KafkaKey,
    context: &Context,
    known: Option<(&Observed, &Judgement)>,
    error: Error,
) -> Error {
    let mut failure = Failure::of(&error);
    failure.lasts |= context.memory.failures(key) >= PASSING;
    let written = match known {
        Some((observed, judgement)) => {
            let facts = Facts::new(key, observed, judgement, None).failed(&failure);
            status::write(context, &facts).await.map(drop)
        }
        None => status::write_unread(context, key, &failure).await,
    };
    if let Err(unwritten) = written {
        let error = crate::telemetry::chain(&unwritten);
        tracing::warn!(kafka = %key, error, "the failure could not be told on the resources");
    }
    error
}

/// Nobody says anything of the cluster, and nothing was ever made for it.
fn is_nothing(observed: &Observed) -> bool {
    observed.policies.is_empty()
        && observed.proxies.is_empty()
        && observed.malformed.is_empty()
        && observed.ours.config.is_none()
}

fn wait(key: &KafkaKey, context: &Context, facts: &Facts<'_>, settled: bool) -> Duration {
    let resync = context.settings.resync();
    // Whatever an obstacle waits for is watched.
    if settled {
        context.memory.settled(key);
        let next = facts.programmed.and_then(|programmed| programmed.look_again);
        return next.map_or(resync, |next| next.clamp(SOON, resync));
    }
    if context.memory.unsettled_for(key) < PATIENCE { SOON } else { LATER }
}

/// What the cluster's proxies were told before, as far as this process knows.
pub(crate) type Told = rollout::Told;

#[cfg(test)]
mod tests;
