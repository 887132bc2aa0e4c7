//! Waiting for a condition instead of sleeping.

use std::fmt::Display;
use std::time::{Duration, Instant};

use tokio::time::sleep;

/// Between two looks at a condition, at least: looks that take longer are as long apart as they take, so that those who wait
/// leave the machine to those whom they wait for.
const INTERVAL: Duration = Duration::from_millis(25);

/// Waits until the condition holds; panics with `what` when it does not within `limit`.
pub async fn eventually(what: &str, limit: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let holds = async || {
        if condition().await { Ok(()) } else { Err("the condition does not hold") }
    };
    eventually_ok(what, limit, holds).await;
}

/// Waits until the probe gives a value; panics with `what` and the probe's last reason when it does not within `limit`.
pub async fn eventually_ok<T, E: Display>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    loop {
        let look = Instant::now();
        match probe().await {
            Ok(value) => return value,
            Err(reason) if start.elapsed() >= limit => {
                panic!(
                    "waited {:.1} s for this and it did not happen: {what}: {reason}",
                    start.elapsed().as_secs_f64()
                );
            }
            Err(_) => sleep(look.elapsed().max(INTERVAL)).await,
        }
    }
}
