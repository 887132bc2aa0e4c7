//! Where the server is, and how to log in.

use std::path::PathBuf;

use reqwest::Url;

use crate::files::Followed;
use crate::http::TlsFiles;

/// A Transit secrets engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultSettings {
    /// The server, `https://host:port`.
    pub address: Url,
    /// The namespace (Vault Enterprise, OpenBao).
    pub namespace: Option<String>,
    /// The path at which the engine is mounted.
    pub mount: String,
    /// What new data keys are bound to.
    pub binding: Binding,
    /// How to log in.
    pub login: Login,
    /// Files for TLS.
    pub tls: TlsFiles,
}

/// What ties a wrapped data key to its cluster, provider and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Associated data of the key's AEAD. OpenBao; the key is of an AEAD type.
    AssociatedData,
    /// A key derived for the context. Vault and OpenBao; the key was made with `derived=true`.
    DerivedKey,
    /// Nothing: whoever may use the key can unwrap a data key in another context.
    None,
}

/// How to get a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// Somebody else, such as an agent, keeps a token in a file. It is renewed where it may be.
    TokenFile(PathBuf),
    /// A signed token of the platform, for the methods `kubernetes` and `jwt`.
    Jwt {
        /// The path of the method, below `auth/`.
        mount: String,
        /// The role to log in as.
        role: String,
        /// The file of the signed token.
        token: PathBuf,
    },
    /// The method `approle`.
    AppRole {
        /// The path of the method, below `auth/`.
        mount: String,
        /// The file of the role's id.
        role_id: PathBuf,
        /// The file of the secret id.
        secret_id: PathBuf,
    },
}

impl VaultSettings {
    /// All files that these settings name.
    pub(super) fn files(&self) -> Vec<Followed> {
        let login = match &self.login {
            Login::TokenFile(token) | Login::Jwt { token, .. } => vec![token],
            Login::AppRole { role_id, secret_id, .. } => vec![role_id, secret_id],
        };
        let login = login.into_iter().cloned().map(Followed::Secret);
        self.tls.followed().into_iter().chain(login).collect()
    }
}
