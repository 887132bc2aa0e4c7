//! A partition whose segments are rolled by hand and cleaned at once.

use std::time::{Duration, Instant, UNIX_EPOCH};

use tests::raw_connection::Location;
use tests::segments::{StoredBatch, StoredRecord};
use tests::{Batch, By, Cluster, Field, Proxy, RawConnection, Segments, SentRecord, eventually_ok};

/// Cleaning takes turns, and the machine may be busy.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
/// The key of the records that only roll segments.
pub(super) const ROLL: &[u8] = b"roll";

/// Between two batches' timestamps: more than `segment.ms`.
const TICK: i64 = 2_000;
/// Between two records that roll segments.
const PAUSE: Duration = Duration::from_millis(400);

/// The first partition of a topic, reached through the proxy.
pub(super) struct Log {
    at: Location,
    connection: RawConnection,
    clock: i64,
    end: i64,
}

/// How a batch lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One envelope, and stubs or nothing after it.
    Batch,
    /// Envelopes (and tombstones) only, under the producer's keys.
    Record,
    /// Anything else.
    Clear,
}

impl Log {
    /// A new topic of one partition.
    pub(super) async fn new(topic: &str, configs: &[(&str, &str)]) -> Self {
        let configs = [&Cluster::CLEANED_AT_ONCE, configs].concat();
        Cluster::shared().await.create_topic(topic, 1, &configs).await;
        let bootstrap = Proxy::shared().await.bootstrap();
        let (connection, at) = RawConnection::to_leader(&bootstrap, topic, 0).await.unwrap();
        Self { at, connection, clock: now(), end: 0 }
    }

    pub(super) fn topic(&self) -> &str {
        &self.at.topic
    }

    /// The records with a timestamp that makes the broker begin a segment for them.
    pub(super) fn dated(&mut self, records: &[SentRecord]) -> Vec<SentRecord> {
        self.clock += TICK;
        records.iter().map(|record| record.clone().timestamp(self.clock)).collect()
    }

    /// Sends a batch through the proxy. Returns its first offset.
    pub(super) async fn write(&mut self, batch: Batch) -> i64 {
        let records = batch.next_offset() - batch.field(Field::BaseOffset);
        let appended = self.connection.produce(&self.at, By::Name, batch).await.unwrap();
        assert_eq!(appended.error, None, "{}: {:?}", self.topic(), appended.message);
        self.end = appended.base_offset + records;
        appended.base_offset
    }

    /// Behind the last record that was written.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// All batches as the proxy hands them out.
    pub(super) async fn fetch(&mut self) -> Vec<Batch> {
        self.connection.fetch_all(&self.at, By::Id).await.unwrap()
    }

    /// The batches in the segments that are in force, by offset.
    pub(super) async fn stored(&self) -> Vec<StoredBatch> {
        Segments::of(Cluster::shared().await.topic_dirs(self.topic())).in_force().await
    }

    /// Goes on writing a record, so that segments are closed and thereby become work for the cleaner, until what is
    /// stored satisfies the check.
    pub(super) async fn roll_until(
        &mut self,
        what: &str,
        check: impl Fn(&[StoredBatch]) -> Result<(), String>,
    ) -> Vec<StoredBatch> {
        let mut rolled: Option<Instant> = None;
        let look = async || {
            if rolled.is_none_or(|at| at.elapsed() > PAUSE) {
                let record = SentRecord::of("rolls segments").key(ROLL);
                let batch = Batch::of(&self.dated(&[record]));
                self.write(batch).await;
                rolled = Some(Instant::now());
            }
            let stored = self.stored().await;
            check(&stored).map(|()| stored)
        };
        eventually_ok(what, PATIENCE, look).await
    }
}

/// Transaction markers have the broker's time: records that are to roll segments must not be older.
fn now() -> i64 {
    let since = UNIX_EPOCH.elapsed().expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("the present is near")
}

impl Format {
    pub(super) fn of(batch: &StoredBatch) -> Self {
        let enveloped = |record: &StoredRecord| {
            record.headers.first().is_some_and(|(name, _)| name == "encryption.strimzi.io")
        };
        let Some((first, rest)) = batch.records.split_first() else {
            return Self::Clear;
        };
        let stub = |record: &StoredRecord| record.key.is_none() && record.value.is_none();
        let hidden = first.headers.len() == 1 && first.key.as_ref().is_some_and(|key| key.len() == 16);
        if enveloped(first) && hidden && rest.iter().all(stub) {
            Self::Batch
        } else if batch.records.iter().all(|record| record.value.is_none() || enveloped(record)) {
            Self::Record
        } else {
            Self::Clear
        }
    }
}
