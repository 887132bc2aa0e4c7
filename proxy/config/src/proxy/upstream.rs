//! The brokers behind the proxy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr as _;

use serde::Serialize;

use super::{UpstreamAuthentication, read_path};
use crate::address::{BrokerId, HostPort};
use crate::brokers_file::read_brokers;
use crate::path::ConfigPath;
use crate::reader::Field;

/// The brokers of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upstream {
    /// Where the cluster is found; at least one address.
    pub bootstrap_servers: Vec<HostPort>,
    /// Addresses of brokers that are known beforehand; others are learned from the cluster.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub brokers: BTreeMap<BrokerId, HostPort>,
    /// Or a [`BrokersFile`](crate::BrokersFile), which is read again whenever it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brokers_file: Option<ConfigPath>,
    /// TLS towards the brokers; without it the connection is clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<UpstreamTls>,
    /// How the proxy authenticates as itself; without it brokers know the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<UpstreamAuthentication>,
}

/// TLS towards the brokers: the authorities that their certificates must come from, in files or a directory. The
/// system's are never used, as none of them is to be trusted with an internal cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpstreamTls {
    /// At least one unless there is a directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ca_files: Vec<ConfigPath>,
    /// All its files `*.crt`, as they come and go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_directory: Option<ConfigPath>,
}

impl Upstream {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields =
            field.fields(&["bootstrapServers", "brokers", "brokersFile", "tls", "authentication"])?;
        let bootstrap_servers = fields.required("bootstrapServers").and_then(read_servers);
        let brokers = fields.optional("brokers").and_then(read_brokers).unwrap_or_default();
        let brokers_file = fields.optional("brokersFile").and_then(|field| read_path(field, base_dir));
        if let (Some(_), Some(file)) = (fields.optional("brokers"), fields.optional("brokersFile")) {
            file.mistake("must not be given beside brokers");
        }
        let tls = fields.optional("tls").map(|field| UpstreamTls::read(field, base_dir));
        let tls = match tls {
            None => None,
            Some(tls) => Some(tls?),
        };
        let authentication = fields.optional("authentication").and_then(|field| {
            let authentication = UpstreamAuthentication::read(field, base_dir)?;
            authentication.check_tls(field, tls.as_ref());
            Some(authentication)
        });
        Some(Self { bootstrap_servers: bootstrap_servers?, brokers, brokers_file, tls, authentication })
    }
}

impl UpstreamTls {
    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["caFile", "caFiles", "caDirectory"])?;
        let (name, value) = fields.only()?;
        let (mut ca_files, mut ca_directory) = (Vec::new(), None);
        match name {
            "caFile" => ca_files.push(read_path(value, base_dir)?),
            "caDirectory" => ca_directory = Some(read_path(value, base_dir)?),
            _ => {
                let paths: Vec<_> =
                    value.some_items()?.iter().map(|item| read_path(item, base_dir)).collect();
                ca_files = paths.into_iter().collect::<Option<_>>()?;
            }
        }
        Some(Self { ca_files, ca_directory })
    }
}

fn read_servers(field: &Field<'_>) -> Option<Vec<HostPort>> {
    let mut seen = BTreeSet::new();
    let mut servers = Vec::new();
    for item in field.some_items()? {
        let Some(server) = item.parsed(HostPort::from_str) else {
            continue;
        };
        if seen.insert(server.clone()) {
            servers.push(server);
        } else {
            item.mistake(format!("is the same as an earlier entry, {server}"));
        }
    }
    Some(servers)
}
