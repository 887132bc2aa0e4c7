//! Clients cannot take more than the configuration allows.

use std::time::Duration;

use tests::raw_connection::Location;
use tests::{By, Cluster, Pattern, PolicyFile, Proxy, RawConnection, Rule, eventually_ok};
use tokio::time::timeout;

use super::{PATIENCE, connect, counts, create, encrypting, fill};

#[tokio::test(flavor = "multi_thread")]
async fn as_many_clients_as_allowed_are_served_and_no_more() {
    const LIMIT: usize = 4;
    let cluster = Cluster::shared().await;
    // More ports than connections are allowed.
    let builder = Proxy::builder(vec![cluster.bootstrap()], 6).policy(encrypting("matched."));
    let proxy = builder.limit("connections", LIMIT as u64).start().await;
    let mut served = Vec::new();
    for index in 0..LIMIT {
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
        let answer = timeout(Duration::from_secs(10), connection.api_versions()).await;
        assert!(answer.is_ok_and(|answer| answer.is_ok()), "client {index} of {LIMIT} is served");
        served.push(connection);
    }
    let mut surplus = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    let early = timeout(Duration::from_secs(1), surplus.api_versions()).await;
    assert!(!early.is_ok_and(|answer| answer.is_ok()), "one more is not served");
    counts(&proxy.metrics().await, "connections_open", &[], u32::try_from(LIMIT).unwrap());
    served.pop();
    let next = async || {
        let mut connection = RawConnection::connect(&proxy.bootstrap()).await?;
        let answer = timeout(Duration::from_millis(500), connection.api_versions()).await;
        answer.map_err(std::io::Error::from)?.map(drop)
    };
    drop(surplus);
    eventually_ok("a place that becomes free is given to the next", PATIENCE, next).await;
}

/// The budget, what the process needs anyway, and as much again for the work on what the budget holds.
#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_within_its_bound_where_batches_open_in_place() {
    const BUDGET: u64 = 32 << 20;
    const CLIENTS: usize = 32;
    let rule = Rule::encrypt([Pattern::prefix("memory.")], "operations").format("Batch");
    let builder = Proxy::before(Cluster::shared().await).policy(PolicyFile::new([rule]));
    let proxy = builder.limit("maxFrameBytes", 16 << 20).limit("bufferBytes", BUDGET).start().await;
    let idle = proxy.rss();
    let topic = create("memory.", &[]).await;
    fill(&proxy, &topic, 10, 1).await;
    let (_, at) = connect(&proxy, &topic).await;
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(fetch_all(at.clone()))).collect();
    for client in clients {
        assert!(client.await.unwrap() > 9_000_000, "all is delivered");
    }
    let (peak, bound) = (proxy.peak_rss(), idle + 2 * BUDGET);
    let mib = |bytes: u64| bytes >> 20;
    assert!(peak <= bound, "peak {} MiB, bound {} MiB, idle {} MiB", mib(peak), mib(bound), mib(idle));
}

/// Reads a partition in portions as large as the proxy lets pass, and returns the number of bytes.
async fn fetch_all(at: Location) -> usize {
    let mut connection = RawConnection::connect(&at.leader).await.unwrap();
    let batches = connection.fetch_all(&at, By::Name).await.unwrap();
    batches.iter().map(|batch| batch.bytes().len()).sum()
}
