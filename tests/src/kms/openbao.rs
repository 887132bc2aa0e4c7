//! A real OpenBao server: TLS, an audit log, storage in memory.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Certificate, Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::certificates::{Certificates, Identity};
use crate::eventually::eventually_ok;
use crate::ports::Ports;
use crate::process::Process;
use crate::rig::Rig;
use crate::scratch::Scratch;

const START: Duration = Duration::from_mins(1);

/// To whom a server speaks.
#[derive(Clone, Copy)]
enum Clients {
    Any,
    Known,
}

/// A server, initialised and unsealed. Dropped, it ends.
#[derive(Debug)]
pub struct OpenBao {
    process: Mutex<Process>,
    folder: Scratch,
    certificates: Certificates,
    identity: Identity,
    ports: Ports,
    client: Client,
    root: String,
}

impl OpenBao {
    /// Starts a server with a Transit secrets engine at `transit`.
    pub async fn start() -> Self {
        Self::start_for(Clients::Any).await
    }

    /// Starts one that speaks to nobody without a certificate of its own authority.
    pub async fn start_for_known_clients() -> Self {
        Self::start_for(Clients::Known).await
    }

    async fn start_for(clients: Clients) -> Self {
        let rig = Rig::ready().await;
        let (folder, certificates, ports) = (Scratch::new("openbao"), Certificates::new(), Ports::take(2));
        let identity = certificates.server("openbao", &[]);
        let config = folder.join("server.hcl");
        let asked = match clients {
            Clients::Any => String::new(),
            Clients::Known => format!(
                "  tls_require_and_verify_client_cert = true\n  tls_client_ca_file = \"{}\"\n",
                certificates.authority().display()
            ),
        };
        fs::write(&config, server(&ports, &identity, &folder, &asked)).expect("the folder is ours");
        let mut command = Command::new(rig.part("OPENBAO"));
        command.arg("server").arg("-config").arg(&config);
        let process = Process::start("openbao", command, &folder.join("server.log")).expect("OpenBao starts");
        let trusted = fs::read(certificates.authority()).expect("the authority is there");
        let trusted = Certificate::from_pem(&trusted).expect("it is PEM");
        let owner = reqwest::Identity::from_pem(certificates.client("owner", "owner").text().as_bytes());
        let owner = owner.expect("it is PEM");
        let client = Client::builder().tls_certs_only([trusted]).identity(owner).no_proxy().build();
        let client = client.expect("a client can be made");
        let process = Mutex::new(process);
        let mut server = Self { process, folder, certificates, identity, ports, client, root: String::new() };
        server.initialise().await;
        server.call(Method::POST, "sys/mounts/transit", json!({"type": "transit"})).await;
        server
    }

    async fn initialise(&mut self) {
        let init = async || {
            let answer =
                self.ask(Method::PUT, "sys/init", json!({"secret_shares": 1, "secret_threshold": 1})).await?;
            if answer.0 == StatusCode::OK { Ok(answer.1) } else { Err(format!("{answer:?}")) }
        };
        let init = eventually_ok("OpenBao is initialised", START, init).await;
        init["root_token"].as_str().expect("there is a root token").clone_into(&mut self.root);
        self.call(Method::PUT, "sys/unseal", json!({"key": init["keys"][0]})).await;
        let active = async || {
            let (status, _) = self.ask(Method::GET, "sys/health", Value::Null).await?;
            if status == StatusCode::OK { Ok(()) } else { Err(status.to_string()) }
        };
        eventually_ok("OpenBao is active", START, active).await;
    }

