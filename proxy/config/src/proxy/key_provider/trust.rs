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

impl ProviderTrust {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["caFile"])?;
        let ca_file = fields.required("caFile").and_then(|field| read_path(field, base_dir))?;
        Some(Self { ca_file })
    }
}
