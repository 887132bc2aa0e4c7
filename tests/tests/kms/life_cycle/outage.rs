//! The server does not answer.

mod share_groups;

use std::time::{Duration, Instant};

use serde_json::json;
use tests::kms::Fault;
use tests::{By, Cluster, Pattern, Proxy, RawConnection, Rule, eventually, eventually_ok};
use tokio::task::JoinSet;

use super::{Owner, PATIENCE, batch, create, policy};

#[tokio::test(flavor = "multi_thread")]
async fn keys_serve_through_an_outage_and_it_ends_without_a_restart() {
    const GRACE: Duration = Duration::from_secs(40);
    let owner = Owner::new().await;
    let times = json!({"revocationDelay": "30s", "outageGrace": "40s"});
    let proxy = owner.proxy("outage", times).await;
    let topic = create("outage.a").await;
    // The data key comes after this, and so does each time that it was seen to be good.
    let before = Instant::now();
    proxy.write_batch(&topic, &batch()).await.unwrap();
    owner.faults.set(Fault::Refused).await;
    proxy.wait_for_key_state("a", "Unavailable").await;
    proxy.write_batch(&topic, &batch()).await.unwrap();
    assert_eq!(proxy.read_batches(&topic, 0).await.unwrap().len(), 2);
    assert_eq!(proxy.get("/readyz").await.unwrap().status, 200, "a proxy that was ready stays so");

    let mut served = Duration::ZERO;
    let ends = async || {
        let write = proxy.write_batch(&topic, &batch()).await.err();
        let read = proxy.read_batches(&topic, 0).await.err();
        let age = before.elapsed();
        assert!(age >= GRACE || (&write, &read) == (&None, &None), "{write:?} {read:?} after {age:?}");
        match (write, read) {
            (Some(write), Some(read)) => Ok((write, read)),
            (_, None) => {
                served = age;
                Err("it serves")
            }
            (_, Some(_)) => Err("it takes writes"),
        }
    };
    let (write, read) = eventually_ok("the grace ends", 2 * PATIENCE, ends).await;
    assert_eq!(write, "NOT_ENOUGH_REPLICAS");
    assert_eq!(read, "KAFKA_STORAGE_ERROR");
    println!("outageGrace {GRACE:?}: the last read was served {served:.1?} after the data key was made");

    owner.faults.set(Fault::None).await;
    let works = async || {
        proxy.write_batch(&topic, &batch()).await.is_ok() && proxy.read_batches(&topic, 0).await.is_ok()
    };
    eventually("it serves again", PATIENCE, works).await;
}

/// Conformance: P17-20.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_starts_in_an_outage_is_not_ready_says_why_and_recovers() {
    let owner = Owner::new().await;
    owner.faults.set(Fault::Silent).await;
    let proxy = owner.launch("start", json!({})).await;
    let told = async || {
        let answer = proxy.get("/readyz").await.map_err(|error| error.to_string())?;
        let says =
            answer.body.contains("key a of provider default") && answer.body.contains("no answer within");
        if answer.status == 503 && says { Ok(()) } else { Err(answer.body) }
    };
    eventually_ok("it says what it waits for", PATIENCE, told).await;
    owner.faults.set(Fault::None).await;
    proxy.wait_ready().await;
    let topic = create("start.a").await;
    proxy.write_batch(&topic, &batch()).await.unwrap();
}

/// TE-B13: whoever waits for a key keeps nobody else waiting, even where one thread serves them all.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_hangs_holds_up_nobody_who_needs_none() {
    const ROUND_TRIPS: usize = 20;
    let owner = Owner::new().await;
    owner.server.make_key("c").await;
    owner.allow(&["a", "b", "c"]).await;
    let builder = Proxy::before(Cluster::shared().await).policy(policy("hang"));
    let builder = builder.config("keyProviders", owner.key_providers());
    let proxy = builder.variable("TOKIO_WORKER_THREADS", "1").start().await;
    let [waiting, of_a, clear] = [create("hang.c").await, create("hang.a").await, create("clear.hang").await];
    proxy.write_batch(&of_a, &batch()).await.unwrap();

    owner.faults.set(Fault::Silent).await;
    let rule = Rule::encrypt([Pattern::prefix("hang.c")], "c");
    proxy.apply_policy(&policy("hang").rule(rule)).await;
    let mut writers = JoinSet::new();
    for _ in 0..8 {
        let (mut connection, at) = RawConnection::to_leader(&proxy.bootstrap(), &waiting, 0).await.unwrap();
        writers.spawn(async move {
            loop {
                match connection.produce(&at, By::Id, batch()).await.unwrap().error {
                    None => break,
                    Some(error) => assert_eq!(error, "NOT_ENOUGH_REPLICAS"),
                }
            }
        });
    }
    // All of them while one and the same call hangs, which was not given up and made again meanwhile.
    let undisturbed = async || {
        let (calls, hanging) = (owner.faults.connections(), owner.faults.waiting());
        for _ in 0..ROUND_TRIPS {
            for topic in [&of_a, &clear] {
                proxy.write_batch(topic, &batch()).await.unwrap();
                proxy.read_batches(topic, 0).await.unwrap();
            }
        }
        (owner.faults.connections(), owner.faults.waiting()) == (calls, hanging) && hanging > 0
    };
    eventually("others are served while a call hangs", 2 * PATIENCE, undisturbed).await;
    assert!(writers.try_join_next().is_none(), "a batch was stored though its key was not to be had");
    owner.faults.set(Fault::None).await;
    let served = tokio::time::timeout(2 * PATIENCE, writers.join_all()).await;
    assert!(served.is_ok(), "those who waited are not served");
}

/// As many keys as make the proxy leave the server alone for a moment.
#[tokio::test(flavor = "multi_thread")]
async fn many_keys_of_a_server_that_comes_back_are_noticed_soon_by_a_proxy_that_was_ready() {
    const KEYS: usize = 12;
    let owner = Owner::new().await;
    let policy = owner.many_keys(KEYS).await;
    let builder = Proxy::before(Cluster::shared().await).policy(policy);
    let proxy = builder.config("keyProviders", owner.key_providers()).start().await;
    let all = async |state: &str| {
        let keys = proxy.keys().await;
        keys.len() == KEYS && keys.iter().all(|key| key["state"] == state)
    };
    owner.faults.set(Fault::Refused).await;
    eventually("all keys are out of reach", PATIENCE, async || all("Unavailable").await).await;
    owner.faults.set(Fault::None).await;
    // Less than between two looks at keys that are well.
    eventually("all keys are there again", Duration::from_secs(18), async || all("Ready").await).await;
}
