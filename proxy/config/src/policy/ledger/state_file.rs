//! The ledger as a file: readable by people, strict to parse, replaced in one step.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{KeyRef, Ledger};
use crate::durable::{never_written, replace};
use crate::error::{ConfigErrors, Mistake, Mistakes};
use crate::file::read_bytes;
use crate::policy::pattern::Pattern;
use crate::reader::Field;
use crate::yaml;

/// Room for the patterns of many policies, since entries outlive them.
const MAX_STATE_BYTES: usize = 16 << 20;
const VERSION: u32 = 1;
const HEADER: &str = "\
# Written by the proxy: topic patterns that were ever encrypted, with the key each had last.
# Topics that match stay encrypted or are refused, until a rule of the policy with the same
# pattern says `encryption: Disabled`. Keep this file with the policy. Removing entries by hand
# lets data pass in clear.
";

/// Why the ledger cannot be read or written. Whoever gets one must not go on as if nothing had ever been
/// encrypted.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file is there but cannot be read.
    #[error("failed to read the state file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a ledger.
    #[error("failed to understand the state file {}; restore it, or remove it if nothing was ever encrypted", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// All that is wrong with it.
        #[source]
        source: ConfigErrors,
    },
    /// The ledger has outgrown what could be read back.
    #[error("failed to write the state file {}: it would be larger than {MAX_STATE_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be replaced.
    #[error("failed to write the state file {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

#[derive(Serialize)]
struct StateText<'a> {
    version: u32,
    encrypted: Vec<EntryText<'a>>,
}

#[derive(Serialize)]
struct EntryText<'a> {
    topic: &'a Pattern,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a KeyRef>,
}

impl Ledger {
    /// Reads the ledger. A file that was never written is an empty ledger; anything else that cannot be read,
    /// even a missing directory or a link into nowhere, is an error.
    pub fn load(path: &Path) -> Result<Self, LedgerError> {
        let read_error = |source| LedgerError::Read { path: path.to_owned(), source };
        let bytes = match read_bytes(path, MAX_STATE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound && never_written(path) => {
                return Ok(Self::default());
            }
            Err(error) => return Err(read_error(error)),
        };
        let text = String::from_utf8(bytes)
            .map_err(|error| ConfigErrors::from(Mistake::new("", format!("is not UTF-8 text: {error}"))));
        text.and_then(|text| Self::parse(&text))
            .map_err(|source| LedgerError::Corrupt { path: path.to_owned(), source })
    }

    /// Parses the text of a state file.
    pub fn parse(text: &str) -> Result<Self, ConfigErrors> {
        let node = yaml::parse(text, MAX_STATE_BYTES)?;
        let mistakes = Mistakes::default();
        let ledger = Self::read(&Field::root(&node, &mistakes));
        mistakes.or_value(ledger)
    }

    /// The text of a state file that means this.
    pub fn to_yaml(&self) -> String {
        let encrypted = self.entries().map(|(topic, key)| EntryText { topic, key }).collect();
        format!("{HEADER}{}", yaml::write(&StateText { version: VERSION, encrypted }))
    }

    /// Replaces the file, unless it already says exactly this; tells whether it did. After a success the
    /// ledger is on disk; after a failure the file is the old one or the new one, but whole.
    pub fn save(&self, path: &Path) -> Result<bool, LedgerError> {
        let text = self.to_yaml();
        if text.len() > MAX_STATE_BYTES {
            return Err(LedgerError::TooLarge { path: path.to_owned() });
        }
        let unchanged = match read_bytes(path, MAX_STATE_BYTES) {
            Ok(bytes) => bytes == text.as_bytes(),
            // Nothing to remember and nothing remembered: an unencrypted proxy needs no writable directory.
            Err(error) => error.kind() == ErrorKind::NotFound && self.is_empty(),
        };
        if !unchanged {
            replace(path, text.as_bytes())
                .map_err(|source| LedgerError::Write { path: path.to_owned(), source })?;
        }
        Ok(!unchanged)
    }

    fn read(root: &Field<'_>) -> Option<Self> {
        let fields = root.fields(&["version", "encrypted"])?;
        fields.required("version").and_then(|field| field.integer(VERSION..=VERSION));
        let items = fields.required("encrypted").and_then(Field::items)?;
        let mut ledger = Self::default();
        for item in &items {
            let Some(fields) = item.fields(&["topic", "key"]) else {
                continue;
            };
            let topic = fields.required("topic").and_then(Pattern::read);
            let key = fields.optional("key").and_then(|field| KeyRef::read(field, None));
            if let Some(topic) = topic
                && ledger.entries.insert(topic, key).is_some()
            {
                item.mistake("has the same topic as an earlier entry");
            }
        }
        Some(ledger)
    }
}
