//! Leader election by a Lease: of several replicas one works, the others wait.

mod fence;
mod watchdog;

pub use self::fence::{Fence, MayNotLead};

use std::time::Duration;

use kube::Client;
use kube_lease_manager::{LeaseManagerBuilder, LeaseManagerError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::watchdog::Watchdog;
use crate::settings::Settings;

/// How long a Lease counts after its holder renewed it last.
const DURATION_SECONDS: u64 = 15;
/// How long before that its holder renews it.
const GRACE_SECONDS: u64 = 7;
/// How long the API server may take to answer, so that a renewal that fails can be tried again in time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// A place in the election. Given up when dropped.
#[derive(Debug)]
pub struct Candidate {
    leads: watch::Receiver<bool>,
    watchdog: Watchdog,
    task: JoinHandle<Result<kube_lease_manager::LeaseManager, LeaseManagerError>>,
}

impl Candidate {
    /// Stands for election. Once elected, the fence is open for as long as the Lease is.
    pub async fn stand(client: Client, settings: &Settings, fence: Fence) -> Result<Self, LeaseManagerError> {
        let watchdog = Watchdog::new(client.clone(), settings, fence);
        let manager = LeaseManagerBuilder::new(client, &settings.lease_name)
            .with_namespace(&settings.pod_namespace)
            .with_identity(&settings.pod_name)
            .with_duration(DURATION_SECONDS)
            .with_grace(GRACE_SECONDS)
            .build()
            .await?;
        let (leads, task) = manager.watch().await;
        Ok(Self { leads, watchdog, task })
    }

    /// Waits until this process leads.
    pub async fn elected(&mut self) {
        if self.leads.wait_for(|leads| *leads).await.is_err() {
            // The election ended by itself: never the leader.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until it no longer does, or can no longer be sure that it does.
    pub async fn lost(&mut self) {
        // The election itself says nothing for as long as its renewals fail.
        tokio::select! {
            _ = self.leads.wait_for(|leads| !*leads) => {}
            () = self.watchdog.ended() => {}
        }
    }

    /// Hands the Lease over to whoever waits for it.
    pub async fn step_down(self) {
        drop(self.leads);
        match self.task.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the Lease was not given back and ends by itself"),
            Err(error) => tracing::warn!(%error, "the election ended early"),
        }
    }
}
