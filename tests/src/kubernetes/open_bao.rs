//! A real OpenBao server in the cluster, in a namespace of its own.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::node::Kubernetes;
use super::stage::Stage;
use crate::certificates::Certificates;
use crate::rig::Rig;

const NAMESPACE: &str = "openbao";
const HOST: &str = "openbao.openbao.svc";
const PORT: u16 = 8200;

/// The server, as whoever administers it sees it. It goes with the next one.
#[derive(Debug)]
pub struct OpenBao {
    kubernetes: &'static Kubernetes,
    /// Where the proxies that may use keys are.
    proxies: String,
    authority: PathBuf,
    address: String,
}

/// Who may say which keys the proxies use, and nothing else.
#[derive(Debug)]
pub struct KeyOwner<'a> {
    bao: &'a OpenBao,
    token: String,
}

impl Stage {
    /// Starts a server, and tells of its authority in the `ConfigMap` `openbao-ca` of the stage.
    pub async fn open_bao(&self) -> OpenBao {
        let rig = Rig::ready().await;
        let image = self.kubernetes().rig("KUBERNETES_CLUSTER", &["load", rig.part("OPENBAO_IMAGE")]).await;
        image.unwrap_or_else(|failed| panic!("{failed}"));
        let certificates = Certificates::new();
        let authority = std::fs::read_to_string(certificates.authority()).expect("it was just written");
        let mut bao = OpenBao {
            kubernetes: self.kubernetes(),
            proxies: self.namespace().to_owned(),
            authority: self.file("openbao-ca.crt", &authority),
            address: String::new(),
        };
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
        let authority = format!("--from-file=ca.crt={}", certificates.authority().display());
        self.kubectl(&["create", "configmap", "openbao-ca", &authority]).await;
        bao
    }
}

impl OpenBao {
    /// The program `bao` with these words, with all rights, which must succeed.
    pub async fn bao(&self, words: &[&str]) -> String {
        let exec = ["exec", "-n", NAMESPACE, "openbao", "--", "/bin/bao"];
        self.run(&[&exec, words].concat()).await
    }

    /// A Transit secrets engine with a key, and a role of the method `kubernetes` by which proxies may log in.
    pub async fn set_up(&self, key: &str) {
        self.bao(&["secrets", "enable", "transit"]).await;
        self.bao(&["write", "-f", &format!("transit/keys/{key}")]).await;
        self.bao(&["auth", "enable", "kubernetes"]).await;
        let host = "kubernetes_host=https://kubernetes.default.svc";
        self.bao(&["write", "auth/kubernetes/config", host]).await;
        let namespace = format!("bound_service_account_namespaces={}", self.proxies);
        let account = "bound_service_account_names=my-cluster-encryption";
        let role = ["write", "auth/kubernetes/role/topic-encryption", account, &namespace, "audience=vault"];
        self.bao(&[&role[..], &["token_policies=proxies", "token_ttl=10m"]].concat()).await;
    }

    /// Somebody who may make, rotate and destroy keys and write the policy of the proxies.
    pub async fn key_owner(&self) -> KeyOwner<'_> {
        let all = "{ capabilities = [\"create\", \"read\", \"update\", \"delete\", \"list\"] }";
        let rules =
            format!("policy=path \"transit/keys/*\" {all}\npath \"sys/policies/acl/proxies\" {all}\n");
        self.bao(&["write", "sys/policies/acl/key-owner", &rules]).await;
        let token = ["token", "create", "-policy=key-owner", "-no-default-policy", "-field=token"];
        KeyOwner { bao: self, token: self.bao(&token).await.trim().to_owned() }
    }

    /// What the server answers to a login by this token of a `ServiceAccount`, in the role of the proxies.
    pub async fn log_in(&self, token: &str) -> Value {
        let body = json!({"role": "topic-encryption", "jwt": token});
        self.post("auth/kubernetes/login", &body, None).await
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
    async fn post(&self, path: &str, body: &Value, token: Option<&str>) -> Value {
        let resolve = format!("{HOST}:{PORT}:{}", self.address);
        let authority = self.authority.display().to_string();
        let token = token.map(|token| format!("X-Vault-Token: {token}")).unwrap_or_default();
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

impl KeyOwner<'_> {
    /// From now on the key has one version more.
    pub async fn rotate(&self, key: &str) {
        let answer =
            self.bao.post(&format!("transit/keys/{key}/rotate"), &json!({}), Some(&self.token)).await;
        assert!(answer["errors"].is_null(), "{answer}");
    }

    /// From now on the proxies may use these keys.
    pub async fn allow(&self, keys: &[&str]) {
        let path = |operation: &str, key: &&str| {
            format!("path \"transit/{operation}/{key}\" {{ capabilities = [\"update\"] }}\n")
        };
        let rules: String = keys
            .iter()
            .map(|key| path("datakey/plaintext", key) + &path("decrypt", key))
            .chain(["path \"sys/none\" { capabilities = [\"deny\"] }\n".to_owned()])
            .collect();
        let answer =
            self.bao.post("sys/policies/acl/proxies", &json!({"policy": rules}), Some(&self.token)).await;
        assert!(answer["errors"].is_null(), "{answer}");
    }

    /// Whether the server denies them to write to this path.
    pub async fn is_denied(&self, path: &str) -> bool {
        let answer = self.bao.post(path, &json!({}), Some(&self.token)).await;
        answer["errors"].to_string().contains("permission denied")
    }
}
