//! Changes of one cluster that come in quick succession count as one, and however many come, none waits for the last.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::{self, BoxStream, Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use crate::cluster::KafkaKey;

/// The clusters of a stream, each at most once within the time.
pub(super) fn batched(keys: BoxStream<'static, KafkaKey>, within: Duration) -> impl Stream<Item = KafkaKey> {
    let batches = stream::unfold(keys.fuse(), move |mut keys| async move {
        let mut batch = BTreeSet::from([keys.next().await?]);
        let end = Instant::now() + within;
        while let Ok(Some(key)) = timeout_at(end, keys.next()).await {
            batch.insert(key);
        }
        Some((stream::iter(batch), keys))
    });
    batches.flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_millis(100);

    fn key(name: &str) -> KafkaKey {
        KafkaKey { namespace: "kafka".to_owned(), name: name.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_neither_holds_a_cluster_up_nor_is_followed_change_by_change() {
        let storm = stream::unfold(0_u32, |count| async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            (count < 100).then(|| (key(if count == 0 { "quiet" } else { "loud" }), count + 1))
        });
        let start = Instant::now();
        let mut seen = Box::pin(batched(storm.boxed(), WITHIN));
        let first: Vec<_> = seen.by_ref().take(2).collect().await;
        assert_eq!(first, [key("loud"), key("quiet")]);
        assert!(start.elapsed() < 2 * WITHIN, "{:?}", start.elapsed());
        assert!(seen.count().await <= 10);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_stream_loses_nothing() {
        let keys = stream::iter([key("one"), key("two"), key("one")]);
        let seen: Vec<_> = batched(keys.boxed(), WITHIN).collect().await;
        assert_eq!(seen, [key("one"), key("two")]);
    }
}
