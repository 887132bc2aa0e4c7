//! Work is linear in the bytes.

use crate::wire::{MetadataView, metadata_response, write};
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

fn metadata(partitions: u32) -> Vec<u8> {
    let mut body = vec![0; 4];
    write::broker_array(12, &[], &mut body);
    body.extend([0, 0, 0, 0, 0]);
    write::count(true, 1, &mut body);
    body.extend([0, 0]);
    write::string(true, "topic", &mut body);
    body.extend([1; 16]);
    body.push(0);
    write::count(true, partitions as usize, &mut body);
    for index in 0..partitions {
        body.extend([0, 0]);
        body.extend(index.to_be_bytes());
        body.extend([0; 8]);
        for _ in 0..2 {
            write::count(true, 3, &mut body);
            body.extend([0; 12]);
        }
        write::count(true, 0, &mut body);
        body.push(0);
    }
    body.extend([0; 4]);
    body.extend([0, 0]);
    body
}

/// What this thread has computed for, whatever else the machine does.
fn worked() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.cast_unsigned(), u32::try_from(spent.tv_nsec).expect("less than a second"))
}

fn fastest(body: &[u8]) -> Duration {
    let mut view = MetadataView::default();
    let time = || {
        let started = worked();
        metadata_response(12, body, &mut view).expect("a valid body");
        worked().saturating_sub(started)
    };
    std::iter::repeat_with(time).take(5).min().expect("five runs")
}

#[test]
fn a_large_metadata_answer_takes_linear_time() {
    let (small, large) = (fastest(&metadata(10_000)), fastest(&metadata(100_000)));
    // Ten times is linear; a hundred would be quadratic.
    assert!(large < small * 40, "10,000 partitions {small:?}, 100,000 partitions {large:?}");
}
