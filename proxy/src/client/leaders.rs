//! Who leads a partition, and asking again where that has changed.

use super::{ClientError, Cluster, Place};
use kafka_protocol::protocol::Request;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Pauses between tries double from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Together about a minute: a broker's restart, or an election.
const TRIES: u32 = 16;

impl Cluster {
    /// Asks the leader of a partition, again and again while an error is a passing one.
    pub(super) async fn at_leader<R: Request, T>(
        &mut self,
        place: &Place,
        request: &R,
        versions: RangeInclusive<i16>,
        read: impl Fn(R::Response) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut pause = FIRST_PAUSE;
        for left in (0..TRIES).rev() {
            let node = match self.leader(place).await {
                Ok(node) => node,
                Err(error) if error.is_transient() && left > 0 => {
                    self.any = None;
                    wait(&mut pause).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let answer = match self.broker(node).await {
                Ok(connection) => connection.call(request, versions.clone()).await,
                Err(error) => Err(error),
            };
            if answer.is_err() {
                self.connections.remove(&node);
            }
            match answer.and_then(&read) {
                Err(error) if error.is_transient() && left > 0 => {
                    tracing::debug!(place = %place, %error, "asking again");
                    self.leaders.remove(place);
                    wait(&mut pause).await;
                }
                decided => return decided,
            }
        }
        Err(ClientError::NoLeader(place.clone()))
    }

    async fn leader(&mut self, place: &Place) -> Result<i32, ClientError> {
        if let Some(node) = self.leaders.get(place) {
            return Ok(*node);
        }
        self.topics(Some(&[place.topic.to_string()])).await?;
        self.leaders.get(place).copied().ok_or_else(|| ClientError::NoLeader(place.clone()))
    }
}

/// Sleeps, and doubles the next pause.
pub(super) async fn wait(pause: &mut Duration) {
    tokio::time::sleep(*pause).await;
    *pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
}
