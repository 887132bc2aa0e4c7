//! What an answer may grow to by batches that cannot be opened in place.

use super::{Opener, Task};
use crate::budget::Grant;

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
    pub(super) async fn make_room(&mut self, task: &Task<'_>, bytes: usize, side: &mut Vec<u8>) -> bool {
        let shared = &task.session.shared;
        let step = bytes.max(ROOM_STEP);
        let is_first = self.room.used == 0;
        let may_grow = self.room.used.saturating_add(bytes) <= shared.max_frame_bytes;
        let grant = if is_first {
            Some(shared.growth_budget.grant(step).await)
        } else if may_grow {
            shared.growth_budget.try_grant(step)
        } else {
            None
        };
        if grant.is_none() && task.place.fetch_version.is_some() {
            return false;
        }
        // A share group's records were handed over already: its few answers may go beyond.
        self.room.grants.extend(grant);
        self.room.left = self.room.left.saturating_add(step);
        // As much as was granted: a vector that doubles by itself would take up to twice that.
        side.reserve_exact(self.room.left);
        true
    }
}
