//! Keys in a key management system, and three parties: who owns the data, who runs Kafka and the proxies, who owns the keys.
//! What they type at OpenBao is what its page says.

mod another_kind;
mod audit;
mod credentials;
mod duties;
mod network;
mod old_version;
mod outage;
mod page;
mod parties;

use std::time::{Duration, Instant};

use tests::eventually_ok;
use tests::kubernetes::{KeyOwner, Stage, Topic, condition};

use page::Page;
use parties::{CLIENT, Parties};

const PATIENCE: Duration = Duration::from_secs(90);
/// How soon a status must tell of what a key's owner did.
const MINUTE: Duration = Duration::from_mins(1);

/// Conformance: P17-31.
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_key_in_openbao_lets_the_proxies_use_it_and_takes_that_back() {
    let parties = Parties::start().await;
    let Parties { platform, data, bao, page, .. } = &parties;
    let key_owner = bao.key_owner("payments-proxies").await;
    data.await_ready("tep/payments").await;
    data.await_ready("tep/refunds").await;
    let fleet = platform.fleet().await;
    let mut topic = platform.topic_of(CLIENT, "payments.orders").await;
    let needle = topic.write().await;
    topic.assert_intact().await;
    assert!(!topic.is_clear(&needle).await);
    let policy = data.get("tep", "payments").await;
    assert!(condition(&policy, "LocalKeys").is_none(), "nobody in the cluster holds the key");
    assert!(platform.find("secret", "my-cluster-encryption-keys").await.is_none());

    credentials::are_not_the_operators(&parties).await;

    let taken_and_given = async {
        the_right_is_taken_back_and_given_again(data, page, &key_owner, &topic).await;
        version_2_comes_into_use(data, page, &key_owner, &mut topic).await;
    };
    tokio::join!(taken_and_given, credentials::are_replaced(&parties));

    audit::logs_tell_the_same(platform, bao).await;
    // The server's log does not tell this refusal from garbage, so it comes after that.
    old_version::is_taken_back_and_given_again(data, page, &key_owner, &topic).await;
    network::proxies_reach_keys_and_nothing_else(platform, bao).await;
    // What takes time in an outage is the proxies' patience, not the machine's work.
    tokio::join!(outage::is_waited_for(&parties, &topic), duties::in_kubernetes(&parties));
    tokio::join!(outage::is_over(&parties, &mut topic), duties::at_the_server(&parties, &key_owner));
    another_kind::changes_nothing(platform, &topic).await;
    assert_eq!(platform.fleet().await, fleet, "no proxy was started anew");
    page.destroy(bao, &key_owner).await;
}

async fn the_right_is_taken_back_and_given_again(
    data: &Stage,
    page: &Page,
    key_owner: &KeyOwner<'_>,
    topic: &Topic<'_>,
) {
    key_owner.types(&page.revoke).await;
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

    key_owner.types(&page.restore).await;
    let start = Instant::now();
    data.await_condition("tep", "payments", "KeysReady", |keys| keys.status == "True").await;
    assert!(start.elapsed() < MINUTE, "the status tells after {:?}", start.elapsed());
    topic.assert_intact().await;
}

/// The owner of the key rotates it, that of the data has it used at once; all that was written stays readable.
async fn version_2_comes_into_use(
    data: &Stage,
    page: &Page,
    key_owner: &KeyOwner<'_>,
    topic: &mut Topic<'_>,
) {
    key_owner.types(&page.rotate).await;
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
