//! TLS towards clients.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::read_path;
use crate::path::ConfigPath;
use crate::reader::{Field, Fields};

/// More names belong into an authority of their own.
const MOST_PRINCIPALS: usize = 1000;
const LONGEST_PRINCIPAL: usize = 1024;

/// What a listener shows clients, and what it wants to see of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerTls {
    /// The certificate chain, PEM.
    pub certificate_file: ConfigPath,
    /// Its private key, PEM.
    pub key_file: ConfigPath,
    /// The authorities that clients' certificates must come from; without them clients show none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca_file: Option<ConfigPath>,
    /// Or all files `*.crt` of a directory, as they come and go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca_directory: Option<ConfigPath>,
    /// Whether clients of these authorities may also come without a certificate.
    #[serde(skip_serializing_if = "ClientCertificates::is_required")]
    pub client_certificates: ClientCertificates,
    /// What these authorities have revoked, PEM, one or more lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_crl_file: Option<ConfigPath>,
    /// The subjects whose certificates are taken; all of these authorities' if there is no list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_principals: Option<Vec<Principal>>,
    /// The oldest version that clients may speak.
    pub min_version: TlsVersion,
    /// The cipher suites that clients may choose of; all good ones if there is no list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher_suites: Option<Vec<CipherSuite>>,
}

/// Whether certificates are demanded where there are authorities for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum ClientCertificates {
    /// No connection without one.
    #[default]
    Required,
    /// One that is shown must be good.
    Optional,
}

impl ClientCertificates {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
    fn is_required(&self) -> bool {
        *self == Self::Required
    }
}

/// A version of TLS, as Kafka writes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    #[serde(rename = "TLSv1.2")]
    Tls12,
    /// RFC 8446.
    #[serde(rename = "TLSv1.3")]
    Tls13,
}

/// The subject of a certificate as brokers name it without mapping rules: RFC 2253, such as `CN=payments,O=example`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Principal(String);

