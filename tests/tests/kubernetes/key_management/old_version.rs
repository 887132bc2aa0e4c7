//! Version 1 of the key may not be used any more: what it wrapped cannot be read, while new data goes on under version 2.

use std::time::Instant;

use tests::kubernetes::{KeyOwner, Stage, Topic};
use tests::{eventually, eventually_ok};

use super::page::Page;
use super::{MINUTE, PATIENCE};

pub(super) async fn is_taken_back_and_given_again(
    data: &Stage,
    page: &Page,
    key_owner: &KeyOwner<'_>,
    topic: &Topic<'_>,
) {
    key_owner.types(&page.revoke_version).await;
    // Reads go on with the data keys that proxies know, until these are to be confirmed.
    let stopped = async || match topic.try_read().await {
        Err(error) => Ok(error),
        Ok(count) => Err(format!("{count} records are read")),
    };
    let error = eventually_ok("reads stop", PATIENCE, stopped).await;
    assert_eq!(error, "TOPIC_AUTHORIZATION_FAILED");
    let start = Instant::now();
    let refused = data.await_condition("tep", "payments", "ReadsRefused", |_| true).await;
    assert!(start.elapsed() < MINUTE, "the status tells after {:?}", start.elapsed());
    assert_eq!((refused.status.as_str(), refused.reason.as_str()), ("True", "KeyRefused"), "{refused}");
    let what = format!("key payments, version 1, of provider default for topics {}", topic.name());
    assert!(refused.message.contains(&what) && refused.message.contains("is disabled"), "{refused}");
    assert!(data.holds("tep", "payments", "KeysReady").await, "version 2 works");
    assert!(data.holds("tep", "payments", "Ready").await, "whoever writes to brokers can bring it about");

    key_owner.types(&page.restore).await;
    // A proxy tells of it until it is served that version itself, and each read takes one of the two.
    let over =
        async || topic.try_read().await.is_ok() && !data.holds("tep", "payments", "ReadsRefused").await;
    eventually("the status tells of it no more", PATIENCE, over).await;
    topic.assert_intact().await;
}
