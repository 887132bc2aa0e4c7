//! How the proxy authenticates to brokers as itself.

use std::path::Path;

use serde::{Serialize, Serializer};

use super::{Listener, UpstreamTls, read_path};
use crate::error::Mistakes;
use crate::name::UserName;
use crate::path::ConfigPath;
use crate::reader::Field;

/// The identity under which all clients act at the brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamAuthentication {
    /// What shows it.
    pub method: AuthenticationMethod,
    /// Whether clients that show no certificate may act under it too.
    pub allow_anonymous_clients: bool,
}

/// What shows the proxy's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthenticationMethod {
    /// A client certificate, in TLS.
    Tls(ClientIdentity),
    /// A password that is never sent.
    ScramSha512(ScramUser),
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientIdentity {
    /// The certificate chain, PEM.
    pub certificate_file: ConfigPath,
    /// Its private key, PEM.
    pub key_file: ConfigPath,
}

/// A user with a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScramUser {
    /// The user.
    pub username: UserName,
    /// The password, UTF-8 text; one end of line behind it does not count.
    pub password_file: ConfigPath,
}

impl UpstreamAuthentication {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["tls", "scramSha512", "allowAnonymousClients"])?;
        let tls = fields.optional("tls").map(|field| ClientIdentity::read(field, base_dir));
        let scram = fields.optional("scramSha512").map(|field| ScramUser::read(field, base_dir));
        let allowed = fields.optional("allowAnonymousClients").map(Field::boolean);
        let method = match (tls, scram) {
            (Some(tls), None) => AuthenticationMethod::Tls(tls?),
            (None, Some(scram)) => AuthenticationMethod::ScramSha512(scram?),
            _ => {
                field.mistake("must have exactly one of tls, scramSha512");
                return None;
            }
        };
        Some(Self { method, allow_anonymous_clients: allowed.unwrap_or(Some(false))? })
    }

    /// A certificate needs TLS.
    pub(super) fn check_tls(&self, field: &Field<'_>, tls: Option<&UpstreamTls>) {
        if matches!(self.method, AuthenticationMethod::Tls(_)) && tls.is_none() {
            field.mistake("must have scramSha512, since without upstream.tls no certificate is shown");
        }
    }

    /// Whoever reaches a listener acts as the proxy at the brokers.
    pub(super) fn check_listeners(&self, mistakes: &Mistakes, listeners: &[Option<Listener>]) {
        if self.allow_anonymous_clients {
            return;
        }
        for (index, listener) in listeners.iter().enumerate() {
            let Some(listener) = listener else { continue };
            let (field, problem) = match &listener.tls {
                Some(tls) if tls.demands_certificates() => continue,
                Some(tls) if tls.has_client_ca() => ("clientCertificates", "must be Required"),
                _ => ("clientCaFile", "or clientCaDirectory is required"),
            };
            mistakes.add(
                format!("listeners[{index}].tls.{field}"),
                format!(
                    "{problem}, since clients act as the proxy with upstream.authentication (unless that says \
                     allowAnonymousClients: true)"
                ),
            );
        }
    }
}

impl ClientIdentity {
    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["certificateFile", "keyFile"])?;
        let certificate_file =
            fields.required("certificateFile").and_then(|field| read_path(field, base_dir));
        let key_file = fields.required("keyFile").and_then(|field| read_path(field, base_dir));
        Some(Self { certificate_file: certificate_file?, key_file: key_file? })
    }
}

impl ScramUser {
    fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["username", "passwordFile"])?;
        let username = fields.required("username").and_then(|field| field.parsed(UserName::new));
        let password_file = fields.required("passwordFile").and_then(|field| read_path(field, base_dir));
        Some(Self { username: username?, password_file: password_file? })
    }
}

// By hand, since the YAML library writes enums as tags.
impl Serialize for UpstreamAuthentication {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Text<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            tls: Option<&'a ClientIdentity>,
            #[serde(skip_serializing_if = "Option::is_none")]
            scram_sha512: Option<&'a ScramUser>,
            allow_anonymous_clients: bool,
        }
        let (tls, scram_sha512) = match &self.method {
            AuthenticationMethod::Tls(identity) => (Some(identity), None),
            AuthenticationMethod::ScramSha512(user) => (None, Some(user)),
        };
        let allow_anonymous_clients = self.allow_anonymous_clients;
        Text { tls, scram_sha512, allow_anonymous_clients }.serialize(serializer)
    }
}
