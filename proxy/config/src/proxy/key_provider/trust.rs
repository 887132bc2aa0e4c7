//! Whom to trust at the other end.

use std::path::Path;

use serde::Serialize;

use super::super::read_path;
use crate::path::ConfigPath;
use crate::reader::Field;

/// Files for TLS to a service that asks for no client certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderTrust {
    /// CA certificates to trust instead of those of the system, PEM.
    pub ca_file: ConfigPath,
}

/// Files for TLS to a key management system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderTls {
    /// CA certificates to trust instead of those of the system, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<ConfigPath>,
    /// The client's certificate chain, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<ConfigPath>,
    /// Its private key, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<ConfigPath>,
}

impl ProviderTrust {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["caFile"])?;
        let ca_file = fields.required("caFile").and_then(|field| read_path(field, base_dir))?;
        Some(Self { ca_file })
    }
}

impl ProviderTls {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["caFile", "certificateFile", "keyFile"])?;
        let file = |name| fields.optional(name).map(|field| read_path(field, base_dir));
        let (ca, certificate, key) = (file("caFile"), file("certificateFile"), file("keyFile"));
        if certificate.is_some() != key.is_some() {
            field.mistake("must have certificateFile and keyFile together");
        }
        let given = |file: Option<Option<ConfigPath>>| file.map_or(Some(None), |file| file.map(Some));
        Some(Self { ca_file: given(ca)?, certificate_file: given(certificate)?, key_file: given(key)? })
    }
}
