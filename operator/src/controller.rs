//! The controller: dereference ▸ validate ▸ build ▸ apply ▸ status, for one Kafka cluster at a time.
//!
//! Only the first step reads and only the last two write; what is between them is pure.

mod apply;
mod batches;
mod build;
mod dereference;
#[cfg(test)]
pub(crate) mod fixtures;
mod reconcile;
mod rollout;
mod status;
mod strimzi_api;
mod validate;
mod watches;

pub(crate) use self::build::{ADMIN_PORT, CONTAINER};
pub(crate) use self::dereference::{Observed, Strimzi};
pub(crate) use self::validate::{Obstacle, is_allowed, validate};

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::Client;
use kube::runtime::controller::{self, Action, ReconcileRequest};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::watcher::Event;
use tokio_util::sync::CancellationToken;

use self::dereference::Reader;
use self::reconcile::{Context, Error, reconcile};
use self::strimzi_api::StrimziApi;
use crate::cluster::Mentioned;
use crate::metrics::Metrics;
use crate::settings::Settings;

/// How many clusters are looked at at the same time.
const CONCURRENCY: u16 = 4;
/// Changes within this time count as one.
const BATCH: Duration = Duration::from_millis(100);

/// How the API server is talked to.
#[derive(Clone)]
pub(crate) struct Clients {
    /// For watches, which have nothing to say for minutes.
    pub(crate) watches: Client,
    /// For everything else, which must not wait for an answer for long.
    pub(crate) calls: Client,
}

/// Reconciles until told to stop.
pub(crate) async fn run(clients: Clients, settings: Settings, metrics: Metrics, stop: CancellationToken) {
    let Clients { watches, calls: client } = clients;
    let strimzi = StrimziApi::look(client.clone());
    let (store, mut writer) = reflector::store::<Mentioned>();
    writer.apply_watcher_event(&Event::Init);
    writer.apply_watcher_event(&Event::InitDone);
    let triggers = watches::triggers(&watches, &settings, &strimzi).take_until(stop.cancelled_owned());
    let queue = batches::batched(triggers.boxed(), BATCH).map(move |key| {
        let cluster = Mentioned::from(key);
        writer.apply_watcher_event(&Event::Apply(cluster.clone()));
        Ok::<_, std::convert::Infallible>(ReconcileRequest::from(ObjectRef::from_obj(&cluster)))
    });
    let reporter = Reporter {
        controller: crate::names::FIELD_MANAGER.to_owned(),
        instance: Some(settings.pod_name.clone()),
    };
    let context = Arc::new(Context {
        reader: Reader { client: client.clone(), http: crate::pods::client(), strimzi },
        recorder: Recorder::new(client.clone(), reporter),
        memory: reconcile::Memory::default(),
        client,
        settings,
        metrics,
    });
    let config = controller::Config::default().concurrency(CONCURRENCY);
    kube::runtime::applier(
        |cluster, context| Box::pin(reconcile(cluster, context)),
        on_error,
        context,
        store,
        Box::pin(queue),
        config,
    )
    .for_each(|outcome| async move {
        if let Err(error) = outcome {
            tracing::debug!(%error, "a reconciliation ended early");
        }
    })
    .await;
}

#[expect(clippy::needless_pass_by_value, reason = "the queue hands them over so")]
fn on_error(cluster: Arc<Mentioned>, error: &Error, context: Arc<Context>) -> Action {
    let wait = context.memory.failed(&cluster.key());
    tracing::warn!(kafka = %cluster.key(), error = crate::telemetry::chain(error), ?wait, "a reconciliation failed");
    Action::requeue(wait)
}
