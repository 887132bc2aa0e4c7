//! TLS towards clients.

use super::files::{Contents, IdentityFiles};
use super::reloading::{Reloading, Source};
use super::trusted::Trusted;
use super::{Error, Reload, provider};
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::WebPkiClientVerifier;

/// What a listener presents and demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFiles {
    /// What the listener presents.
    pub identity: IdentityFiles,
    /// Issuers of client certificates. With any, a client must present one.
    pub client_ca: Option<Trusted>,
}

/// TLS of one listener. Shared by its connections; handshakes take the configuration of their moment.
#[derive(Debug)]
pub struct ServerTls(Reloading<ServerFiles>);

impl ServerTls {
    /// Reads the files for the first time.
    pub fn load(files: ServerFiles) -> Result<Self, Error> {
        Reloading::load(files).map(Self)
    }

    /// For the next handshake.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.0.config()
    }
}

impl Reload for ServerTls {
    fn reload(&self) -> Result<bool, Error> {
        self.0.reload()
    }
}

impl Source for ServerFiles {
    type Config = ServerConfig;

    fn resolve(&self) -> Result<Cow<'_, Self>, Error> {
        let Some(trusted) = &self.client_ca else { return Ok(Cow::Borrowed(self)) };
        Ok(match trusted.resolve()? {
            Cow::Borrowed(_) => Cow::Borrowed(self),
            Cow::Owned(trusted) => {
                Cow::Owned(Self { identity: self.identity.clone(), client_ca: Some(trusted) })
            }
        })
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.identity.paths().chain(self.client_ca.iter().flat_map(Trusted::paths))
    }

    fn build(&self, contents: &Contents<'_>) -> Result<ServerConfig, Error> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(Error::Versions)?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(trusted) => {
                let anchors = Arc::new(contents.anchors(trusted.files())?);
                let verifier = WebPkiClientVerifier::builder_with_provider(anchors, provider())
                    .build()
                    .map_err(Error::Verifier)?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let (chain, key) = contents.identity(&self.identity)?;
        builder
            .with_single_cert(chain, key)
            .map_err(|source| Error::Identity { path: self.identity.certificate.clone(), source })
    }
}
