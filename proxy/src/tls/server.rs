//! TLS towards clients.

use super::files::{Contents, IdentityFiles};
use super::reloading::{Reloading, Source};
use super::{Error, Reload, provider};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::WebPkiClientVerifier;

/// What a listener presents and demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFiles {
    /// What the listener presents.
    pub identity: IdentityFiles,
    /// PEM bundles of issuers of client certificates. With any, a client must present one.
    pub client_ca: Vec<PathBuf>,
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
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.config())
    }
}

impl Reload for ServerTls {
    fn reload(&self) -> Result<bool, Error> {
        self.0.reload()
    }
}

impl Source for ServerFiles {
    type Config = ServerConfig;

    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.identity.paths().chain(self.client_ca.iter().map(PathBuf::as_path))
    }

    fn build(&self, contents: &Contents<'_>) -> Result<ServerConfig, Error> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(Error::Versions)?;
        let builder = if self.client_ca.is_empty() {
            builder.with_no_client_auth()
        } else {
            let anchors = Arc::new(contents.anchors(&self.client_ca)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(anchors, provider())
                .build()
                .map_err(Error::Verifier)?;
            builder.with_client_cert_verifier(verifier)
        };
        let (chain, key) = contents.identity(&self.identity)?;
        builder
            .with_single_cert(chain, key)
            .map_err(|source| Error::Identity { path: self.identity.certificate.clone(), source })
    }
}
