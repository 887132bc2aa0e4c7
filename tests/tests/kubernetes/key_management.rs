//! Keys in a key management system, and three parties: who owns the data, who runs Kafka and the proxies, who owns the keys.

mod another_kind;
mod audit;
mod duties;
mod parties;

use std::time::{Duration, Instant};

use tests::eventually_ok;
use tests::kubernetes::{KeyOwner, Stage, Topic, condition};

use parties::Parties;

const PATIENCE: Duration = Duration::from_secs(90);
/// How soon a status must tell of what a key's owner did.
const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_key_in_openbao_lets_the_proxies_use_it_and_takes_that_back() {
    let parties = Parties::start().await;
    let Parties { platform, data, bao, .. } = &parties;
    let key_owner = bao.key_owner().await;
    key_owner.allow(&["payments"]).await;
    data.await_ready("tep/payments").await;
    let mut topic = platform.topic("payments.orders").await;
    let needle = topic.write().await;
    topic.assert_intact().await;
    assert!(!topic.is_clear(&needle).await);
    let policy = data.get("tep", "payments").await;
    assert!(condition(&policy, "LocalKeys").is_none(), "nobody in the cluster holds the key");
    assert!(platform.find("secret", "my-cluster-encryption-keys").await.is_none());

    key_owner.allow(&[]).await;
    let start = Instant::now();
    let refused = data.await_condition("tep", "payments", "KeysReady", |keys| keys.status == "False").await;
    assert!(start.elapsed() < MINUTE, "the status tells after {:?}", start.elapsed());
    assert!(refused.reason == "KeyRefused" && refused.message.contains("the server denies it"), "{refused}");
    let stopped = async || match topic.try_read().await {
        Err(error) => Ok(error),
        Ok(count) => Err(format!("{count} records are read")),
    };
    let error = eventually_ok("reads stop", PATIENCE, stopped).await;
    assert_eq!(error, "TOPIC_AUTHORIZATION_FAILED");
    assert_eq!(topic.refusal().await, "TOPIC_AUTHORIZATION_FAILED");

    key_owner.allow(&["payments"]).await;
    let start = Instant::now();
    data.await_condition("tep", "payments", "KeysReady", |keys| keys.status == "True").await;
    assert!(start.elapsed() < MINUTE, "the status tells after {:?}", start.elapsed());
    topic.assert_intact().await;
    version_2_comes_into_use(data, &key_owner, &mut topic).await;

    audit::logs_tell_the_same(platform, bao).await;
    duties::nobody_has_anothers_powers(&parties, &key_owner).await;
    another_kind::changes_nothing(platform, &topic).await;
}

/// The owner of the key rotates it, that of the data has it used at once; all that was written stays readable.
async fn version_2_comes_into_use(data: &Stage, key_owner: &KeyOwner<'_>, topic: &mut Topic<'_>) {
    key_owner.rotate("payments").await;
    data.kubectl(&["annotate", "tep", "payments", "encryption.strimzi.io/rotate-data-keys=now"]).await;
    let in_use = async || {
        // Proxies take a new data key with the next records.
        topic.write().await;
        let policy = data.get("tep", "payments").await;
        let keys = &policy["status"]["keys"];
        if keys[0]["version"] == "2" { Ok(()) } else { Err(keys.to_string()) }
    };
    eventually_ok("the status has version 2 of the key", PATIENCE, in_use).await;
    topic.assert_intact().await;
}
