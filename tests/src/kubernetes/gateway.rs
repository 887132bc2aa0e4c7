//! A Gateway of the Gateway API: a stand-in, for none is in a package registry.

use std::process::{ChildStdin, ChildStdout};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use super::stage::Stage;
use crate::failure;
use crate::network;
use crate::process::Process;
use crate::rig::Rig;
use crate::scratch::Scratch;

const LIMIT: Duration = Duration::from_secs(30);
/// The Service by which clients reach it.
const EDGE: &str = "edge";

/// A Gateway that runs, until it is dropped.
#[derive(Debug)]
pub struct Gateway {
    _input: ChildStdin,
    process: Process,
    _folder: Scratch,
}

impl Stage {
    /// A verb of the stand-in for a controller of the Gateway API, which must succeed.
    pub async fn gateway_api(&self, verb: &str, words: &[&str]) {
        let namespace: &[&str] = if verb.ends_with("install") { &[] } else { &[self.namespace()] };
        let done = self.kubernetes().rig("GATEWAY_API_STAND_IN", &[&[verb], namespace, words].concat()).await;
        done.unwrap_or_else(|failed| panic!("{failed}"));
    }

    /// Starts the Gateway of this name, at port 443 of an address of its own, to which DNS leads these names of the namespace.
    pub async fn run_gateway(&self, gateway: &str, names: &[&str]) -> Gateway {
        let folder = Scratch::new("gateway");
        let log = folder.join("gateway.log");
        failure::show_when_a_test_fails(&log);
        let mut command = network::command(Rig::ready().await.part("GATEWAY_API_STAND_IN"));
        command.args(["run", self.namespace(), gateway]);
        let started = Process::start_piped("the gateway", command, &log).expect("the stand-in starts");
        let (process, input, output) = started;
        let (address, port) = listens(output).await;
        self.expose(&address, port).await;
        self.lead(names, EDGE).await;
        Gateway { _input: input, process, _folder: folder }
    }

    /// Its Service, for what is no pod.
    async fn expose(&self, address: &str, port: u16) {
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": EDGE},
            "spec": {"ports": [{"port": 443}]},
        });
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": EDGE, "labels": {"kubernetes.io/service-name": EDGE}},
            "addressType": "IPv4",
            "ports": [{"port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
        });
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [service, slice]});
        self.apply(&list.to_string()).await;
    }
}

impl Gateway {
    /// What it had to complain about.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

async fn listens(output: ChildStdout) -> (String, u16) {
    let output = tokio::process::ChildStdout::from_std(output).expect("its output is a pipe");
    let mut lines = BufReader::new(output).lines();
    let line = timeout(LIMIT, lines.next_line()).await.expect("the stand-in listens in time");
    let line = line.expect("a pipe of our own can be read").expect("the stand-in says where it listens");
    let (address, port) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
    (address.to_owned(), port.parse().unwrap_or_else(|error| panic!("{line}: {error}")))
}
