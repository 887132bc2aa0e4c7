//! A rule says that topics are only read: without anything that the proxy remembers of them.

use tests::payload::random_bytes;
use tests::{By, Cluster, Pattern, PolicyFile, Proxy, Rule, eventually};

use super::{Once, PATIENCE, connect, encrypting, read, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_rule_refuses_writes_and_reads_decrypt() {
    let once = Once::encrypted("retires").await;
    once.is_retired_by(PolicyFile::new([Rule::retired([Pattern::prefix("retires.")])])).await;
    once.proxy.apply_policy(&encrypting(Pattern::prefix("retires."))).await;
    write(&once.proxy, &once.topic, &once.batch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_remembers_nothing_refuses_writes_by_a_retired_rule_and_keeps_to_it() {
    let once = Once::encrypted("foreign").await;
    let retired = PolicyFile::new([Rule::retired([Pattern::prefix("foreign.")])]);
    let other = Proxy::before(Cluster::shared().await).policy(retired).start().await;
    let key = random_bytes(32);
    for proxy in [&once.proxy, &other] {
        proxy.write_key_bytes("reload", 2, &key);
        let loads = async || {
            let metrics = proxy.metrics().await;
            metrics.sum("topic_encryption_key_reloads_total", &[("outcome", "loaded")]) >= 1.0
        };
        eventually("the common key is loaded", PATIENCE, loads).await;
    }
    // A new process has no data key under the earlier version, which the other proxy lacks.
    once.proxy.restart().await;
    write(&once.proxy, &once.topic, &once.batch).await.unwrap();
    for restarted in [false, true] {
        let answer = write(&other, &once.topic, &once.batch).await;
        assert_eq!(answer.unwrap_err(), "POLICY_VIOLATION");
        let (mut connection, at) = connect(&other, &once.topic).await.unwrap();
        let fetched = connection.fetch(&at, By::Id, 2).await.unwrap();
        assert_eq!(fetched.error, None, "restarted: {restarted}");
        assert_eq!(fetched.batches()[0].as_sent(), once.batch.as_sent());
        assert_eq!(other.policy().await["retired"][0]["prefix"], "foreign.");
        if !restarted {
            other.apply_policy(&PolicyFile::new([])).await;
            other.restart().await;
        }
    }
    // The proxy that wrote reads all.
    assert_eq!(read(&once.proxy, &once.topic).await.unwrap().len(), 2);
}
