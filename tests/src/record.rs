//! Records as tests see them: what was sent, and what came back.

/// A header: a name, which may repeat, and a value, which may be null.
pub type Header = (String, Option<Vec<u8>>);

/// A record to produce.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentRecord {
    /// The partition; the client's partitioner chooses when there is none.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; a tombstone has none.
    pub value: Option<Vec<u8>>,
    /// The headers in their order.
    pub headers: Vec<Header>,
    /// Milliseconds since 1970; the client's clock when there is none.
    pub timestamp: Option<i64>,
}

/// A record as a client delivered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRecord {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value.
    pub value: Option<Vec<u8>>,
    /// The headers in their order.
    pub headers: Vec<Header>,
    /// How often a share group has been handed it, this time included.
    pub deliveries: Option<i64>,
    /// The most records that its member of a share group had been handed at once by then.
    pub largest_poll: Option<i64>,
}

impl SentRecord {
    /// A record with a value only.
    pub fn of(value: impl Into<Vec<u8>>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// With this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// With one header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), Some(value.into())));
        self
    }

    /// With one header more, whose value is null.
    #[must_use]
    pub fn null_header(mut self, name: &str) -> Self {
        self.headers.push((name.to_owned(), None));
        self
    }

    /// For this partition.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// With this timestamp.
    #[must_use]
    pub fn timestamp(mut self, milliseconds: i64) -> Self {
        self.timestamp = Some(milliseconds);
        self
    }

    /// Whether the received record has this one's key, value, headers and, where it has one, timestamp.
    pub fn equals(&self, received: &ReceivedRecord) -> bool {
        self.key == received.key
            && self.value == received.value
            && self.headers == received.headers
            && self.timestamp.is_none_or(|sent| sent == received.timestamp)
    }
}

/// Asserts that what came back is what was sent, in order; names the first difference.
#[track_caller]
pub fn assert_same(what: &str, sent: &[SentRecord], received: &[ReceivedRecord]) {
    for (index, (sent, received)) in sent.iter().zip(received).enumerate() {
        assert!(
            sent.equals(received),
            "{what}: record {index} differs\n    sent {sent:?}\nreceived {received:?}"
        );
    }
    assert_eq!(received.len(), sent.len(), "{what}: the number of records differs");
}
