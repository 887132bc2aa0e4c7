//! `PyKMIP`: a KMIP server in Python, over mutual TLS.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::certificates::{Certificates, Identity};
use crate::eventually::eventually_ok;
use crate::ports::Ports;
use crate::process::Process;
use crate::rig::{Rig, blocking};
use crate::scratch::Scratch;

const START: Duration = Duration::from_mins(1);

/// A server. Dropped, it ends.
#[derive(Debug)]
pub struct PyKmip {
    _process: Process,
    folder: Scratch,
    ports: Ports,
    certificates: Certificates,
    server: Identity,
    owner: Identity,
    proxy: Identity,
    policies: Mutex<BTreeMap<String, Value>>,
}

impl PyKmip {
    /// Starts a server without keys.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one that ignores the additional data of authenticated encryption, as those before KMIP 1.4.
    pub async fn start_without_additional_data() -> Self {
        Self::start_with(&["without-additional-data"]).await
    }

    async fn start_with(options: &[&str]) -> Self {
        let rig = Rig::ready().await;
        let (folder, ports, certificates) = (Scratch::new("pykmip"), Ports::take(1), Certificates::new());
        let server = certificates.server("server", &[]);
        let (owner, proxy) = (certificates.client("owner", "owner"), certificates.client("proxy", "proxy"));
        fs::create_dir(folder.join("policies")).expect("the folder is ours");
        let config = folder.join("server.conf");
        let text = format!(
            "[server]\nhostname=127.0.0.1\nport={}\ncertificate_path={}\nkey_path={}\nca_path={}\nauth_suite=TLS1.2\n\
             policy_path={}\nenable_tls_client_auth=True\nlogging_level=INFO\ndatabase_path={}\n",
            ports.port(0),
            server.certificate.display(),
            server.key.display(),
            certificates.authority().display(),
            folder.join("policies").display(),
            folder.join("keys.db").display(),
        );
        fs::write(&config, text).expect("the folder is ours");
        let mut command = Command::new(rig.part("PYKMIP"));
        command
            .args(["-W", "ignore"])
            .arg(rig.part("PYKMIP_SCRIPT"))
            .arg("server")
            .arg(&config)
            .args(options);
        // Its log goes where it is started.
        command.current_dir(folder.path());
        let process = Process::start("pykmip", command, &folder.join("output")).expect("PyKMIP starts");
        let started = Self {
            _process: process,
            folder,
            ports,
            certificates,
            server,
            owner,
            proxy,
            policies: Mutex::default(),
        };
        eventually_ok("PyKMIP listens", START, async || TcpStream::connect(started.address()).await).await;
        started
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports.port(0)).into()
    }

    /// What it shows.
    pub fn identity(&self) -> &Identity {
        &self.server
    }

    /// Whom the server's and the clients' certificates are from.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The client that owns no keys, and may use those that it is let use.
    pub fn proxy(&self) -> &Identity {
        &self.proxy
    }

    /// The client that makes keys.
    pub fn owner(&self) -> &Identity {
        &self.owner
    }

    /// What the server logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("output")).unwrap_or_default()
    }

    /// Makes an active AES-256 key of this name, which a policy of the same name is for. Its unique identifier.
    pub async fn make_key(&self, name: &str) -> String {
        self.allow(name, true);
        self.own(&["make", name, name]).await
    }

    /// Gives a key another name.
    pub async fn rename(&self, id: &str, name: &str) {
        self.own(&["rename", id, name]).await;
    }

    /// Ends a key's use, for ever.
    pub async fn deactivate(&self, id: &str) {
        self.own(&["deactivate", id]).await;
    }

    /// Says that others may know a key.
    pub async fn compromise(&self, id: &str) {
        self.own(&["compromise", id]).await;
    }

    /// Destroys a key.
    pub async fn destroy(&self, id: &str) {
        self.own(&["destroy", id]).await;
    }

    /// Lets others than the owner use the keys of this policy, or not any more. The server notices within two seconds.
    pub fn allow(&self, policy: &str, yes: bool) {
        let to = if yes { "ALLOW_ALL" } else { "ALLOW_OWNER" };
        let operations = json!({
            "LOCATE": to, "GET": to, "GET_ATTRIBUTES": to,
            "CREATE": "ALLOW_OWNER", "ACTIVATE": "ALLOW_OWNER", "REVOKE": "ALLOW_OWNER", "DESTROY": "ALLOW_OWNER",
            "MODIFY_ATTRIBUTE": "ALLOW_OWNER",
        });
        let mut policies = self.policies.lock().expect("no test panics with it");
        policies.insert(policy.to_owned(), json!({"preset": {"SYMMETRIC_KEY": operations}}));
        // At once, or the server could read half of it.
        let new = self.folder.join("policies.new");
        fs::write(&new, json!(*policies).to_string()).expect("the folder is ours");
        fs::rename(&new, self.folder.join("policies/policies.json")).expect("the folder is ours");
    }

    /// Makes it take no calls, or take them again.
    pub fn throttle(&self, yes: bool) {
        let sign = self.folder.join("throttled");
        if yes { fs::write(sign, "") } else { fs::remove_file(sign) }.expect("the folder is ours");
    }

    async fn own(&self, words: &[&str]) -> String {
        let rig = Rig::shared();
        let mut command = Command::new(rig.part("PYKMIP"));
        command
            .args(["-W", "ignore"])
            .arg(rig.part("PYKMIP_SCRIPT"))
            .arg("owner")
            .arg(self.ports.port(0).to_string());
        let files: [PathBuf; 3] =
            [self.certificates.authority(), self.owner.certificate.clone(), self.owner.key.clone()];
        command.args(files).args(words).current_dir(self.folder.path());
        let output = blocking(move || command.output()).await.expect("Python runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}\n{}", self.log());
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}
