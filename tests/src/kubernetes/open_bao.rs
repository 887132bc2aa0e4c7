//! A real OpenBao server in the cluster, in a namespace of its own.

mod key_owner;

use std::path::PathBuf;

use serde_json::{Value, json};

pub use key_owner::KeyOwner;

use super::command::Failed;
use super::node::Kubernetes;
use super::stage::Stage;
use super::token_key;
use crate::certificates::Certificates;
use crate::rig::Rig;

const NAMESPACE: &str = "openbao";
const HOST: &str = "openbao.openbao.svc";
const PORT: u16 = 8200;
/// The token of who administers the server.
const ROOT: &str = "root";

/// The server, as whoever administers it sees it. It goes with the next one.
#[derive(Debug)]
pub struct OpenBao {
    kubernetes: &'static Kubernetes,
    /// Where people type commands: `ca.crt` and `cluster.pem` are there.
    folder: PathBuf,
    /// Where the program `bao` is.
    programs: PathBuf,
    address: String,
}

impl Stage {
    /// Starts a server.
    pub async fn open_bao(&self) -> OpenBao {
        let rig = Rig::ready().await;
        let image = self.kubernetes().rig("KUBERNETES_CLUSTER", &["load", rig.part("OPENBAO_IMAGE")]).await;
        image.unwrap_or_else(|failed| panic!("{failed}"));
        let certificates = Certificates::new();
        let folder = self.kubernetes().folder().join(NAMESPACE);
        std::fs::create_dir_all(&folder).expect("the folder is our own");
        let put = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("it is our own");
        put("ca.crt", &std::fs::read_to_string(certificates.authority()).expect("it was just written"));
        put("cluster.pem", &token_key::pem(self.kubernetes()).await);
        let programs = PathBuf::from(rig.part("OPENBAO"));
        let programs = programs.parent().expect("a program is in a folder").to_owned();
        let mut bao = OpenBao { kubernetes: self.kubernetes(), folder, programs, address: String::new() };
        bao.run(&["delete", "namespace", NAMESPACE, "--ignore-not-found"]).await;
        bao.run(&["create", "namespace", NAMESPACE]).await;
        let identity = certificates.server("openbao", &[HOST]);
        let (chain, key) = (identity.certificate.display(), identity.key.display());
        let files = [format!("--cert={chain}"), format!("--key={key}")];
        bao.run(&["create", "secret", "tls", "openbao-tls", &files[0], &files[1], "-n", NAMESPACE]).await;
        bao.run(&["apply", "-n", NAMESPACE, "-f", rig.part("OPENBAO_MANIFEST")]).await;
        bao.run(&["wait", "pod/openbao", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=90s"]).await;
        let address = ["get", "service", "openbao", "-n", NAMESPACE, "-o", "jsonpath={.spec.clusterIP}"];
        bao.address = bao.run(&address).await;
        bao
    }
}

impl OpenBao {
    /// Types commands, with all rights, which must succeed.
    pub async fn typed(&self, commands: &str) -> String {
        self.typed_by(ROOT, commands).await.unwrap_or_else(|failed| panic!("{failed}"))
    }

    /// The token of who administers it.
    pub fn root(&self) -> &'static str {
        ROOT
    }

    /// The same as `typed` for whoever has this token.
    async fn typed_by(&self, token: &str, commands: &str) -> Result<String, Failed> {
        let (folder, programs) = (self.folder.display(), self.programs.display());
        let script = format!("cd '{folder}'\nPATH='{programs}':$PATH\n{commands}");
        let address = format!("BAO_ADDR=https://{HOST}:{PORT}");
        let token = format!("BAO_TOKEN={token}");
        let environment = ["env", "NO_PROXY=*", "no_proxy=*", "BAO_CACERT=ca.crt", &address, &token];
        let words = [&environment[..], &["bash", "-euo", "pipefail", "-c", &script]].concat();
        self.kubernetes.exec(&words, None).await
    }

    /// The server's pod.
    pub async fn pod(&self) -> Value {
        let text = self.run(&["get", "pod", "openbao", "-n", NAMESPACE, "-o", "json"]).await;
        serde_json::from_str(&text).expect("kubectl writes JSON")
    }

    /// Its namespace.
    pub async fn namespace(&self) -> Value {
        let text = self.run(&["get", "namespace", NAMESPACE, "-o", "json"]).await;
        serde_json::from_str(&text).expect("kubectl writes JSON")
    }

    /// What the server answers to a login by this token of a `ServiceAccount`, in the role of the proxies, by a method.
    pub async fn log_in(&self, method: &str, token: &str) -> Value {
        let body = json!({"role": "topic-encryption", "jwt": token});
        self.post(&format!("auth/{method}/login"), &body, "").await
    }

    /// Whether the server denies whoever has this token to write to this path.
    pub async fn denies(&self, token: &str, path: &str) -> bool {
        let answer = self.post(path, &json!({}), token).await;
        answer["errors"].to_string().contains("permission denied")
    }

    /// What the server did for the proxies with keys, or refused: the lines of its audit log, oldest first.
    pub async fn audit(&self) -> Vec<Value> {
        let log = self.run(&["logs", "-n", NAMESPACE, "openbao"]).await;
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of_keys = |entry: &Value| {
            let path = entry["request"]["path"].as_str().unwrap_or_default();
            entry["type"] == "response"
                && (path.starts_with("transit/datakey") || path.starts_with("transit/decrypt"))
        };
        entries.filter(of_keys).collect()
    }

    /// From inside the cluster's node, over TLS.
    async fn post(&self, path: &str, body: &Value, token: &str) -> Value {
        let resolve = format!("{HOST}:{PORT}:{}", self.address);
        let authority = self.folder.join("ca.crt").display().to_string();
        let token = format!("X-Vault-Token: {}", token.trim());
        let url = format!("https://{HOST}:{PORT}/v1/{path}");
        let curl = ["curl", "-sS", "--noproxy", "*", "--cacert", &authority, "--resolve", &resolve];
        let curl = [&curl[..], &["-H", &token, "--data", "@-", &url]].concat();
        let answer = self.kubernetes.exec(&curl, Some(&body.to_string())).await;
        let answer = answer.unwrap_or_else(|failed| panic!("{failed}"));
        if answer.trim().is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{path}: {answer}"))
    }

    async fn run(&self, words: &[&str]) -> String {
        self.kubernetes.kubectl(words).await.unwrap_or_else(|failed| panic!("{failed}"))
    }
}
