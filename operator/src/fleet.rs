//! A fleet of proxies, with every question answered: what `build` turns into Kubernetes objects.

mod listener;
mod ports;
mod upstream;

pub use self::listener::{ClientAuthority, Clients, Listener};
pub use self::upstream::{Authentication, Trust, Upstream};

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use operator_api::{
    AwsKmsProvider, AzureKeyVaultProvider, ClientCertificates, GcpKmsProvider, IbmKeyProtectProvider,
    KeyTimes, KmipProvider, Limits, ListenerType, Logging, Pkcs11Provider, Probe, Template, VaultProvider,
};
use proxy_config::ProviderName;

use crate::cluster::KafkaKey;
use crate::names::Names;

/// A fleet of proxies.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// The Kafka cluster.
    pub key: KafkaKey,
    /// Names of all objects.
    pub names: Names,
    /// Whose deletion deletes the fleet.
    pub owner: OwnerReference,
    /// How many proxies.
    pub replicas: i32,
    /// How clients reach them; at least one.
    pub listeners: Vec<Listener>,
    /// What stands behind them.
    pub upstream: Upstream,
    /// Where keys come from, with the Secrets that hold them.
    pub providers: BTreeMap<ProviderName, Provider>,
    /// How long keys live.
    pub keys: Option<KeyTimes>,
    /// Time between the answers by which ends of history settle.
    pub history_settles: Option<String>,
    /// Where their certificate comes from, if a listener has TLS.
    pub certificate: Certificate,
    /// Their image.
    pub image: String,
    /// Processors and memory.
    pub resources: Option<ResourceRequirements>,
    /// What they log.
    pub logging: Logging,
    /// Bounds.
    pub limits: Option<Limits>,
    /// Whether they live.
    pub liveness_probe: Probe,
    /// Whether they take clients.
    pub readiness_probe: Probe,
    /// Whether clients get a Secret in service-binding form.
    pub service_binding: bool,
    /// What the platform owner changes.
    pub template: Template,
}

/// Where keys come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Provider {
    /// A Secret of keys.
    Local {
        /// Its name.
        secret: String,
        /// Whether the operator makes the keys.
        ours: bool,
    },
    /// A Transit secrets engine, of which the operator sees nothing.
    Vault(Box<VaultProvider>),
    /// AWS KMS.
    AwsKms(Box<AwsKmsProvider>),
    /// Azure Key Vault.
    AzureKeyVault(Box<AzureKeyVaultProvider>),
    /// Google Cloud KMS.
    GcpKms(Box<GcpKmsProvider>),
    /// IBM Key Protect.
    IbmKeyProtect(Box<IbmKeyProtectProvider>),
    /// A hardware security module.
    Pkcs11(Box<Pkcs11Provider>),
    /// A KMIP server.
    Kmip(Box<KmipProvider>),
}

/// Where the proxies' certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// The operator's own authority.
    Operator,
    /// A Secret that somebody else keeps.
    Secret(String),
    /// An issuer of cert-manager.
    Issuer(String),
}

impl Fleet {
    /// Name, namespace, labels and owner of an object of the fleet.
    pub fn metadata(&self, name: String) -> ObjectMeta {
        ObjectMeta { owner_references: Some(vec![self.owner.clone()]), ..self.lasting_metadata(name) }
    }

    /// The same for an object that outlives it.
    pub fn lasting_metadata(&self, name: String) -> ObjectMeta {
        ObjectMeta {
            name: Some(name),
            namespace: Some(self.key.namespace.clone()),
            labels: Some(self.names.labels()),
            ..ObjectMeta::default()
        }
    }

    /// How clients of a listener authenticate themselves, in Strimzi's words. Where the proxies are a user of their own,
    /// SASL ends at neither end: clients show a certificate.
    pub fn client_authentication(&self, listener: &Listener) -> &str {
        let brokers = self.upstream.client_authentication.as_str();
        let demanded =
            listener.clients.as_ref().filter(|each| each.certificates == ClientCertificates::Required);
        match demanded {
            Some(_) if self.upstream.authentication.is_some() || brokers == "none" => "tls",
            _ => brokers,
        }
    }

    /// Whether any listener has TLS.
    pub fn serves_tls(&self) -> bool {
        self.listeners.iter().any(|listener| listener.tls)
    }

    /// Listeners with the host that clients are told.
    pub fn reachable(&self) -> impl Iterator<Item = (&Listener, &str)> {
        self.listeners.iter().filter_map(|listener| Some((listener, listener.advertised_host.as_deref()?)))
    }

    /// Listeners whose load balancer has no address yet.
    pub fn pending(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().filter(|listener| listener.advertised_host.is_none())
    }

    /// The Secret that holds the certificate.
    pub fn certificate_secret(&self) -> String {
        match &self.certificate {
            Certificate::Secret(name) => name.clone(),
            Certificate::Operator | Certificate::Issuer(_) => self.names.certificate(),
        }
    }

    /// The name of the Service of a listener.
    pub fn service(&self, listener: &Listener) -> String {
        match listener.kind {
            ListenerType::Internal => self.names.bootstrap(),
            ListenerType::LoadBalancer | ListenerType::NodePort | ListenerType::TlsRoute => {
                self.names.listener(&listener.name)
            }
        }
    }

    /// Where clients connect: the first listener.
    pub fn bootstrap_servers(&self) -> Option<String> {
        let listener = self.listeners.first()?;
        Some(listener.bootstrap_servers(listener.advertised_host.as_deref()?))
    }

    /// The names that the certificate must have.
    pub fn host_names(&self, cluster_domain: &str) -> Vec<String> {
        let service = self.names.bootstrap();
        let namespace = &self.key.namespace;
        let mut names = vec![
            service.clone(),
            format!("{service}.{namespace}"),
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.{cluster_domain}"),
        ];
        names.extend(self.listeners.iter().filter_map(|listener| listener.advertised_host.clone()));
        let brokers = || self.upstream.brokers.keys().copied();
        names.extend(self.listeners.iter().flat_map(|listener| listener.certified_names(brokers())));
        names.sort();
        names.dedup();
        names
    }
}
