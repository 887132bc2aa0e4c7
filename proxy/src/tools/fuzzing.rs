//! State files of interrupted audits and copies.

use super::{audit, copy};

/// Each tool may be given the other's file.
pub(crate) fn fuzz_state(data: &[u8]) {
    audit::state::fuzzing::fuzz_state(data);
    copy::state::fuzzing::fuzz_state(data);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    [audit::state::fuzzing::seeds(), copy::state::fuzzing::seeds()].concat()
}
