//! What a client is asked to do, as the options of its command line.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// Beyond a client's own time limit: starting, and giving up.
const SLACK: Duration = Duration::from_secs(25);

/// A compression codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// No compression.
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

/// What and how to produce. The defaults: no compression, acks of all, idempotent, 20 s.
#[derive(Debug, Clone)]
pub struct ProduceOptions(Options);

/// What to consume. The defaults: all partitions, from the start to the present end, 20 s.
#[derive(Debug, Clone)]
pub struct ConsumeOptions(Options);

#[derive(Debug, Clone)]
struct Options {
    topic: String,
    timeout: Duration,
    words: Vec<String>,
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// Its name in clients' and topics' configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// Its number in a batch's attributes.
    pub fn number(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }
}

impl Display for Codec {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl ProduceOptions {
    /// To this topic.
    pub fn to(bootstrap: impl Into<String>, topic: &str) -> Self {
        Self(Options::new(bootstrap.into(), topic))
    }

    /// Compressed with this codec.
    #[must_use]
    pub fn codec(self, codec: Codec) -> Self {
        self.option("--codec", codec.name())
    }

    /// `all`, `1` or `0`.
    #[must_use]
    pub fn acks(self, acks: &str) -> Self {
        self.option("--acks", acks)
    }

    /// With a producer id and sequence numbers, or without.
    #[must_use]
    pub fn idempotent(self, idempotent: bool) -> Self {
        self.option("--idempotent", &idempotent.to_string())
    }

    /// How long to wait for more records for a batch.
    #[must_use]
    pub fn linger_ms(self, milliseconds: u32) -> Self {
        self.option("--linger", &milliseconds.to_string())
    }

    /// The size of a batch.
    #[must_use]
    pub fn batch_bytes(self, bytes: u32) -> Self {
        self.option("--batch-bytes", &bytes.to_string())
    }

    /// Requests on the way at once.
    #[must_use]
    pub fn in_flight(self, requests: u32) -> Self {
        self.option("--in-flight", &requests.to_string())
    }

    /// In a transaction, which is committed or aborted.
    #[must_use]
    pub fn transaction(self, id: &str, commit: bool) -> Self {
        self.option("--transactional-id", id).option("--outcome", if commit { "commit" } else { "abort" })
    }

    /// When to give up.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = timeout;
        self
    }

    /// A property in the client's own words.
    #[must_use]
    pub fn property(self, name: &str, value: &str) -> Self {
        self.option("--property", &format!("{name}={value}"))
    }

    /// Properties such as those of [`Client::tls`](super::Client::tls) and [`Client::sasl`](super::Client::sasl).
    #[must_use]
    pub fn properties(self, properties: &[(String, String)]) -> Self {
        properties.iter().fold(self, |options, (name, value)| options.property(name, value))
    }

    /// Any option of the command line.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.0.push(name, value);
        self
    }

    pub(super) fn topic(&self) -> &str {
        &self.0.topic
    }

    pub(super) fn words(&self) -> Vec<String> {
        self.0.words()
    }

    pub(super) fn limit(&self) -> Duration {
        self.0.timeout + SLACK
    }
}

impl ConsumeOptions {
    /// From this topic.
    pub fn from(bootstrap: impl Into<String>, topic: &str) -> Self {
        Self(Options::new(bootstrap.into(), topic))
    }

    /// One partition only.
    #[must_use]
    pub fn partition(self, partition: i32) -> Self {
        self.option("--partition", &partition.to_string())
    }

    /// Starting here.
    #[must_use]
    pub fn offset(self, offset: i64) -> Self {
        self.option("--offset", &offset.to_string())
    }

    /// So many records, also if they have yet to be written.
    #[must_use]
    pub fn count(self, records: usize) -> Self {
        self.option("--count", &records.to_string())
    }

    /// As a member of this group, from where it left off. Needs a count.
    #[must_use]
    pub fn group(self, group: &str) -> Self {
        self.option("--group", group)
    }

    /// Committed records only.
    #[must_use]
    pub fn read_committed(self) -> Self {
        self.option("--isolation", "read_committed")
    }

    /// When to give up.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = timeout;
        self
    }

    /// A property in the client's own words.
    #[must_use]
    pub fn property(self, name: &str, value: &str) -> Self {
        self.option("--property", &format!("{name}={value}"))
    }

    /// Properties such as those of [`Client::tls`](super::Client::tls) and [`Client::sasl`](super::Client::sasl).
    #[must_use]
    pub fn properties(self, properties: &[(String, String)]) -> Self {
        properties.iter().fold(self, |options, (name, value)| options.property(name, value))
    }

    /// Any option of the command line.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.0.push(name, value);
        self
    }

    pub(super) fn topic(&self) -> &str {
        &self.0.topic
    }

    pub(super) fn words(&self) -> Vec<String> {
        self.0.words()
    }

    pub(super) fn limit(&self) -> Duration {
        self.0.timeout + SLACK
    }
}

impl Options {
    fn new(bootstrap: String, topic: &str) -> Self {
        let words = vec!["--bootstrap".to_owned(), bootstrap, "--topic".to_owned(), topic.to_owned()];
        Self { topic: topic.to_owned(), timeout: Duration::from_secs(20), words }
    }

    fn push(&mut self, name: &str, value: &str) {
        self.words.extend([name.to_owned(), value.to_owned()]);
    }

    fn words(&self) -> Vec<String> {
        let timeout = ["--timeout-ms".to_owned(), self.timeout.as_millis().to_string()];
        self.words.iter().cloned().chain(timeout).collect()
    }
}
