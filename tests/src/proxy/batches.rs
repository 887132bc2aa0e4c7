//! Batches through a proxy, one request each, with the error that a client would see.

use super::Proxy;
use crate::batch::Batch;
use crate::kafka_error::KafkaErrorName;
use crate::raw_connection::{By, RawConnection};

impl Proxy {
    /// Writes a batch to partition 0.
    pub async fn write_batch(&self, topic: &str, batch: &Batch) -> Result<(), KafkaErrorName> {
        let (mut connection, at) =
            RawConnection::to_leader(&self.bootstrap(), topic, 0).await.expect("the topic has a leader");
        let appended = connection.produce(&at, By::Id, batch.clone()).await.expect("the proxy answers");
        appended.error.map_or(Ok(()), Err)
    }

    /// The batches of partition 0 from this offset on, as sent.
    pub async fn read_batches(&self, topic: &str, offset: i64) -> Result<Vec<Batch>, KafkaErrorName> {
        let (mut connection, at) =
            RawConnection::to_leader(&self.bootstrap(), topic, 0).await.expect("the topic has a leader");
        let fetched = connection.fetch(&at, By::Id, offset).await.expect("the proxy answers");
        let batches = fetched.batches().iter().map(Batch::as_sent).collect();
        fetched.error.map_or(Ok(batches), Err)
    }
}
