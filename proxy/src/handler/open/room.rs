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

    /// A batch could not be opened: what nothing of the answer was written to is free again, first the memory and then the right to it.
    pub(super) fn give_back_unused(&mut self, side: &mut Vec<u8>) {
        if self.room.used == 0 {
            side.shrink_to_fit();
            self.room = Room::default();
        }
    }
}

#[cfg(test)]
mod tests;
