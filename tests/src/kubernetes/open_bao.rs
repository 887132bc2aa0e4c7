//! A real OpenBao server in the cluster, in a namespace of its own.

use serde_json::Value;

use super::stage::Stage;
use crate::certificates::Certificates;
use crate::rig::Rig;

const NAMESPACE: &str = "openbao";

/// The server, as whoever administers it sees it. It goes with the next one.
#[derive(Debug)]
pub struct OpenBao<'a> {
    stage: &'a Stage,
}

impl Stage {
    /// Starts a server, and tells of its authority in the `ConfigMap` `openbao-ca` of the stage.
    pub async fn open_bao(&self) -> OpenBao<'_> {
        let rig = Rig::ready().await;
        let bao = OpenBao { stage: self };
        let image = self.kubernetes().rig("KUBERNETES_CLUSTER", &["load", rig.part("OPENBAO_IMAGE")]).await;
        image.unwrap_or_else(|failed| panic!("{failed}"));
        bao.run(&["delete", "namespace", NAMESPACE, "--ignore-not-found"]).await;
        bao.run(&["create", "namespace", NAMESPACE]).await;
        let certificates = Certificates::new();
        let identity = certificates.server("openbao", &["openbao.openbao.svc"]);
        let (chain, key) = (identity.certificate.display(), identity.key.display());
        let files = [format!("--cert={chain}"), format!("--key={key}")];
        bao.run(&["create", "secret", "tls", "openbao-tls", &files[0], &files[1], "-n", NAMESPACE]).await;
        bao.run(&["apply", "-n", NAMESPACE, "-f", rig.part("OPENBAO_MANIFEST")]).await;
        bao.run(&["wait", "pod/openbao", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=90s"]).await;
        let authority = format!("--from-file=ca.crt={}", certificates.authority().display());
        self.kubectl(&["create", "configmap", "openbao-ca", &authority]).await;
        bao
    }
}

impl OpenBao<'_> {
    /// The program `bao` with these words, with all rights, which must succeed.
    pub async fn bao(&self, words: &[&str]) -> String {
        let exec = ["exec", "-n", NAMESPACE, "openbao", "--", "/bin/bao"];
        self.run(&[&exec, words].concat()).await
    }

    /// A Transit secrets engine with a key, and a role of the method `kubernetes` by which the stage's proxies may use it.
    pub async fn set_up(&self, key: &str) {
        self.bao(&["secrets", "enable", "transit"]).await;
        self.bao(&["write", "-f", &format!("transit/keys/{key}")]).await;
        self.bao(&["auth", "enable", "kubernetes"]).await;
        let host = "kubernetes_host=https://kubernetes.default.svc";
        self.bao(&["write", "auth/kubernetes/config", host]).await;
        let namespace = format!("bound_service_account_namespaces={}", self.stage.namespace());
        let account = "bound_service_account_names=my-cluster-encryption";
        let role = ["write", "auth/kubernetes/role/topic-encryption", account, &namespace, "audience=vault"];
        self.bao(&[&role[..], &["token_policies=proxies", "token_ttl=10m"]].concat()).await;
        self.allow(&[key]).await;
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
        self.bao(&["write", "sys/policies/acl/proxies", &format!("policy={rules}")]).await;
    }

    /// What the server did for the proxies with keys: the lines of its audit log, oldest first.
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

    async fn run(&self, words: &[&str]) -> String {
        self.stage.kubernetes().kubectl(words).await.unwrap_or_else(|failed| panic!("{failed}"))
    }
}
