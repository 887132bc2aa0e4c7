//! The server does not answer. Nothing is refused for good by that, and who waits is served when it is back.

use std::time::Instant;

use tests::eventually_ok;
use tests::kubernetes::Topic;

use super::parties::Parties;
use super::{MINUTE, PATIENCE};

const REFUSED: &str = "topic_encryption_refused_partitions_total";

/// From its beginning to its end.
pub(super) async fn is_waited_for(parties: &Parties, topic: &Topic<'_>) {
    let Parties { platform, data, bao, .. } = parties;
    let fleet = platform.await_fleet(2).await;
    let pod = bao.pod().await;
    let server = pod["metadata"]["uid"].as_str().unwrap();
    let refused = platform.metric(REFUSED).await;
    platform.freeze(server).await;
    let start = Instant::now();
    let away = data.await_condition("tep", "payments", "KeysReady", |keys| keys.status != "True").await;
    assert!(start.elapsed() < MINUTE, "the status tells after {:?}", start.elapsed());
    assert!(away.status == "False" && away.reason == "KeyProviderUnavailable", "{away}");
    for part in ["key payments of provider default", "see that the provider runs"] {
        assert!(away.message.contains(part), "{away}");
    }
    assert_eq!(platform.await_fleet(2).await, fleet, "proxies that were ready stay so");

    let held = async || {
        let now = platform.metric(REFUSED).await;
        if now > refused { Ok(()) } else { Err("reads are served") }
    };
    let mut reader = Box::pin(topic.assert_intact());
    let waits = async {
        loop {
            tokio::select! {
                () = eventually_ok("reads wait", PATIENCE, held) => break,
                // What the proxies know of the key serves to the end of the grace.
                () = &mut reader => reader = Box::pin(topic.assert_intact()),
            }
        }
    };
    tokio::time::timeout(2 * PATIENCE, waits).await.expect("the grace ends");
    platform.thaw(server).await;
    reader.await;
    assert_eq!(platform.fleet().await, fleet, "no proxy was started anew");
}

/// Soon all know it.
pub(super) async fn is_over(Parties { data, .. }: &Parties, topic: &mut Topic<'_>) {
    let start = Instant::now();
    for policy in ["payments", "refunds"] {
        data.await_condition("tep", policy, "KeysReady", |keys| keys.status == "True").await;
    }
    assert!(start.elapsed() < MINUTE, "the status tells after {:?}", start.elapsed());
    topic.write().await;
    topic.assert_intact().await;
}
