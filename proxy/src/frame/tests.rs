//! Who holds a share of the budget, and who waits for it.

use super::*;
use crate::io::split_tls;
use crate::strangers::{MOST, Strangers};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

const MAX: usize = 128 << 20;
const BUDGET: usize = 1 << 20;
/// Announced by those who do not send it.
const LARGE: usize = 100 << 20;
/// A producer's batches.
const BATCH: usize = 200_000;

/// A client, and what reads its frames.
fn pair(budget: &Budget) -> (DuplexStream, FrameReader) {
    let (client, theirs) = tokio::io::duplex(MAX);
    (client, FrameReader::new(split_tls(Box::new(theirs)).0, MAX, budget.clone()))
}

/// Begins a frame of so many bytes with so many of them.
async fn begin(client: &mut DuplexStream, size: usize, sent: usize) {
    client.write_all(&u32::try_from(size).unwrap().to_be_bytes()).await.unwrap();
    client.write_all(&vec![0; sent]).await.unwrap();
}

/// Clients that begin a large frame with so many bytes and stay silent, and what is read of them.
async fn silent(budget: &Budget, clients: usize, sent: usize) -> (Vec<DuplexStream>, JoinSet<()>) {
    let (mut held, mut reading) = (Vec::new(), JoinSet::new());
    for _ in 0..clients {
        let (mut client, mut reader) = pair(budget);
        begin(&mut client, LARGE, sent).await;
        held.push(client);
        reading.spawn(async move { drop(reader.next().await) });
    }
    // All have read what there is.
    tokio::time::sleep(Duration::from_millis(1)).await;
    (held, reading)
}

/// How long a frame of a producer's takes that is there already.
async fn delay(budget: &Budget) -> Duration {
    let (mut client, mut reader) = pair(budget);
    begin(&mut client, BATCH, BATCH).await;
    let start = Instant::now();
    assert_eq!(reader.next().await.unwrap().unwrap().bytes.len(), BATCH);
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_large_frame_that_is_hardly_begun_keeps_no_memory_from_others() {
    for sent in [0, FIRST_READ, SMALL - 1] {
        let budget = Budget::new(BUDGET);
        let (_held, _reading) = silent(&budget, 20, sent).await;
        assert_eq!(budget.in_use(), 0, "{sent}");
        assert_eq!(delay(&budget).await, Duration::ZERO, "{sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_the_rest_of_their_frames_do_not_stop_each_other() {
    let budget = Budget::new(BUDGET);
    let (mut clients, mut reading) = (Vec::new(), JoinSet::new());
    // More than half of the budget each, so one after the other.
    let size = BUDGET * 3 / 4;
    for _ in 0..8 {
        let (mut client, mut reader) = pair(&budget);
        begin(&mut client, size, SMALL).await;
        clients.push(client);
        reading.spawn(async move { reader.next().await.unwrap().unwrap().bytes.len() });
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    for client in &mut clients {
        client.write_all(&vec![0; size - SMALL]).await.unwrap();
    }
    assert_eq!(reading.join_all().await, [size; 8]);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_may_send_as_much_as_brokers_take_of_it() {
    let all = Arc::<Strangers>::default();
    let newcomer = || Arc::new(Newcomer::new(Arc::clone(&all)));
    newcomer().note_asked();
    let budget = Budget::new(BUDGET);
    for (size, is_known, is_taken) in
        [(MOST, false, true), (MOST + 1, false, false), (MOST + 1, true, true), (MAX + 1, true, false)]
    {
        let client = newcomer();
        let (mut writer, reader) = pair(&budget);
        let mut reader = reader.of(Arc::clone(&client));
        let writing = async {
            // What a client sends next is judged by what it is then.
            tokio::time::sleep(Duration::from_secs(1)).await;
            if is_known {
                client.note_known();
            }
            begin(&mut writer, size, size.min(MAX)).await;
        };
        let (read, ()) = tokio::join!(reader.next(), writing);
        let read = read.map(drop);
        assert_eq!(read.is_ok(), is_taken, "{size}: {read:?}");
    }
}

/// As after a start of the proxy, before a client of brokers has authenticated.
#[tokio::test(start_paused = true)]
async fn strangers_that_wait_for_memory_when_they_prove_to_be_strangers_hold_none() {
    let all = Arc::<Strangers>::default();
    let budget = Budget::new(BUDGET);
    let first = budget.grant(BUDGET).await;
    let (mut held, mut reading) = (Vec::new(), JoinSet::new());
    for _ in 0..20 {
        let (mut client, reader) = pair(&budget);
        let mut reader = reader.of(Arc::new(Newcomer::new(Arc::clone(&all))));
        begin(&mut client, LARGE, SMALL).await;
        held.push(client);
        reading.spawn(async move { reader.next().await.map(drop) });
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    Newcomer::new(all).note_asked();
    drop(first);
    assert_eq!(delay(&budget).await, Duration::ZERO);
    for read in reading.join_all().await {
        assert!(matches!(read, Err(FrameError::Size(_, MOST))), "{read:?}");
    }
}
