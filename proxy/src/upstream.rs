//! Connections to brokers: one for each client connection.

use crate::brokers::{Address, Brokers};
use crate::credentials::Credentials;
use crate::io::{Reader, Writer, split_plain, split_tls};
use crate::tls::ClientTls;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a client connection leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Bootstrap,
    Broker(i32),
}

#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    #[error("the address of broker {0} is not known")]
    UnknownBroker(i32),
    #[error("failed to connect to {0}:{1}")]
    Connect(String, u16, #[source] std::io::Error),
    #[error("no answer from {0}:{1} within {CONNECT_TIMEOUT:?}")]
    Timeout(String, u16),
    #[error("{0} is no name that a certificate can be checked for")]
    ServerName(String),
    #[error("TLS handshake with {0}:{1} failed")]
    Tls(String, u16, #[source] std::io::Error),
}

pub(crate) struct Upstream {
    bootstrap: Vec<Address>,
    tls: Option<Arc<ClientTls>>,
    identity: Identity,
}

/// Whom brokers see.
#[derive(Debug, Clone)]
pub enum Identity {
    /// The client, whose authentication passes through.
    Client,
    /// The proxy, by its certificate.
    Certificate,
    /// The proxy, by a user's password.
    User(Arc<Credentials>),
}

impl Upstream {
    pub(crate) fn new(bootstrap: Vec<Address>, tls: Option<Arc<ClientTls>>, identity: Identity) -> Self {
        Self { bootstrap, tls, identity }
    }

    /// Brokers take all clients for the proxy.
    pub(crate) fn acts_as_itself(&self) -> bool {
        !matches!(self.identity, Identity::Client)
    }

    /// What each connection is authenticated with before anything else.
    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        match &self.identity {
            Identity::User(credentials) => Some(credentials),
            Identity::Client | Identity::Certificate => None,
        }
    }

    /// Where the cluster is found.
    pub(crate) fn bootstrap(&self) -> &[Address] {
        &self.bootstrap
    }

    /// Connects to the target. A broker without a known address is an error: it is never replaced by another.
    pub(crate) async fn connect(
        &self,
        target: Target,
        brokers: &Brokers,
    ) -> Result<(Reader, Writer), ConnectError> {
        match target {
            Target::Broker(node) => {
                let address = brokers.address(node).ok_or(ConnectError::UnknownBroker(node))?;
                self.connect_to(&address).await
            }
            Target::Bootstrap => {
                let mut last = ConnectError::UnknownBroker(-1);
                for address in &self.bootstrap {
                    match self.connect_to(address).await {
                        Ok(halves) => return Ok(halves),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }

    /// Connects to an address.
    pub(crate) async fn connect_to(&self, address: &Address) -> Result<(Reader, Writer), ConnectError> {
        let Address { host, port } = address;
        match tokio::time::timeout(CONNECT_TIMEOUT, self.handshake(host, *port)).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::Timeout(host.clone(), *port)),
        }
    }

    async fn handshake(&self, host: &str, port: u16) -> Result<(Reader, Writer), ConnectError> {
        let failed = |error| ConnectError::Connect(host.to_owned(), port, error);
        let stream = TcpStream::connect((host, port)).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let Some(tls) = &self.tls else {
            return Ok(split_plain(stream));
        };
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| ConnectError::ServerName(host.to_owned()))?;
        let stream = tls
            .connector()
            .connect(name, stream)
            .await
            .map_err(|error| ConnectError::Tls(host.to_owned(), port, error))?;
        Ok(split_tls(Box::new(stream)))
    }
}
