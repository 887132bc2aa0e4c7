//! Whether this process still holds the Lease, by a look at the Lease itself: whoever cannot be sure of it stops before
//! another takes over.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{DURATION_SECONDS, Fence};
use crate::settings::Settings;

/// How long before the Lease ends its holder stops: for clocks that differ, and for what is on its way.
const MARGIN: Duration = Duration::from_secs(2);
/// How long a renewal is good for.
const GOOD_FOR: Duration = Duration::from_secs(DURATION_SECONDS).saturating_sub(MARGIN);
/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);

/// Looks at a Lease that this process holds.
#[derive(Debug)]
pub(super) struct Watchdog {
    leases: Api<Lease>,
    name: String,
    identity: String,
    fence: Fence,
}

impl Watchdog {
    pub(super) fn new(client: Client, settings: &Settings, fence: Fence) -> Self {
        Self {
            leases: Api::namespaced(client, &settings.pod_namespace),
            name: settings.lease_name.clone(),
            identity: settings.pod_name.clone(),
            fence,
        }
    }

    /// Waits until another holds the Lease, or the last renewal that was seen is too old. A Lease that cannot be read, or
    /// that somebody deleted, is not renewed as far as anyone can tell.
    pub(super) async fn ended(&self) {
        let mut until = Instant::now() + GOOD_FOR;
        self.fence.open_for(GOOD_FOR);
        while Instant::now() < until {
            let next = (Instant::now() + LOOK).min(until);
            match timeout_at(until, self.leases.get_opt(&self.name)).await {
                Ok(Ok(Some(lease))) => match self.left(&lease, Timestamp::now()) {
                    Some(left) => {
                        until = Instant::now() + left;
                        self.fence.open_for(left);
                    }
                    None => return,
                },
                Ok(Ok(None)) => tracing::warn!(lease = self.name, "the Lease is gone"),
                Ok(Err(error)) => tracing::warn!(%error, "failed to look at the Lease"),
                Err(_) => return,
            }
            sleep_until(next).await;
        }
    }

    /// How long its last renewal is still good for; nothing if another holds it. The time in it is of our own clock.
    fn left(&self, lease: &Lease, now: Timestamp) -> Option<Duration> {
        let spec = lease.spec.as_ref()?;
        if spec.holder_identity.as_ref() != Some(&self.identity) {
            return None;
        }
        let age = now.duration_since(spec.renew_time.as_ref()?.0);
        // A clock that was set back must not make it last longer.
        let age = Duration::try_from(age).unwrap_or_default();
        Some(GOOD_FOR.saturating_sub(age))
    }
}

#[cfg(test)]
mod tests;
