//! moto: AWS's APIs in Python. It binds data keys to their context, but knows no disabled keys.

use std::net::SocketAddr;
use std::ops::Deref;
use std::process::Command;

use super::aws_api::AwsApi;
use crate::ports::Ports;
use crate::process::Process;
use crate::rig::Rig;
use crate::scratch::Scratch;

/// A server. Dropped, it ends.
#[derive(Debug)]
pub struct Moto {
    _process: Process,
    _folder: Scratch,
    ports: Ports,
    api: AwsApi,
}

impl Moto {
    /// Starts a server.
    pub async fn start() -> Self {
        let rig = Rig::ready().await;
        let (folder, ports) = (Scratch::new("moto"), Ports::take(1));
        let mut command = Command::new(rig.part("MOTO"));
        command.args(["--host", "127.0.0.1", "--port", &ports.port(0).to_string()]);
        let process = Process::start("moto", command, &folder.join("server.log")).expect("moto starts");
        let api = AwsApi::ready("moto", ([127, 0, 0, 1], ports.port(0)).into()).await;
        Self { _process: process, _folder: folder, ports, api }
    }

    /// Where it listens, without TLS.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports.port(0)).into()
    }

    /// From now on it checks signatures and the policies of users; or not any more.
    pub async fn authenticate(&self, yes: bool) {
        self.about("moto-api/reset-auth", if yes { "0" } else { "inf" }).await;
    }
}

impl Deref for Moto {
    type Target = AwsApi;

    fn deref(&self) -> &AwsApi {
        &self.api
    }
}
