//! The share of the connections that each address has, with no balancer before the proxy.

use std::io;

use tests::{Cluster, Proxy, RawConnection, eventually_ok};

use super::{PATIENCE, counts, encrypting};

const ONE: [u8; 4] = [127, 0, 0, 1];
const OTHER: [u8; 4] = [127, 0, 0, 2];

/// A connection from this address that is served.
async fn connect(proxy: &Proxy, own: [u8; 4]) -> io::Result<RawConnection> {
    let mut connection = RawConnection::connect_from(own, &proxy.bootstrap()).await?;
    connection.api_versions().await.map(|_| connection)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_that_connects_by_itself_has_more_than_its_share() {
    let builder = Proxy::before(Cluster::shared().await).policy(encrypting("shares."));
    let proxy = builder.limit("connectionsPerAddress", 2).start().await;
    let (first, _second) = (connect(&proxy, ONE).await.unwrap(), connect(&proxy, ONE).await.unwrap());
    assert!(connect(&proxy, ONE).await.is_err(), "a third connection of one address");
    counts(&proxy.metrics().await, "connections_closed_total", &[("reason", "address_limit")], 1);
    connect(&proxy, OTHER).await.expect("another address has a share of its own");
    drop(first);
    let again = async || connect(&proxy, ONE).await.map(drop);
    eventually_ok("a connection that ended makes room", PATIENCE, again).await;
}
