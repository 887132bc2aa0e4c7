//! How a tool reaches brokers: as the proxy does by its file, or as options say.

use crate::brokers::Address;
use crate::client::Cluster;
use crate::credentials::Credentials;
use crate::server::Identity;
use crate::tls::{ClientFiles, ClientTls, IdentityFiles, Trusted};
use crate::upstream::Upstream;
use anyhow::Context as _;
use clap::Args;
use proxy_config::{AuthenticationMethod, ConfigPath, HostPort, ToolsConfig};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Where brokers are, and as whom they are reached. Each wins over the file of --config.
#[derive(Debug, Args)]
#[command(next_help_heading = "Brokers")]
pub(super) struct BrokerArgs {
    /// Addresses of brokers, HOST:PORT, separated by commas.
    #[arg(long, value_name = "SERVERS", value_delimiter = ',')]
    bootstrap_servers: Vec<HostPort>,
    /// Reach brokers over TLS; their certificates must come from the authorities in this PEM file.
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// A client certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Authenticate as this user with SCRAM-SHA-512.
    #[arg(long, value_name = "USER", requires = "sasl_password_file")]
    sasl_username: Option<String>,
    /// The user's password, in a file.
    #[arg(long, value_name = "FILE", requires = "sasl_username")]
    sasl_password_file: Option<PathBuf>,
}

impl BrokerArgs {
    /// The cluster; nothing was sent yet.
    pub(super) fn cluster(&self, config: Option<&ToolsConfig>) -> anyhow::Result<Cluster> {
        let upstream = config.and_then(|config| config.upstream.as_ref());
        let servers = match upstream {
            _ if !self.bootstrap_servers.is_empty() => &self.bootstrap_servers,
            Some(upstream) => &upstream.bootstrap_servers,
            None => anyhow::bail!(
                "brokers must be given by --bootstrap-servers, or by upstream in the file of --config"
            ),
        };
        let tls = self.tls(upstream)?.map(Arc::new);
        let identity = self.identity(upstream)?;
        // Addresses of the file are those of its own brokers.
        let configured = match upstream {
            Some(upstream) if self.bootstrap_servers.is_empty() => {
                upstream.brokers.iter().map(|(id, at)| (id.value(), Address::from(at))).collect()
            }
            _ => BTreeMap::new(),
        };
        let servers = servers.iter().map(Address::from).collect();
        Ok(Cluster::new(Upstream::new(servers, tls, identity), configured))
    }

    fn tls(&self, upstream: Option<&proxy_config::Upstream>) -> anyhow::Result<Option<ClientTls>> {
        let file = upstream.and_then(|upstream| upstream.tls.as_ref());
        let trusted = match (&self.tls_ca, file) {
            (Some(ca), _) => Trusted::Files(vec![ca.clone()]),
            (None, Some(tls)) => match &tls.ca_directory {
                Some(directory) => Trusted::Directory(path(directory)),
                None => Trusted::Files(tls.ca_files.iter().map(path).collect()),
            },
            (None, None) if self.tls_certificate.is_some() => {
                anyhow::bail!("a client certificate is shown over TLS alone: give --tls-ca too")
            }
            (None, None) => return Ok(None),
        };
        let method = upstream.and_then(|upstream| upstream.authentication.as_ref()).map(|own| &own.method);
        let identity = match (&self.tls_certificate, &self.tls_key, method) {
            (Some(certificate), Some(key), _) => {
                Some(IdentityFiles { certificate: certificate.clone(), key: key.clone() })
            }
            (_, _, Some(AuthenticationMethod::Tls(own))) => {
                Some(IdentityFiles { certificate: path(&own.certificate_file), key: path(&own.key_file) })
            }
            _ => None,
        };
        ClientTls::load(ClientFiles { trusted, identity }).map(Some).context("TLS to brokers")
    }

    fn identity(&self, upstream: Option<&proxy_config::Upstream>) -> anyhow::Result<Identity> {
        let method = upstream.and_then(|upstream| upstream.authentication.as_ref()).map(|own| &own.method);
        let (user, file) = match (&self.sasl_username, &self.sasl_password_file, method) {
            (Some(user), Some(file), _) => (user.clone(), file.clone()),
            (_, _, Some(AuthenticationMethod::ScramSha512(user))) => {
                (user.username.to_string(), path(&user.password_file))
            }
            _ => return Ok(Identity::Certificate),
        };
        let credentials = Credentials::load(user, file).context("the user of brokers")?;
        Ok(Identity::User(Arc::new(credentials)))
    }
}

fn path(path: &ConfigPath) -> PathBuf {
    path.as_path().to_owned()
}
