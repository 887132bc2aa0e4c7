//! What an answer may grow to by batches that cannot be opened in place.

use super::keys::LONG;
use super::{Failure, Opener, Task};
use crate::budget::Grant;
use tokio::time::Instant;

/// Room for rewritten batches is asked for in steps of at least this.
const ROOM_STEP: usize = 1024 * 1024;

/// Shares of the budget. Held until the answer is written.
#[derive(Default)]
pub(super) struct Room {
    pub(super) grants: Vec<Grant>,
    pub(super) left: usize,
    pub(super) used: usize,
}

impl Opener {
    /// Waits for room only while the answer holds none. One batch always goes out, or consumers would stand still.
    /// `false` when what is left must come with the next fetch.
    pub(super) async fn make_room(
        &mut self,
        task: &Task<'_>,
        bytes: usize,
        side: &mut Vec<u8>,
    ) -> Result<bool, Failure> {
        let shared = &task.session.shared;
        let step = bytes.max(ROOM_STEP);
        // Nobody waits for more while it holds some.
        let is_first = self.room.grants.is_empty();
        let total = self.room.used.saturating_add(bytes);
        let may_grow = total <= shared.max_frame_bytes;
        let grant = if is_first {
            let since = Instant::now();
            let grant = shared.growth_budget.grant(step).await;
            if since.elapsed() >= LONG {
                self.let_go_of_keys();
            }
            Some(grant)
        } else if may_grow {
            shared.growth_budget.try_grant(step)
        } else {
            None
        };
        if grant.is_none() {
            if task.place.fetch_version.is_some() {
                return Ok(false);
            }
            // A share group's records were handed over already: its few answers may go a little beyond.
            let limit = usize::try_from(shared.fetch_max_bytes).unwrap_or(0).saturating_mul(2);
            if total > limit {
                return Err(Failure::TOO_LARGE);
            }
        }
        self.room.grants.extend(grant);
        self.room.left = self.room.left.saturating_add(step);
        // As much as was granted: a vector that doubles by itself would take up to twice that.
        side.reserve_exact(self.room.left);
        Ok(true)
    }

    /// A batch could not be opened: what nothing was written to is free again.
    pub(super) fn give_back_unused(&mut self) {
        if self.room.used == 0 {
            self.room = Room::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::super::keys::KnownKey;
    use super::super::strictness::Strictness;
    use super::*;
    use crate::connection::Session;
    use crate::fuzzing::session;
    use proxy_crypto::{Dek, ProviderError};
    use std::sync::Arc;
    use std::time::Duration;

    const PLACE: Place<'_> = Place { topic: "enc.a", id: None, partition: 0, fetch_version: Some(12) };
    const SHORT: Duration = Duration::from_millis(900);

    fn task(session: &Session) -> Task<'_> {
        let policy = session.shared.live.policy();
        let strictness = Strictness::of(policy.as_deref(), session.shared.live.histories(), &PLACE).unwrap();
        Task { session, place: &PLACE, strictness }
    }

    fn with_a_key() -> Opener {
        let dek = Arc::new(Dek::from_bytes(&[7; Dek::LEN]).unwrap());
        let known = KnownKey { provider: "p".into(), key: "k".into(), wrapped: [1].into(), dek };
        Opener { keys: vec![known], ..Opener::default() }
    }

    /// Keys that are left after such a wait for room.
    async fn after_room(wait: Duration) -> usize {
        let session = session();
        let (task, mut opener) = (task(&session), with_a_key());
        let all = session.shared.growth_budget.grant(usize::MAX).await;
        let mut side = Vec::new();
        let others = async {
            tokio::time::sleep(wait).await;
            drop(all);
        };
        let (room, ()) = tokio::join!(opener.make_room(&task, 1, &mut side), others);
        assert_eq!(room, Ok(true));
        opener.keys.len()
    }

    /// The same after such a wait for another key.
    async fn after_key(wait: Duration) -> usize {
        let mut opener = with_a_key();
        let answer = async || {
            tokio::time::sleep(wait).await;
            Ok::<(), ProviderError>(())
        };
        opener.patiently(answer).await.unwrap();
        opener.keys.len()
    }

    #[tokio::test(start_paused = true)]
    async fn keys_at_hand_are_asked_for_again_after_a_long_wait() {
        assert_eq!((after_room(SHORT).await, after_room(LONG).await), (1, 0));
        assert_eq!((after_key(SHORT).await, after_key(LONG).await), (1, 0));
    }

    #[test]
    fn a_connection_that_idles_holds_no_keys() {
        let mut opener = with_a_key();
        opener.finish();
        assert!(opener.keys.is_empty());
    }
}
