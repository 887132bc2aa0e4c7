//! TLS towards brokers.

use super::files::{Contents, IdentityFiles};
use super::reloading::{Reloading, Source};
use super::trusted::Trusted;
use super::{Error, Reload, provider};
use std::borrow::Cow;
use std::path::Path;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

/// Whom the proxy trusts, and what it presents when asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// The authorities of brokers.
    pub trusted: Trusted,
    /// Presented to a broker that asks for a client certificate.
    pub identity: Option<IdentityFiles>,
}

/// TLS of all upstream connections. Handshakes take the configuration of their moment.
#[derive(Debug)]
pub struct ClientTls(Reloading<ClientFiles>);

impl ClientTls {
    /// Reads the files for the first time.
    pub fn load(files: ClientFiles) -> Result<Self, Error> {
        Reloading::load(files).map(Self)
    }

    /// For the next handshake. The caller names the broker, and its certificate must be for that name.
    pub fn connector(&self) -> TlsConnector {
        TlsConnector::from(self.0.config())
    }
}

impl Reload for ClientTls {
    fn reload(&self) -> Result<bool, Error> {
        self.0.reload()
    }
}

impl Source for ClientFiles {
    type Config = ClientConfig;

    fn resolve(&self) -> Result<Cow<'_, Self>, Error> {
        Ok(match self.trusted.resolve()? {
            Cow::Borrowed(_) => Cow::Borrowed(self),
            Cow::Owned(trusted) => Cow::Owned(Self { trusted, identity: self.identity.clone() }),
        })
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.trusted.paths().chain(self.identity.iter().flat_map(IdentityFiles::paths))
    }

    fn build(&self, contents: &Contents<'_>) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(Error::Versions)?
            .with_root_certificates(contents.anchors(self.trusted.files())?);
        let Some(identity) = &self.identity else {
            return Ok(builder.with_no_client_auth());
        };
        let (chain, key) = contents.identity(identity)?;
        builder
            .with_client_auth_cert(chain, key)
            .map_err(|source| Error::Identity { path: identity.certificate.clone(), source })
    }
}
