//! Where the policy is, and where the proxy keeps what it must not forget about it.

use std::path::Path;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::read_path;
use crate::duration::Span;
use crate::path::ConfigPath;
use crate::reader::Field;

/// The files of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFiles {
    /// The policy, which people or the operator write.
    pub file: ConfigPath,
    /// The ledger of what was ever encrypted, which the proxy writes. By default beside the policy. None where the ledger
    /// is external: whoever writes the policy remembers, and says of each pattern what is to become of it.
    pub state_file: Option<ConfigPath>,
    /// Time between two answers of a broker that says where history ends.
    pub history_settles: Span,
}

/// Who remembers what was ever encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeper {
    Own,
    External,
}

impl PolicyFiles {
    /// Longer than a follower may lag behind by default (`replica.lag.time.max.ms`) before its leader goes on without it.
    pub const HISTORY_SETTLES: Span = Span::seconds(60);

    /// Where the proxy keeps what it learned of history: beside the ledger, and by nobody else but whoever keeps that.
    pub fn history_file(&self) -> Option<ConfigPath> {
        self.state_file.as_ref().map(|file| file.with_suffix(".history"))
    }

    pub(super) fn read(field: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = field.fields(&["file", "stateFile", "ledger", "historySettles"])?;
        let file = fields.required("file").and_then(|field| read_path(field, base_dir));
        let keeper = fields
            .optional("ledger")
            .map(|field| field.choice(&[("own", Keeper::Own), ("external", Keeper::External)]));
        let state_file = fields.optional("stateFile").map(|field| (field, read_path(field, base_dir)));
        let file = file?;
        let state_file = match (keeper.unwrap_or(Some(Keeper::Own))?, state_file) {
            (Keeper::External, None) => None,
            (Keeper::External, Some((field, _))) => {
                field.mistake("must not be given with an external ledger");
                None
            }
            (Keeper::Own, None) => Some(file.with_suffix(".state")),
            (Keeper::Own, Some((field, path))) => {
                let path = path?;
                if path.as_path() == file.as_path() {
                    field.mistake("must not be the policy's own file");
                }
                Some(path)
            }
        };
        let settles = fields.optional("historySettles");
        let settles = settles.and_then(|field| Span::read(field, Span::seconds(1)..=Span::seconds(3600)));
        Some(Self { file, state_file, history_settles: settles.unwrap_or(Self::HISTORY_SETTLES) })
    }
}

impl Serialize for PolicyFiles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &self.file)?;
        match &self.state_file {
            Some(path) => map.serialize_entry("stateFile", path)?,
            None => map.serialize_entry("ledger", "external")?,
        }
        if self.history_settles != Self::HISTORY_SETTLES {
            map.serialize_entry("historySettles", &self.history_settles)?;
        }
        map.end()
    }
}
