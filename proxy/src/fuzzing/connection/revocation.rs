//! Keys that end while a connection waits: with the whole relay, in paused time.

use super::run;
use super::script::{Plan, Script, Step};
use super::stage::Stage;
use std::time::Duration;
use tokio::runtime::Builder;

const METADATA: [u8; 7] = [0, 2, 12, 0, 0, 0, 0];
const FETCH: [u8; 7] = [0, 1, 12, 0, 0, 0, 0];
const PRODUCE: [u8; 7] = [0, 0, 12, 0, 0, 1, 0];
const SKIP: u8 = 5;

/// Of an idempotent producer, one after the other.
const FIRST: [u8; 7] = [0, 0, 12, 0, 64, 1, 0];
const SECOND: [u8; 7] = [0, 0, 12, 0, 64, 9, 0];
const RECORD: u8 = 1;

/// What the key management system says.
const FINE: u8 = 0;
const SILENT: u8 = 4;
const REFUSED: u8 = 2;
const GONE: u8 = 3;

/// What happens, one after the other.
#[derive(Clone, Copy)]
enum Event {
    Send([u8; 7]),
    Wait(Duration),
    Mood(u8),
}
use Event::{Mood, Send, Wait};

/// Longer than a data key is believed, without an idle connection.
const OLD: [Event; 6] = [
    Wait(Duration::from_mins(5)),
    Send(METADATA),
    Wait(Duration::from_mins(5)),
    Send(METADATA),
    Wait(Duration::from_mins(5)),
    Send(METADATA),
];

fn script(policy: u8, events: &[Event]) -> Script {
    let sends = events.iter().filter_map(|event| match event {
        Send(bytes) => Some(&bytes[..]),
        _ => None,
    });
    let bytes = [&[policy, 0, 2][..], &sends.collect::<Vec<_>>().concat()].concat();
    let mut script = Script::parse(&bytes);
    let mut sends = std::mem::take(&mut script.steps).into_iter();
    let steps = events.iter().map(|event| match event {
        Send(_) => sends.next().unwrap(),
        Wait(time) => Step::Wait(*time),
        Mood(mood) => Step::Mood(*mood),
    });
    script.steps = steps.collect();
    script
}

/// How many records consumers went past.
fn skipped(was_ready: bool, between: &[Event]) -> u64 {
    let start = [Send(METADATA), Send(PRODUCE)];
    let end = [Mood(GONE), Send(FETCH), Wait(Duration::from_secs(5))];
    let events = [&start[..], &OLD, &[Mood(GONE), Send(FETCH)], between, &end].concat();
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let script = script(SKIP, &events);
        let stage = Stage::new(&script);
        let (shared, _) = stage.parts();
        if was_ready {
            shared.live.check_keys_once().await;
        }
        Box::pin(run(&stage, script)).await;
        let entries = shared.live.unreadable().entries();
        entries.iter().map(|entry| entry.unread.records()).sum()
    })
}

const MINUTE: Event = Wait(Duration::from_secs(70));

#[test]
fn a_key_that_stays_gone_is_gone_past() {
    assert_eq!(skipped(true, &[MINUTE, Send(FETCH), MINUTE]), 2);
}

#[test]
fn a_refusal_of_another_kind_ends_the_delay() {
    assert_eq!(skipped(true, &[MINUTE, Mood(REFUSED), Send(FETCH), MINUTE]), 0);
}

#[test]
fn a_provider_of_which_no_key_was_ever_ready_is_not_believed_that_one_is_gone() {
    assert_eq!(skipped(false, &[MINUTE, Send(FETCH), MINUTE]), 0);
}

/// How many batches are stored of two, and of two more of which the second waits for the broker's answer to the first. Meanwhile their
/// key becomes too old to be believed, and the key management system says this of it. The broker takes its time after so many
/// requests.
fn stored(said: u8, requests: usize) -> u32 {
    let start = [
        Send(METADATA),
        Send(PRODUCE),
        Wait(Duration::from_mins(5)),
        Send(METADATA),
        Wait(Duration::from_secs(260)),
        Mood(SILENT),
        Send(PRODUCE),
        Wait(Duration::from_secs(35)),
    ];
    let end =
        [Send(FIRST), Wait(Duration::from_secs(1)), Send(SECOND), Wait(Duration::from_secs(3)), Mood(said)];
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut script = script(RECORD, &[&start[..], &end].concat());
        script.plans.extend((0..requests).map(|_| Plan::Honest));
        script.plans.push_back(Plan::Late(Duration::from_secs(8)));
        let stage = Stage::new(&script);
        Box::pin(run(&stage, script)).await.0
    })
}

#[test]
fn a_batch_that_waited_does_not_go_out_under_a_key_that_was_revoked_meanwhile() {
    let late = |said| (0..12).map(|requests| stored(said, requests)).collect::<Vec<_>>();
    assert_eq!(late(FINE), [4; 12]);
    assert_eq!(late(REFUSED).into_iter().min(), Some(3));
}
