//! Where the policy is, and where the proxy keeps what it must not forget about it.

use std::path::Path;

use serde::Serialize;

use super::read_path;
use crate::path::ConfigPath;
use crate::reader::Field;

/// The files of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyFiles {
    /// The policy, which people or the operator write.
    pub file: ConfigPath,
    /// The ledger of what was ever encrypted, which the proxy writes. By default beside the policy.
    pub state_file: ConfigPath,
}

impl PolicyFiles {
    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["file", "stateFile"])?;
        let file = fields.required("file").and_then(|field| read_path(field, base_dir));
        let state_file = fields.optional("stateFile").map(|field| (field, read_path(field, base_dir)));
        let file = file?;
        let state_file = match state_file {
            None => file.with_suffix(".state"),
            Some((field, path)) => {
                let path = path?;
                if path.as_path() == file.as_path() {
                    field.mistake("must not be the policy's own file");
                }
                path
            }
        };
        Some(Self { file, state_file })
    }
}
