//! Who has the thread while an answer is opened.

use super::*;
use crate::fuzzing::session;
use crate::handler::turn::testing::{Other, work_long};
use crate::tools::hostile;
use proxy_records::Codec;

#[tokio::test]
async fn others_have_the_thread_between_batches_when_it_is_their_turn() {
    const BATCHES: usize = 3;
    let session = session();
    let (mut opener, mut pieces) = (Opener::default(), Pieces::default());
    opener.start(&session, Duration::ZERO);
    let mut message = hostile::batch(Codec::Zstd, &[(None, Some(b"value"), None)]).repeat(BATCHES);
    let other = Other::start();
    work_long();
    let place = Place { topic: "clear.a", id: None, partition: 0, fetch_version: Some(12) };
    let records = 0..message.len();
    let result = opener.open(&session, Some(place), &mut message, records, &mut pieces).await;
    assert_eq!((result, opener.parts.len()), (Ok(Opened::Unchanged), BATCHES));
    assert!(other.turns() > 0);
}
