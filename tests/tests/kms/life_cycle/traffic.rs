//! Clients that stay at a proxy and go on, whatever it answers.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tests::raw_connection::Location;
use tests::{By, KafkaErrorName, Proxy, RawConnection, eventually};
use tokio::task::JoinSet;

use super::{PATIENCE, batch};

/// Between two requests of a reader. What is measured is no finer than this.
const READS: Duration = Duration::from_millis(100);
/// The same of a writer, whose batches are all read each time.
const WRITES: Duration = Duration::from_millis(200);

/// Clients of one proxy, each with a connection of its own that it keeps. Dropped, they end.
pub(super) struct Traffic {
    writer: Arc<Seen>,
    readers: Vec<Arc<Seen>>,
    _clients: JoinSet<()>,
}

/// What a client has seen.
#[derive(Default)]
struct Seen(Mutex<Answers>);

#[derive(Default)]
struct Answers {
    last_served: Option<Instant>,
    /// The error of the last answer, and when that was asked for.
    last: Option<(Instant, Option<KafkaErrorName>)>,
    errors: BTreeSet<KafkaErrorName>,
}

impl Traffic {
    /// One client writes to the partition `own`; one for each partition reads it from its start, over and over.
    pub(super) async fn start(proxy: &Proxy, topic: &str, partitions: i32, own: i32) -> Self {
        let mut clients = JoinSet::new();
        let writer = Arc::new(Seen::default());
        let (connection, at) = open(proxy, topic, own).await;
        clients.spawn(write(connection, at, Arc::clone(&writer)));
        let mut readers = Vec::new();
        for partition in 0..partitions {
            let seen = Arc::new(Seen::default());
            let (connection, at) = open(proxy, topic, partition).await;
            clients.spawn(read(connection, at, Arc::clone(&seen)));
            readers.push(seen);
        }
        Self { writer, readers, _clients: clients }
    }

    /// Waits until the answer to what each client asks from now on is this: served, or an error.
    pub(super) async fn says(&self, to_writer: Option<&str>, to_readers: Option<&str>) {
        let since = Instant::now();
        let wanted =
            self.readers.iter().map(|reader| (reader, to_readers)).chain([(&self.writer, to_writer)]);
        for (seen, wanted) in wanted {
            let says = async || match &seen.0.lock().unwrap().last {
                Some((asked, answer)) => {
                    *asked >= since && answer.as_ref().map(KafkaErrorName::as_str) == wanted
                }
                None => false,
            };
            eventually(&format!("a client's answer is {wanted:?}"), PATIENCE, says).await;
        }
    }

    /// The errors that its clients had so far.
    pub(super) fn errors(&self) -> BTreeSet<KafkaErrorName> {
        let clients = self.readers.iter().chain([&self.writer]);
        clients.flat_map(|seen| seen.0.lock().unwrap().errors.clone()).collect()
    }

    /// When a reader was served last.
    pub(super) fn last_read(&self) -> Instant {
        let last = |seen: &Arc<Seen>| seen.0.lock().unwrap().last_served.expect("it was served once");
        self.readers.iter().map(last).max().expect("there are readers")
    }
}

impl Seen {
    fn note(&self, asked: Instant, error: Option<KafkaErrorName>) {
        let mut seen = self.0.lock().unwrap();
        if error.is_none() {
            seen.last_served = Some(Instant::now());
        }
        seen.errors.extend(error.clone());
        seen.last = Some((asked, error));
    }
}

async fn open(proxy: &Proxy, topic: &str, partition: i32) -> (RawConnection, Location) {
    RawConnection::to_leader(&proxy.bootstrap(), topic, partition).await.expect("the topic has a leader")
}

async fn write(mut connection: RawConnection, at: Location, seen: Arc<Seen>) {
    loop {
        let asked = Instant::now();
        let appended = connection.produce(&at, By::Id, batch()).await.expect("the connection stays");
        seen.note(asked, appended.error);
        tokio::time::sleep(WRITES).await;
    }
}

async fn read(mut connection: RawConnection, at: Location, seen: Arc<Seen>) {
    loop {
        let asked = Instant::now();
        let fetched = connection.fetch(&at, By::Id, 0).await.expect("the connection stays");
        // Before the first record there is nothing to read.
        if fetched.error.is_some() || !fetched.bytes.is_empty() {
            seen.note(asked, fetched.error);
        }
        tokio::time::sleep(READS).await;
    }
}
