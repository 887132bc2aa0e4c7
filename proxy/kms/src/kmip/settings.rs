//! Where a server is, and how to speak to it.

use std::path::PathBuf;

use crate::files::Followed;

/// A KMIP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmipSettings {
    /// Its name or IP address, which its certificate must be for.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// CA certificates to trust, PEM.
    pub ca: PathBuf,
    /// The client's certificate chain, PEM, by which the server knows it.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Fetches the key and encrypts here, for servers that cannot. Whoever is in this process can then take the key away.
    pub fetch_keys: bool,
}

impl KmipSettings {
    pub(super) fn files(&self) -> Vec<Followed> {
        vec![
            Followed::Certificates(self.ca.clone()),
            Followed::Certificates(self.certificate.clone()),
            Followed::Secret(self.key.clone()),
        ]
    }
}
