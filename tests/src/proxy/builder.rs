//! What a proxy of the tests is to be like, and its start.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Map, Value, json};

use super::{PolicyFile, Proxy, Version};
use crate::certificates::Identity;
use crate::failure;
use crate::ports::Ports;
use crate::scratch::Scratch;

/// How a proxy is to be.
#[derive(Debug, Clone)]
pub struct ProxyBuilder {
    config: Map<String, Value>,
    brokers: u16,
    bootstrap_servers: Vec<String>,
    upstream: Map<String, Value>,
    tls: Option<(Identity, Option<PathBuf>)>,
    tls_fields: Map<String, Value>,
    /// The bootstrap's name, and the pattern of the brokers' names.
    names: Option<(&'static str, &'static str)>,
    listener: Map<String, Value>,
    limits: Map<String, Value>,
    policy: Option<PolicyFile>,
    keys: Vec<(String, u32)>,
    version: Version,
    variables: Vec<(&'static str, String)>,
}

impl ProxyBuilder {
    pub(super) fn new(bootstrap_servers: Vec<String>, brokers: u16) -> Self {
        let mut config = Map::new();
        config.insert("cluster".into(), "test-cluster".into());
        config.insert("log".into(), json!({"level": "debug"}));
        config.insert("drain".into(), json!({"seconds": 5}));
        Self {
            config,
            brokers,
            bootstrap_servers,
            upstream: Map::new(),
            tls: None,
            tls_fields: Map::new(),
            names: None,
            listener: Map::new(),
            limits: Map::new(),
            policy: None,
            keys: Vec::new(),
            version: Version::Present,
            variables: Vec::new(),
        }
    }

    /// The policy. Keys that its rules name are made, unless [`Self::key`] gives some.
    #[must_use]
    pub fn policy(mut self, policy: PolicyFile) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Which program it is.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// A key file of the local provider. Where one is given no others are made.
    #[must_use]
    pub fn key(mut self, name: &str, version: u32) -> Self {
        self.keys.push((name.to_owned(), version));
        self
    }

    /// TLS towards clients, who must show a certificate where there is an authority for that.
    #[must_use]
    pub fn tls(mut self, server: &Identity, client_authority: Option<&Path>) -> Self {
        self.tls = Some((server.clone(), client_authority.map(Path::to_owned)));
        self
    }

    /// A field of the listener's `tls` in proxy.yaml, beside those of [`Self::tls`].
    #[must_use]
    pub fn tls_field(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.tls_fields.insert(field.to_owned(), value.into());
        self
    }

    /// TLS towards brokers, with this authority.
    #[must_use]
    pub fn upstream_tls(self, authority: &Path) -> Self {
        self.upstream("tls", json!({"caFile": authority}))
    }

    /// Brokers have names, all at the bootstrap port. With TLS only.
    #[must_use]
    pub fn names(mut self, bootstrap: &'static str, pattern: &'static str) -> Self {
        self.names = Some((bootstrap, pattern));
        self
    }

    /// A field of the listener in proxy.yaml.
    #[must_use]
    pub fn listener(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.listener.insert(field.to_owned(), value.into());
        self
    }

    /// A field of `upstream` in proxy.yaml.
    #[must_use]
    pub fn upstream(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.upstream.insert(field.to_owned(), value.into());
        self
    }

    /// A field of `limits` in proxy.yaml.
    #[must_use]
    pub fn limit(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.limits.insert(field.to_owned(), value.into());
        self
    }

    /// How long connections may take to finish after SIGTERM.
    #[must_use]
    pub fn drain_seconds(self, seconds: u32) -> Self {
        self.config("drain", json!({"seconds": seconds}))
    }

    /// Any top-level field of proxy.yaml.
    #[must_use]
    pub fn config(mut self, field: &str, value: Value) -> Self {
        self.config.insert(field.to_owned(), value);
        self
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Proxy {
        let proxy = self.launch().await;
        proxy.wait_ready().await;
        proxy
    }

    /// Starts it and does not wait: for a proxy that is not to become ready.
    pub async fn launch(self) -> Proxy {
        let program = self.version.program().await;
        let folder = Scratch::new("proxy");
        let host = match self.names {
            Some((bootstrap, _)) => bootstrap,
            None if self.tls.is_some() => "localhost",
            None => "127.0.0.1",
        };
        let proxy = Proxy {
            program: Mutex::new(program),
            process: Mutex::new(None),
            ports: Ports::take(self.brokers + 2),
            host,
            folder,
            variables: self.variables.clone(),
        };
        std::fs::create_dir(proxy.keys_folder()).expect("the folder is ours");
        self.write(&proxy);
        failure::show_when_a_test_fails(&proxy.log_file());
        proxy.launch();
        proxy
    }

    fn write(&self, proxy: &Proxy) {
        proxy.write_file("proxy.yaml", &Value::Object(self.yaml(proxy)).to_string());
        for (name, version) in &self.keys {
            proxy.write_key(name, *version);
        }
        let Some(policy) = &self.policy else { return };
        proxy.write_policy(policy);
        if self.keys.is_empty() {
            for name in policy.keys() {
                proxy.write_key(&name, 1);
            }
        }
    }

    /// JSON, which is YAML too.
    fn yaml(&self, proxy: &Proxy) -> Map<String, Value> {
        let mut listener = json!({
            "name": "clients",
            "bind": format!("127.0.0.1:{}", proxy.ports.port(1)),
            "advertisedHost": proxy.host,
            "brokerPorts": {"start": proxy.ports.port(2), "count": self.brokers},
        });
        for (field, value) in &self.listener {
            listener[field.as_str()] = value.clone();
        }
        if let (Some((_, pattern)), Some(listener)) = (self.names, listener.as_object_mut()) {
            listener.remove("brokerPorts");
            listener.insert("brokerNames".into(), json!({"pattern": pattern}));
        }
        if let Some((server, client_authority)) = &self.tls {
            listener["tls"] = json!({"certificateFile": server.certificate, "keyFile": server.key});
            if let Some(authority) = client_authority {
                listener["tls"]["clientCaFile"] = json!(authority);
            }
            for (field, value) in &self.tls_fields {
                listener["tls"][field.as_str()] = value.clone();
            }
        }
        let mut upstream = self.upstream.clone();
        upstream.entry("bootstrapServers").or_insert_with(|| json!(self.bootstrap_servers));
        let mut config = self.config.clone();
        let mut default = |field: &str, value: Value| {
            config.entry(field).or_insert(value);
        };
        default("upstream", upstream.into());
        default("listeners", json!([listener]));
        default("keyProviders", json!({"default": {"local": {"directory": "keys"}}}));
        default("policy", json!({"file": "policy.yaml", "historySettles": "1s"}));
        default("admin", json!({"bind": proxy.admin_address()}));
        if !self.limits.is_empty() {
            default("limits", self.limits.clone().into());
        }
        config
    }
}
