//! State files of copies, and what a copy goes on with.

use super::{Contents, Identity, Pending, Position, State, VERSION};
use serde_json::Value;
use std::path::PathBuf;

pub(crate) fn fuzz_state(data: &[u8]) {
    let Ok(contents) = serde_json::from_slice::<Contents>(data) else { return };
    let bytes = serde_json::to_vec(&contents).unwrap();
    let again: Contents = serde_json::from_slice(&bytes).expect("what is written can be read");
    assert_eq!(value(&again), value(&contents), "what is written is read as the same");
    go_on(&mut State { path: PathBuf::new(), contents });
}

/// The batch that was under way has arrived, whatever the file says of it.
fn go_on(state: &mut State) {
    for partition in state.partitions() {
        let position = state.get_mut(partition);
        let Some(pending) = position.pending.take() else { continue };
        let behind = pending.behind(position.target_next);
        position.take(pending);
        assert_eq!(position.target_next, behind, "the target ends behind the batch");
        assert!(position.sequence >= 0, "no broker takes a negative sequence");
    }
    assert_eq!(state.copied().partitions, state.partitions().len());
}

fn value(contents: &Contents) -> Value {
    serde_json::to_value(contents).unwrap()
}

/// Of a copy at its start, and of one that was interrupted while a batch was under way.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let pending = Pending { source_next: 30, records: 10, skipped: 1, digest: [2; 32] };
    let start = Position {
        source_next: None,
        target_start: 0,
        target_next: 0,
        sequence: 0,
        records: 0,
        skipped: 0,
        digest: [0; 32],
        pending: None,
    };
    let later = Position {
        source_next: Some(20),
        target_next: 18,
        sequence: 18,
        records: 18,
        skipped: 2,
        digest: [1; 32],
        pending: Some(pending),
        ..start
    };
    let seed = |positions: Vec<Position>| {
        let identity = |topic: &str| Identity { topic: topic.to_owned(), id: format!("{topic}-id") };
        let contents = Contents {
            version: VERSION,
            cluster: Some("cluster".to_owned()),
            source: identity("payments"),
            target: identity("payments.sealed"),
            producer_id: 7,
            producer_epoch: 0,
            partitions: (0..).zip(positions).collect(),
        };
        serde_json::to_vec(&contents).unwrap()
    };
    vec![seed(vec![start.clone()]), seed(vec![start, later])]
}
