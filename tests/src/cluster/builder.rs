//! How a cluster is to be, and its start.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Mutex;

use super::version::BrokerVersion;
use super::{Cluster, Listeners};
use crate::certificates::{Certificates, Identity};
use crate::kerberos::Kerberos;
use crate::ports::Ports;
use crate::rig::{Rig, blocking};
use crate::scratch::Scratch;

/// How a cluster is to be.
#[derive(Debug, Clone)]
pub struct ClusterBuilder {
    nodes: usize,
    properties: Vec<String>,
    tls: Option<(Identity, PathBuf)>,
    users: Vec<(String, String)>,
    kerberos: Option<PathBuf>,
    version: Option<BrokerVersion>,
    plugins: bool,
}

impl ClusterBuilder {
    /// One node, with nothing special.
    pub(super) fn new() -> Self {
        let (tls, users) = (None, Vec::new());
        let (kerberos, version, plugins) = (None, None, false);
        Self { nodes: 1, properties: Vec::new(), tls, users, kerberos, version, plugins }
    }

    /// One or three.
    #[must_use]
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// A further broker property, as a line of a properties file. `{node}` in it becomes the node's id.
    #[must_use]
    pub fn property(mut self, line: impl Into<String>) -> Self {
        self.properties.push(line.into());
        self
    }

    /// A listener for TLS, on which clients must have a certificate of the same authority.
    #[must_use]
    pub fn tls(mut self, certificates: &Certificates) -> Self {
        let server = certificates.server("broker", &[]);
        self.tls = Some((server, certificates.authority()));
        self
    }

    /// A user of the listener for SASL (PLAIN and SCRAM), which the first user brings about.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// GSSAPI on the listener for SASL, as this principal.
    #[must_use]
    pub fn kerberos(mut self, kerberos: &Kerberos, principal: &str) -> Self {
        let keys = kerberos.keytab(principal);
        self.kerberos = Some(kerberos.config());
        self.property(format!(
            "listener.name.sasl.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true \
             storeKey=true keyTab=\"{}\" principal=\"{principal}\";",
            keys.display()
        ))
        .property("sasl.kerberos.service.name=kafka")
    }

    /// With the plugins for brokers that are among the Java client's classes.
    #[must_use]
    pub fn plugins(mut self) -> Self {
        self.plugins = true;
        self
    }

    /// Of this version instead of that of most tests.
    #[must_use]
    pub fn version(mut self, version: BrokerVersion) -> Self {
        self.version = Some(version);
        self
    }

    /// Starts all nodes and waits until they serve.
    pub async fn start(self) -> Cluster {
        let rig = Rig::ready().await;
        let folder = Scratch::new("kafka");
        let count = u16::try_from(self.nodes).expect("few nodes");
        let listeners = Listeners {
            plain: Ports::take(count),
            tls: self.tls.as_ref().map(|_| Ports::take(count)),
            sasl: (!self.users.is_empty()).then(|| Ports::take(count)),
            controller: Ports::take(count),
        };
        let settings = self.settings(&folder, &listeners);
        let nodes = (0..self.nodes).map(|_| Mutex::new(None)).collect();
        let cluster = Cluster { nodes, settings, listeners, script: rig.part("KAFKA_SCRIPT").into(), folder };
        let mut format = cluster.command(&["format"]);
        let output = blocking(move || format.output().expect("the kafka script runs")).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for node in 0..cluster.nodes() {
            cluster.launch(node).await;
        }
        cluster.wait().await;
        cluster
    }

    fn settings(&self, folder: &Scratch, listeners: &Listeners) -> Vec<(&'static str, OsString)> {
        let mut settings: Vec<(&'static str, OsString)> = Vec::new();
        let mut set = |name, value: OsString| settings.push((name, value));
        // Kafka unpacks native libraries there, and leaves them.
        let temporary = folder.path().display();
        let mut options = format!("-Xms256m -Xmx512m -Djava.io.tmpdir={temporary}");
        if let Some(kerberos) = &self.kerberos {
            options = format!("{options} -Djava.security.krb5.conf={}", kerberos.display());
        }
        set("KAFKA_HEAP", options.into());
        if let Some(version) = self.version {
            set("KAFKA_VERSION", version.as_str().into());
        }
        if self.plugins {
            set(
                "KAFKA_PLUGINS",
                Rig::shared().part("JAVA_CLIENT_CLASSES").replace("/classes", "/client.jar").into(),
            );
        }
        set("KAFKA_NODES", self.nodes.to_string().into());
        set("KAFKA_PORT", listeners.plain.port(0).to_string().into());
        set("KAFKA_CONTROLLER_PORT", listeners.controller.port(0).to_string().into());
        set("KAFKA_PROPERTIES", self.properties.join("\n").into());
        if let (Some((server, authority)), Some(ports)) = (&self.tls, &listeners.tls) {
            let keystore = folder.join("keystore.pem");
            std::fs::copy(&server.bundle, &keystore).expect("the folder is ours");
            let truststore = folder.join("truststore.pem");
            std::fs::copy(authority, &truststore).expect("the folder is ours");
            set("KAFKA_TLS_PORT", ports.port(0).to_string().into());
            set("KAFKA_KEYSTORE", keystore.into());
            set("KAFKA_TRUSTSTORE", truststore.into());
        }
        if let Some(ports) = &listeners.sasl {
            let users: Vec<String> =
                self.users.iter().map(|(name, password)| format!("{name}:{password}")).collect();
            set("KAFKA_SASL_PORT", ports.port(0).to_string().into());
            set("KAFKA_USERS", users.join(" ").into());
        }
        settings
    }
}
