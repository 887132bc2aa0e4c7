//! HAProxy before a listener with TLS. It has the proxy's ports at another address of the loopback interface, since clients are
//! sent to the ports that the proxy has.

use std::process::Command;

use tests::process::Process;
use tests::{
    Certificates, Client, Cluster, ConsumeOptions, ProduceOptions, Proxy, RawConnection, Rig, Scratch,
    Segments, SentRecord, assert_same, canary, eventually, eventually_ok,
};
use tokio::net::TcpStream;

use crate::operations::{PATIENCE, create, encrypting};

/// Where clients find it, where it comes from as the proxy sees it, and where a client comes from.
const EDGE: &str = "127.0.0.2";
const INSIDE: &str = "127.0.0.3";
const CLIENT: [u8; 4] = [127, 0, 0, 4];

struct Balanced {
    certificates: Certificates,
    proxy: Proxy,
    _haproxy: Process,
    _folder: Scratch,
}

impl Balanced {
    async fn start() -> Self {
        let certificates = Certificates::new();
        let builder = Proxy::before(Cluster::shared().await).policy(encrypting("haproxy."));
        let builder = builder.tls(&certificates.server("proxy", &[EDGE]), None);
        let proxy = builder.listener("advertisedHost", EDGE).listener("proxyProtocol", true).start().await;
        let folder = Scratch::new("haproxy");
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, config(&[proxy.bootstrap(), proxy.broker_address(0)])).unwrap();
        let mut command = Command::new(Rig::shared().part("HAPROXY"));
        command.arg("-db").arg("-f").arg(&file);
        let haproxy = Process::start("haproxy", command, &folder.join("haproxy.log")).unwrap();
        let balanced = Self { certificates, proxy, _haproxy: haproxy, _folder: folder };
        let listens = async || TcpStream::connect(balanced.bootstrap()).await;
        eventually_ok("HAProxy accepts connections", PATIENCE, listens).await;
        balanced
    }

    /// At the balancer.
    fn bootstrap(&self) -> String {
        at_edge(&self.proxy.bootstrap())
    }
}

fn at_edge(address: &str) -> String {
    format!("{EDGE}:{}", port(address))
}

fn port(address: &str) -> &str {
    address.rsplit_once(':').unwrap().1
}

/// Each port is passed on by itself.
fn config(addresses: &[String]) -> String {
    let common = "global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  \
                  timeout server 1m\n";
    let listen = |address: &String| {
        let (bind, port) = (at_edge(address), port(address));
        format!(
            "listen port-{port}\n  bind {bind}\n  server proxy 127.0.0.1:{port} send-proxy-v2 source {INSIDE}\n"
        )
    };
    addresses.iter().map(listen).fold(common.to_owned(), |config, section| config + &section)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_behind_haproxy_writes_and_reads_what_is_encrypted() {
    let balanced = Balanced::start().await;
    let topic = create("haproxy.served", &[]).await;
    let needle = canary("haproxy");
    let sent = [SentRecord::of(needle.clone()).key("key").partition(0)];
    let tls = Client::Java.tls(&balanced.certificates.authority(), None);
    let to = ProduceOptions::to(balanced.bootstrap(), &topic).properties(&tls);
    Client::Java.produce_all(&to, &sent).await;
    let from = ConsumeOptions::from(balanced.bootstrap(), &topic).properties(&tls);
    assert_same("behind HAProxy", &sent, &Client::Java.consume_all(&from).await);
    let search = Segments::of(Cluster::shared().await.topic_dirs(&topic)).search(&[needle]).await;
    assert!(!search.found(0) && search.records > 0, "{search:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_the_client_and_never_haproxy() {
    let balanced = Balanced::start().await;
    let mut client = RawConnection::connect_from(CLIENT, &balanced.bootstrap()).await.unwrap();
    // A handshake that fails has a line in the log.
    client.send_bytes(b"this is no handshake").await.unwrap();
    let logged = async || balanced.proxy.log().contains("client.addr=127.0.0.4:");
    eventually("the log has the client's address", PATIENCE, logged).await;
    assert!(!balanced.proxy.log().contains(&format!("client.addr={INSIDE}")), "that is HAProxy's");
}