macro_rules! cipher_suites {
    ($($variant:ident $name:literal,)*) => {
        /// A cipher suite by its IANA name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum CipherSuite {
            $(#[serde(rename = $name)] $variant,)*
        }

        impl CipherSuite {
            /// All of them, the best first.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
            const NAMES: &[(&str, Self)] = &[$(($name, Self::$variant)),*];

            /// Its IANA name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

cipher_suites! {
    Aes256Gcm "TLS_AES_256_GCM_SHA384",
    Aes128Gcm "TLS_AES_128_GCM_SHA256",
    ChaCha20Poly1305 "TLS_CHACHA20_POLY1305_SHA256",
    EcdsaAes256Gcm "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    EcdsaAes128Gcm "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    EcdsaChaCha20Poly1305 "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    RsaAes256Gcm "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    RsaAes128Gcm "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    RsaChaCha20Poly1305 "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}

impl CipherSuite {
    /// The version that it belongs to. No suite belongs to both.
    pub fn version(self) -> TlsVersion {
        match self {
            Self::Aes256Gcm | Self::Aes128Gcm | Self::ChaCha20Poly1305 => TlsVersion::Tls13,
            _ => TlsVersion::Tls12,
        }
    }
}

impl Principal {
    /// A subject; `None` if the text cannot be one.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let begins = text.split_once('=').is_some_and(|(kind, _)| {
            !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        });
        (begins && text.len() <= LONGEST_PRINCIPAL).then_some(Self(text))
    }

    /// The subject as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ServerTls {
    /// Whether clients must show a certificate.
    pub fn demands_certificates(&self) -> bool {
        self.has_client_ca() && self.client_certificates == ClientCertificates::Required
    }

    pub(super) fn has_client_ca(&self) -> bool {
        self.client_ca_file.is_some() || self.client_ca_directory.is_some()
    }

    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&[
            "certificateFile",
            "keyFile",
            "clientCaFile",
            "clientCaDirectory",
            "clientCertificates",
            "clientCrlFile",
            "allowedPrincipals",
            "minVersion",
            "cipherSuites",
        ])?;
        let certificate_file =
            fields.required("certificateFile").and_then(|field| read_path(field, base_dir));
        let key_file = fields.required("keyFile").and_then(|field| read_path(field, base_dir));
        let path = |field: &Field<'_>| read_path(field, base_dir);
        let client_ca_file = given(&fields, "clientCaFile", path);
        let client_ca_directory = given(&fields, "clientCaDirectory", path);
        let certificates =
            [("Required", ClientCertificates::Required), ("Optional", ClientCertificates::Optional)];
        let client_certificates = given(&fields, "clientCertificates", |field| field.choice(&certificates));
        let client_crl_file = given(&fields, "clientCrlFile", path);
        let allowed_principals = given(&fields, "allowedPrincipals", read_principals);
        let versions = [("TLSv1.2", TlsVersion::Tls12), ("TLSv1.3", TlsVersion::Tls13)];
        let min_version = given(&fields, "minVersion", |field| field.choice(&versions));
        let cipher_suites = given(&fields, "cipherSuites", read_cipher_suites);
        let tls = Self {
            certificate_file: certificate_file?,
            key_file: key_file?,
            client_ca_file: client_ca_file.ok()?,
            client_ca_directory: client_ca_directory.ok()?,
            client_certificates: client_certificates.ok()?.unwrap_or_default(),
            client_crl_file: client_crl_file.ok()?,
            allowed_principals: allowed_principals.ok()?,
            min_version: min_version.ok()?.unwrap_or_default(),
            cipher_suites: cipher_suites.ok()?,
        };
        tls.check(&fields);
        Some(tls)
    }

    fn check(&self, fields: &Fields<'_>) {
        if let (Some(_), Some(directory)) =
            (fields.optional("clientCaFile"), fields.optional("clientCaDirectory"))
        {
            directory.mistake("must not be given beside clientCaFile");
        }
        if !self.has_client_ca() {
            for name in ["clientCertificates", "clientCrlFile", "allowedPrincipals"] {
                if let Some(field) = fields.optional(name) {
                    field.mistake("needs clientCaFile or clientCaDirectory");
                }
            }
        }
        if self.client_certificates == ClientCertificates::Optional
            && let Some(field) = fields.optional("allowedPrincipals")
        {
            field.mistake(
                "needs clientCertificates: Required, or whoever shows no certificate would be allowed",
            );
        }
        let usable = |suite: &CipherSuite| {
            self.min_version == TlsVersion::Tls12 || suite.version() == TlsVersion::Tls13
        };
        if let (Some(suites), Some(field)) = (&self.cipher_suites, fields.optional("cipherSuites"))
            && !suites.iter().any(usable)
        {
            field.mistake("must have a cipher suite of TLSv1.3, since minVersion is TLSv1.3");
        }
    }
}

/// A field is there and cannot be read. It must not look like one that is absent.
struct Wrong;

/// A field that need not be there.
fn given<T>(
    fields: &Fields<'_>,
    name: &str,
    read: impl FnOnce(&Field<'_>) -> Option<T>,
) -> Result<Option<T>, Wrong> {
    fields.optional(name).map(|field| read(field).ok_or(Wrong)).transpose()
}

fn read_principals(field: &Field<'_>) -> Option<Vec<Principal>> {
    let items = field.some_items()?;
    if items.len() > MOST_PRINCIPALS {
        field.mistake(format!("must have at most {MOST_PRINCIPALS} entries, not {}", items.len()));
        return None;
    }
    let wrong = "must be the subject of a certificate in the form of RFC 2253, such as CN=payments,O=example";
    items.iter().map(|item| item.parsed(|text| Principal::new(text).ok_or(wrong))).collect()
}

fn read_cipher_suites(field: &Field<'_>) -> Option<Vec<CipherSuite>> {
    field.some_items()?.iter().map(|item| item.choice(CipherSuite::NAMES)).collect()
}
