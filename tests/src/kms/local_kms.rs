//! local-kms: AWS KMS in Go. It knows disabled keys and keys that wait for their deletion.
//!
//! It listens on all interfaces, so it has a network namespace of its own (root is needed), which socat leads into.

use std::net::SocketAddr;
use std::ops::Deref;
use std::process::Command;

use super::aws_api::{AWS_REGION, AwsApi};
use crate::ports::Ports;
use crate::process::Process;
use crate::rig::Rig;
use crate::scratch::Scratch;

/// A server. Dropped, it ends.
#[derive(Debug)]
pub struct LocalKms {
    // Before the server, whose namespace it leads into.
    _way: Process,
    _process: Process,
    _folder: Scratch,
    ports: Ports,
    api: AwsApi,
}

impl LocalKms {
    /// Starts a server.
    pub async fn start() -> Self {
        let rig = Rig::ready().await;
        let (folder, ports) = (Scratch::new("local-kms"), Ports::take(1));
        let mut command = Command::new("unshare");
        command.args(["--net", "--", "sh", "-c", "ip link set lo up && exec \"$0\"", rig.part("LOCAL_KMS")]);
        command.env("PORT", "8080").env("KMS_REGION", AWS_REGION).env("KMS_DATA_PATH", folder.path());
        // There is none; another path than the default, which could be there.
        command.env("KMS_SEED_PATH", folder.join("seed.yaml"));
        let process =
            Process::start("local-kms", command, &folder.join("server.log")).expect("local-kms starts");
        let mut command = Command::new("socat");
        command.arg(format!("TCP4-LISTEN:{},bind=127.0.0.1,reuseaddr,fork", ports.port(0)));
        command.arg(format!("EXEC:nsenter -t {} -n socat STDIO TCP4\\:127.0.0.1\\:8080", process.id()));
        let way = Process::start("socat", command, &folder.join("socat.log")).expect("socat starts");
        let api = AwsApi::ready("local-kms", ([127, 0, 0, 1], ports.port(0)).into()).await;
        Self { _way: way, _process: process, _folder: folder, ports, api }
    }

    /// Where it is reached, without TLS.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports.port(0)).into()
    }
}

impl Deref for LocalKms {
    type Target = AwsApi;

    fn deref(&self) -> &AwsApi {
        &self.api
    }
}
