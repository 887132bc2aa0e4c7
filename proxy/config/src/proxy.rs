//! `proxy.yaml`: where the proxy listens, what stands behind it, where keys come from.

mod authentication;
mod broker_names;
mod key_provider;
mod keys;
mod limits;
mod listener;
mod policy_files;
mod ports;
mod runtime;
mod server_tls;
#[cfg(test)]
mod tests;
mod tools;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

pub use self::authentication::{AuthenticationMethod, ClientIdentity, ScramUser, UpstreamAuthentication};
pub use self::broker_names::{BrokerNames, NamePattern, NamePatternError};
pub use self::key_provider::{AwsKmsCredentials, AwsKmsProvider, AwsKmsRole, AwsKmsWebIdentity};
pub use self::key_provider::{AzureAlgorithm, AzureApplication, AzureCredentials, AzureKeyVaultProvider};
pub use self::key_provider::{GcpKmsCredentials, GcpKmsProvider, GcpWorkloadIdentity};
pub use self::key_provider::{IbmCredentials, IbmKeyProtectProvider, IbmTrustedProfile};
pub use self::key_provider::{
    KeyProvider, Pkcs11Provider, Pkcs11Token, ProviderTls, ProviderTrust, VaultAuth, VaultBinding,
    VaultProvider, VaultRole,
};
pub use self::key_provider::{KmipProvider, KmipTls};
pub use self::keys::KeyTimes;
pub use self::limits::Limits;
pub use self::listener::{BrokerAddresses, BrokerPorts, Listener};
pub use self::policy_files::PolicyFiles;
pub use self::runtime::{Admin, Drain, Log, LogFormat, LogLevel};
pub use self::server_tls::{CipherSuite, ClientCertificates, Principal, ServerTls, TlsVersion};
pub use self::tools::ToolsConfig;
pub use self::upstream::{Upstream, UpstreamTls};

use crate::error::{ConfigErrors, Mistakes};
use crate::file::{MAX_FILE_BYTES, read_text};
use crate::name::{ClusterName, ProviderName};
use crate::path::ConfigPath;
use crate::reader::Field;
use crate::yaml;

/// The configuration of one proxy process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyConfig {
    /// The name of the Kafka cluster, part of the context in which data keys are wrapped.
    pub cluster: ClusterName,
    /// The brokers.
    pub upstream: Upstream,
    /// Where clients connect; at least one.
    pub listeners: Vec<Listener>,
    /// Where key-encryption keys are; at least one.
    pub key_providers: BTreeMap<ProviderName, KeyProvider>,
    /// How long keys live.
    pub keys: KeyTimes,
    /// The files of the policy.
    pub policy: PolicyFiles,
    /// The admin server: health, metrics, and what is loaded.
    pub admin: Admin,
    /// Bounds on memory and connections.
    pub limits: Limits,
    /// How the proxy ends.
    pub drain: Drain,
    /// What the proxy logs.
    pub log: Log,
}

impl ProxyConfig {
    /// All that the file may have at its top.
    const FIELDS: &'static [&'static str] = &[
        "cluster",
        "upstream",
        "listeners",
        "keyProviders",
        "keys",
        "policy",
        "admin",
        "limits",
        "drain",
        "log",
    ];

    /// Parses the text of a file in the directory `base_dir`, to which its relative paths refer.
    pub fn parse(text: &str, base_dir: &Path) -> Result<Self, ConfigErrors> {
        let node = yaml::parse(text, MAX_FILE_BYTES)?;
        let mistakes = Mistakes::default();
        let config = Self::read(&Field::root(&node, &mistakes), base_dir);
        mistakes.or_value(config)
    }

    /// Reads and parses a file.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let base_dir = path.parent().unwrap_or_else(|| Path::new(""));
        Self::parse(&read_text(path)?, base_dir).map_err(|errors| errors.in_file(path))
    }

    /// The text of a file that means this, with every default written out.
    pub fn to_yaml(&self) -> String {
        yaml::write(self)
    }

    /// The names that a policy's rules may use.
    pub fn provider_names(&self) -> BTreeSet<ProviderName> {
        self.key_providers.keys().cloned().collect()
    }

    /// Brokers with smaller ids have a port in every listener; all where brokers have names instead.
    pub fn broker_ports(&self) -> Option<u16> {
        self.listeners.iter().filter_map(|listener| Some(listener.broker_ports()?.count())).min()
    }

    fn read(root: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = root.fields(Self::FIELDS)?;
        let cluster = fields.required("cluster").and_then(|field| field.parsed(ClusterName::new));
        let upstream = fields.required("upstream").and_then(|field| Upstream::read(field, base_dir));
        let listeners = fields.required("listeners").and_then(|field| listener::read_all(field, base_dir));
        let key_providers =
            fields.required("keyProviders").and_then(|field| key_provider::read_all(field, base_dir));
        let keys = fields.optional("keys").and_then(KeyTimes::read).unwrap_or_default();
        let policy = fields.required("policy").and_then(|field| PolicyFiles::read(field, base_dir));
        let admin = fields.optional("admin").and_then(Admin::read).unwrap_or_default();
        let limits = fields.optional("limits").and_then(Limits::read).unwrap_or_default();
        let drain = fields.optional("drain").and_then(Drain::read).unwrap_or_default();
        let log = fields.optional("log").and_then(Log::read).unwrap_or_default();
        if let Some(listeners) = &listeners {
            ports::check(root.mistakes(), listeners, admin, upstream.as_ref());
            if let Some(authentication) = upstream.as_ref().and_then(|up| up.authentication.as_ref()) {
                authentication.check_listeners(root.mistakes(), listeners);
            }
        }
        // A listener with a mistake is a gap until here, so that the paths of the others stay right.
        let listeners = listeners?.into_iter().collect::<Option<Vec<_>>>();
        Some(Self {
            cluster: cluster?,
            upstream: upstream?,
            listeners: listeners?,
            key_providers: key_providers?,
            keys,
            policy: policy?,
            admin,
            limits,
            drain,
            log,
        })
    }
}

/// A path, relative to the directory of the file.
fn read_path(field: &Field<'_>, base_dir: &Path) -> Option<ConfigPath> {
    let text = field.text()?;
    if text.is_empty() || text.contains('\0') {
        field.mistake("must be a path");
        return None;
    }
    Some(ConfigPath::new(text, base_dir))
}
