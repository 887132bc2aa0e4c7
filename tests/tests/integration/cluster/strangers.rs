//! Clients that ask for no broker's name at a port where names tell brokers apart.

use std::path::Path;
use std::process::Command;

use tests::process::Process;
use tests::{Certificates, Client, Cluster, Proxy, Rig, Scratch, eventually};

use super::addresses::PATIENCE;
use super::policy;

const BOOTSTRAP: &str = "kafka.names.test";

/// Java's client of its own process: what it has to say is a warning, which clients of other tests leave out.
async fn java(bootstrap: &str, authority: &Path, log: &Path) -> Process {
    let mut command = Command::new(Rig::ready().await.part("JAVA_CLIENT"));
    command.env("RIG_LOG_LEVEL", "WARN").args(["admin", "describe-cluster", "--bootstrap", bootstrap]);
    for (name, value) in Client::Java.tls(authority, None) {
        command.arg("--property").arg(format!("{name}={value}"));
    }
    Process::start("java", command, log).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_for_no_name_says_that_its_handshake_ended_and_tries_again() {
    let certificates = Certificates::new();
    let server = certificates.server_named("proxy", &["*.names.test"]);
    let builder = Proxy::before(Cluster::shared().await).policy(policy()).tls(&server, None);
    let proxy = builder.names(BOOTSTRAP, "b-{id}.names.test").start().await;
    // Whoever connects to an address has no name to ask for.
    let address = proxy.bootstrap().replace(BOOTSTRAP, "127.0.0.1");
    let folder = Scratch::new("strangers");
    let java = java(&address, &certificates.authority(), &folder.join("java.log")).await;
    let told = async || java.log().matches("terminated during authentication").count() >= 2;
    eventually("the client says so, more than once", PATIENCE, told).await;
    let line = ["DEBUG", "handshake with the client failed", "it asked for a name that is no broker's"];
    let logged = async || proxy.log().lines().any(|each| line.iter().all(|words| each.contains(words)));
    eventually("the proxy's log says why", PATIENCE, logged).await;
}
