//! Behind a load balancer that says whose a connection is.

mod haproxy;

use std::net::{IpAddr, Ipv6Addr};

use tests::{Cluster, Proxy, RawConnection, eventually, eventually_ok};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{PATIENCE, encrypting};

const CLIENT: [u8; 4] = [192, 0, 2, 7];

async fn closed(proxy: &Proxy, reason: &str) -> f64 {
    proxy.metrics().await.sum("topic_encryption_connections_closed_total", &[("reason", reason)])
}

async fn connect(proxy: &Proxy, client: impl Into<IpAddr>) -> std::io::Result<RawConnection> {
    let mut connection = RawConnection::connect_for(&proxy.bootstrap(), client).await?;
    connection.api_versions().await.map(|_| connection)
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_a_connection_is_stands_in_the_log_and_nobody_comes_past_the_balancer() {
    let builder = Proxy::before(Cluster::shared().await).policy(encrypting("balanced."));
    let proxy = builder.listener("proxyProtocol", true).start().await;
    connect(&proxy, CLIENT).await.unwrap();
    // The name is only in what is said of the connection.
    let mut connection = RawConnection::connect_for(&proxy.bootstrap(), CLIENT).await.unwrap();
    connection.send_bytes(b"\xff\xff\xff\xff").await.unwrap();
    let logged = async || proxy.log().contains("client.addr=192.0.2.7:4660");
    eventually("the log has the client's address", PATIENCE, logged).await;

    let mut past = RawConnection::connect(&proxy.bootstrap()).await.unwrap();
    past.api_versions().await.unwrap_err();
    eventually("it is counted", PATIENCE, async || closed(&proxy, "origin").await >= 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_has_more_than_its_share_of_connections() {
    let builder = Proxy::before(Cluster::shared().await).policy(encrypting("shared."));
    let builder = builder.listener("proxyProtocol", true).limit("connectionsPerAddress", 2);
    let proxy = builder.start().await;
    let (first, _second) = (connect(&proxy, CLIENT).await.unwrap(), connect(&proxy, CLIENT).await.unwrap());
    assert!(connect(&proxy, CLIENT).await.is_err(), "a third connection of one address");
    assert!(closed(&proxy, "address_limit").await >= 1.0);
    connect(&proxy, [192, 0, 2, 8]).await.expect("another address has a share of its own");
    drop(first);
    let again = async || connect(&proxy, CLIENT).await.map(drop);
    eventually_ok("a connection that ended makes room", PATIENCE, again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_by_ipv6_stands_in_the_log_and_has_a_share_of_its_own() {
    let client = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);
    let builder = Proxy::before(Cluster::shared().await).policy(encrypting("sixth."));
    let builder = builder.listener("proxyProtocol", true).limit("connectionsPerAddress", 1);
    let proxy = builder.start().await;
    let _first = connect(&proxy, client).await.unwrap();
    assert!(connect(&proxy, client).await.is_err(), "a second connection of one address");
    let logged = async || proxy.log().contains("client.addr=[2001:db8::7]:4660");
    eventually("the log has the client's address", PATIENCE, logged).await;
    connect(&proxy, CLIENT).await.expect("another address has a share of its own");
}

/// As probes open one that know no header.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_on_which_nothing_is_said_is_closed_as_one_without_an_origin() {
    let builder = Proxy::before(Cluster::shared().await).policy(encrypting("balanced."));
    let proxy = builder.listener("proxyProtocol", true).start().await;
    let mut silent = TcpStream::connect(proxy.bootstrap()).await.unwrap();
    let address = silent.local_addr().unwrap();
    let mut said = Vec::new();
    let ended = timeout(PATIENCE, silent.read_to_end(&mut said)).await.expect("it is closed");
    assert!(ended.is_err() || said.is_empty(), "{said:?}");
    eventually("it is counted", PATIENCE, async || closed(&proxy, "origin").await >= 1.0).await;
    let named = format!("client.addr={address}");
    let told = |line: &str| line.contains("connection refused") && line.contains(&named);
    eventually("it is logged", PATIENCE, async || proxy.log().lines().any(told)).await;
}
