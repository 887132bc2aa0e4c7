//! Who waits for room, and who gives it back.

use super::*;
use crate::connection::Session;
use crate::fuzzing::session;
use crate::handler::open::Place;
use crate::handler::open::keys::KnownKey;
use crate::handler::open::strictness::Strictness;
use crate::pieces::Pieces;
use crate::tools::hostile::{Parts, batch};
use proxy_crypto::{Dek, ProviderError};
use proxy_records::Codec;
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

/// Batches that are small where they are stored and large when they are opened, which fails at the end of each.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_opened_takes_no_memory_while_others_are() {
    const LARGE: usize = 4 << 20;
    let key = vec![0; LARGE];
    let marked: Parts<'_> = (Some(&key), None, Some(&[1, 3]));
    let orphan: Parts<'_> = (None, None, None);
    let unknown: Parts<'_> = (None, Some(b"value"), Some(&[1, 2]));
    for last in [orphan, unknown] {
        let session = session();
        let (mut opener, mut pieces) = (Opener::default(), Pieces::default());
        opener.start(&session, SHORT);
        for partition in 0..3 {
            let mut message = batch(Codec::Zstd, &[marked, last]);
            let records = 0..message.len();
            assert!(records.end < LARGE / 100);
            let place = Some(Place { partition, ..PLACE });
            let result = opener.open(&session, place, &mut message, records, &mut pieces).await;
            assert_eq!(result.err(), Some(Failure::CORRUPT));
            assert_eq!((pieces.side_buffer().len(), pieces.side_buffer().capacity()), (0, 0));
        }
    }
}
