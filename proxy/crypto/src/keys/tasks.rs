//! Calls that go on when whoever asked has left.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Owns the running calls; dropping it ends them.
#[derive(Default)]
pub(super) struct Tasks(Mutex<JoinSet<()>>);

impl Tasks {
    /// Starts a call. Without a runtime the call is dropped, which whoever waits for it learns.
    pub(super) fn spawn(&self, call: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        if let Ok(runtime) = Handle::try_current() {
            running.spawn_on(call, &runtime);
        }
    }
}
