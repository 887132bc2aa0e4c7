//! TLS towards clients.

use super::files::{Contents, IdentityFiles};
use super::principal::{Allowed, RefusedClients};
use super::reloading::{Reloading, Source};
use super::trusted::Trusted;
use super::{Error, Reload, provider};
use proxy_config::{CipherSuite, ClientCertificates, Principal, TlsVersion};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

/// What a listener presents and demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFiles {
    /// What the listener presents.
    pub identity: IdentityFiles,
    /// Whose certificates it takes; `None` where it asks for none.
    pub clients: Option<Clients>,
    /// The oldest version that it speaks.
    pub min_version: TlsVersion,
    /// The cipher suites that it takes, all of the provider's where there is no list.
    pub cipher_suites: Option<Vec<CipherSuite>>,
}

/// Whose certificates a listener takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients {
    /// Their issuers.
    pub authorities: Trusted,
    /// Whether they may also come without one.
    pub required: ClientCertificates,
    /// PEM file: what the issuers have revoked.
    pub revoked: Option<PathBuf>,
    /// Their subjects, whatever they are where there is no list.
    pub principals: Option<Vec<Principal>>,
}

/// TLS of one listener. Shared by its connections; handshakes take the configuration of their moment.
#[derive(Debug)]
pub struct ServerTls {
    reloading: Reloading<Made>,
    refused: Arc<RefusedClients>,
}

/// What a configuration is made from.
#[derive(Debug, Clone)]
struct Made {
    files: ServerFiles,
    refused: Arc<RefusedClients>,
}

impl ServerTls {
    /// Reads the files for the first time.
    pub fn load(files: ServerFiles) -> Result<Self, Error> {
        let refused = Arc::<RefusedClients>::default();
        let reloading = Reloading::load(Made { files, refused: Arc::clone(&refused) })?;
        Ok(Self { reloading, refused })
    }

    /// For the next handshake.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.reloading.config()
    }

    /// Whose certificates were not taken.
    pub(crate) fn refused(&self) -> &RefusedClients {
        &self.refused
    }
}

impl Reload for ServerTls {
    fn reload(&self) -> Result<bool, Error> {
        self.reloading.reload()
    }
}

impl Source for Made {
    type Config = ServerConfig;

    fn resolve(&self) -> Result<Cow<'_, Self>, Error> {
        let Some(clients) = &self.files.clients else { return Ok(Cow::Borrowed(self)) };
        Ok(match clients.authorities.resolve()? {
            Cow::Borrowed(_) => Cow::Borrowed(self),
            Cow::Owned(authorities) => {
                let clients = Some(Clients { authorities, ..clients.clone() });
                let files = ServerFiles { clients, ..self.files.clone() };
                Cow::Owned(Self { files, refused: Arc::clone(&self.refused) })
            }
        })
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        let files = &self.files;
        files.identity.paths().chain(files.clients.iter().flat_map(Clients::paths))
    }

    fn build(&self, contents: &Contents<'_>) -> Result<ServerConfig, Error> {
        let files = &self.files;
        let builder = ServerConfig::builder_with_provider(files.provider())
            .with_protocol_versions(&files.versions())
            .map_err(Error::Versions)?;
        let builder = match &files.clients {
            None => builder.with_no_client_auth(),
            Some(clients) => builder.with_client_cert_verifier(clients.verifier(contents, &self.refused)?),
        };
        let (chain, key) = contents.identity(&files.identity)?;
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|source| Error::Identity { path: files.identity.certificate.clone(), source })?;
        if files.clients.is_some() {
            // A session that is resumed is not verified again, though its certificate may have ended or been revoked since.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(config)
    }
}

impl ServerFiles {
    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        match self.min_version {
            TlsVersion::Tls12 => vec![&TLS13, &TLS12],
            TlsVersion::Tls13 => vec![&TLS13],
        }
    }

    fn provider(&self) -> Arc<CryptoProvider> {
        let Some(wanted) = &self.cipher_suites else { return provider() };
        let mut own = CryptoProvider::clone(&provider());
        own.cipher_suites.retain(|suite| wanted.iter().any(|wanted| names(*wanted, *suite)));
        Arc::new(own)
    }
}

/// rustls writes `TLS13` where the register of IANA has `TLS`.
fn names(wanted: CipherSuite, suite: SupportedCipherSuite) -> bool {
    let own = suite.suite();
    own.as_str().is_some_and(|own| own.replacen("TLS13_", "TLS_", 1) == wanted.name())
}

impl Clients {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.authorities.paths().chain(self.revoked.as_deref())
    }

    fn verifier(
        &self,
        contents: &Contents<'_>,
        refused: &Arc<RefusedClients>,
    ) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let anchors = Arc::new(contents.anchors(self.authorities.files())?);
        let mut builder = WebPkiClientVerifier::builder_with_provider(anchors, provider());
        if let Some(path) = &self.revoked {
            // A list that is out of date says nothing of what was revoked since.
            builder = builder.with_crls(contents.revoked(path)?).enforce_revocation_expiration();
        }
        if self.required == ClientCertificates::Optional {
            builder = builder.allow_unauthenticated();
        }
        let verifier = builder.build().map_err(Error::Verifier)?;
        Ok(match &self.principals {
            None => verifier,
            Some(principals) => Arc::new(Allowed::new(verifier, principals, Arc::clone(refused))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cipher_suite_of_the_configuration_is_one_of_the_providers_and_no_other_is() {
        let all = provider();
        let named =
            |wanted: &CipherSuite| all.cipher_suites.iter().filter(|suite| names(*wanted, **suite)).count();
        assert!(CipherSuite::ALL.iter().all(|wanted| named(wanted) == 1));
        assert_eq!(CipherSuite::ALL.len(), all.cipher_suites.len());
    }
}
