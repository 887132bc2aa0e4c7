//! Certificates of clients.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::references::LocalRef;

/// How clients show who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.allowedPrincipals) || self.clientCertificates == 'Required'").message("allowedPrincipals needs clientCertificates: Required, as whoever shows no certificate would be allowed otherwise").field_path(".allowedPrincipals"))]
pub struct ClientAuthentication {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: ClientAuthenticationType,
    /// A Secret whose `ca.crt` holds the CA certificates that clients' certificates are from. By default those of Strimzi's
    /// clients CA of this cluster, with its older ones while Strimzi replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<LocalRef>,
    /// Whether there is no connection without a certificate (`Required`), or only one that is shown must be good (`Optional`).
    #[serde(default)]
    pub client_certificates: ClientCertificates,
    /// A Secret whose `ca.crl` holds the lists of what these CAs have revoked, PEM: one for each CA that clients' certificates come from.
    /// Where a list is missing, or past its time, nobody of that CA gets in. Read again whenever it changes. By default nothing is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crl_secret_ref: Option<LocalRef>,
    /// The subjects whose certificates are taken, as brokers name them without mapping rules (RFC 2253), compared as text: `CN=payments`
    /// for the `KafkaUser` `payments`. By default all of the CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 1000),
        inner(length(min = 2, max = 1024), regex(pattern = r"^[A-Za-z0-9.]+="))
    )]
    pub allowed_principals: Option<Vec<String>>,
}

/// The kind of a client's authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuthenticationType {
    /// A certificate.
    Tls,
}

/// Whether clients must show a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClientCertificates {
    /// No connection without one.
    #[default]
    Required,
    /// One that is shown must be good.
    Optional,
}
