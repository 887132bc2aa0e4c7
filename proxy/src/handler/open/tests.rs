//! Who has the thread while an answer is opened.

use super::*;
use crate::fuzzing::session;
use crate::handler::turn::testing::Other;
use crate::tools::hostile;
use proxy_records::Codec;

/// How often another task has the thread while so many batches of one partition are looked into, one after the other.
async fn turns_of_others(longest: Duration, batches: usize) -> usize {
    let session = session();
    let (mut opener, mut pieces) = (Opener::default(), Pieces::default());
    opener.start(&session, Duration::ZERO);
    opener.turn = Turn::of(longest);
    let other = Other::start();
    let mut message = hostile::batch(Codec::Zstd, &[(None, Some(b"value"), None)]).repeat(batches);
    let records = 0..message.len();
    let place = Place { topic: "clear.a", id: None, partition: 0, fetch_version: Some(12) };
    let opened = opener.open(&session, Some(place), &mut message, records, &mut pieces).await;
    assert_eq!((opened, opener.parts.len()), (Ok(Opened::Unchanged), batches));
    other.turns()
}

#[tokio::test]
async fn others_have_the_thread_between_batches_that_take_long() {
    assert_eq!(turns_of_others(Duration::ZERO, 3).await, 3);
    assert_eq!(turns_of_others(Duration::MAX, 3).await, 0);
}