    /// A call with all rights, which must succeed.
    pub async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, body).await.expect("OpenBao answers");
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Result<(StatusCode, Value), String> {
        let url = format!("https://localhost:{}/v1/{path}", self.address().port());
        let mut request = self.client.request(method, url).header("X-Vault-Token", &self.root);
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(|error| error.to_string())?;
        let status = response.status();
        let text = response.text().await.map_err(|error| error.to_string())?;
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Makes a key that data keys are wrapped with.
    pub async fn make_key(&self, name: &str) {
        self.call(Method::POST, &format!("transit/keys/{name}"), json!({"type": "aes256-gcm96"})).await;
    }

    /// Makes a key that is derived anew for every context.
    pub async fn make_derived_key(&self, name: &str) {
        let body = json!({"type": "aes256-gcm96", "derived": true});
        self.call(Method::POST, &format!("transit/keys/{name}"), body).await;
    }

    /// Makes a new version of a key.
    pub async fn rotate(&self, name: &str) {
        self.call(Method::POST, &format!("transit/keys/{name}/rotate"), json!({})).await;
    }

    /// Changes a key's settings.
    pub async fn configure(&self, name: &str, settings: Value) {
        self.call(Method::POST, &format!("transit/keys/{name}/config"), settings).await;
    }

    /// Deletes a key for ever.
    pub async fn delete(&self, name: &str) {
        self.configure(name, json!({"deletion_allowed": true})).await;
        self.call(Method::DELETE, &format!("transit/keys/{name}"), Value::Null).await;
    }

    /// Writes the policy `name`, which lets its tokens make and unwrap data keys under these keys.
    pub async fn allow(&self, name: &str, keys: &[&str]) {
        self.allow_operations(name, keys, &["datakey/plaintext", "decrypt"]).await;
    }

    /// Writes the policy `name`, which lets its tokens do these things with these keys.
    pub async fn allow_operations(&self, name: &str, keys: &[&str], operations: &[&str]) {
        let rule = |path: &str, key: &&str| {
            format!("path \"transit/{path}/{key}\" {{ capabilities = [\"update\"] }}\n")
        };
        let rules = keys.iter().flat_map(|key| operations.iter().map(move |path| rule(path, key)));
        let policy: String = rules.collect();
        self.call(Method::PUT, &format!("sys/policies/acl/{name}"), json!({"policy": policy})).await;
    }

    /// A token with a policy, that lives so long.
    pub async fn token(&self, policy: &str, life: Duration) -> String {
        let body = json!({"policies": [policy], "ttl": format!("{}s", life.as_secs()), "renewable": true});
        let answer = self.call(Method::POST, "auth/token/create", body).await;
        answer["auth"]["client_token"].as_str().expect("there is a token").to_owned()
    }

    /// Ends a token.
    pub async fn revoke(&self, token: &str) {
        self.call(Method::POST, "auth/token/revoke", json!({"token": token})).await;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports.port(0)).into()
    }

    /// Who signed its certificate.
    pub fn authority(&self) -> PathBuf {
        self.certificates.authority()
    }

    /// A certificate that it knows clients by.
    pub fn client(&self, name: &str) -> Identity {
        self.certificates.client(name, name)
    }

    /// Its certificate, which is for `localhost`.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The requests of its audit log, oldest first. Secrets in them are digests.
    pub fn audit(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.folder.join("audit.log")).expect("there is an audit log");
        let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
        entries.filter(|entry| entry["type"] == "response").collect()
    }

    /// Stops it where it is: it accepts connections and answers nobody.
    pub fn pause(&self) {
        self.process.lock().unwrap().pause();
    }

    /// Lets it go on.
    pub fn unpause(&self) {
        self.process.lock().unwrap().unpause();
    }
}

fn server(ports: &Ports, identity: &Identity, folder: &Scratch, clients: &str) -> String {
    let (port, cluster) = (ports.port(0), ports.port(1));
    format!(
        "storage \"inmem\" {{}}\n\
         listener \"tcp\" {{\n  address = \"127.0.0.1:{port}\"\n  cluster_address = \"127.0.0.1:{cluster}\"\n  \
         tls_cert_file = \"{}\"\n  tls_key_file = \"{}\"\n{clients}}}\n\
         api_addr = \"https://localhost:{port}\"\ncluster_addr = \"https://127.0.0.1:{cluster}\"\n\
         audit \"file\" \"to-file\" {{\n  options = {{ file_path = \"{}\" }}\n}}\n",
        identity.certificate.display(),
        identity.key.display(),
        folder.join("audit.log").display(),
    )
}
