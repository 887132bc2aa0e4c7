//! The history as a file beside the ledger's: what one proxy learned must outlive it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::History;
use crate::durable::{never_written, replace};
use crate::error::{ConfigErrors, Mistake, Mistakes};
use crate::file::read_bytes;
use crate::reader::Field;
use crate::yaml;

/// Room for a million partitions.
const MAX_BYTES: usize = 64 << 20;
const VERSION: u32 = 1;
const HEADER: &str = "\
# Written by the proxy: the offsets at which the partitions of topics under `onPlaintext: PassUntil` were
# first encrypted (-1: not asked for yet). Clear records from there on are refused. Keep this file with the
# policy: without it, clear records that were written meanwhile count as history.
";

/// Why the history cannot be read or written. Whoever gets one must not go on as if there were none.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file is there but cannot be read.
    #[error("failed to read the history file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is no history.
    #[error("failed to understand the history file {}; restore it", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// All that is wrong with it.
        #[source]
        source: ConfigErrors,
    },
    /// It has outgrown what could be read back.
    #[error("failed to write the history file {}: it would be larger than {MAX_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be replaced.
    #[error("failed to write the history file {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

#[derive(Serialize)]
struct FileText<'a> {
    version: u32,
    history: &'a History,
}

impl History {
    /// Reads the file. One that was never written is an empty history; anything else that cannot be read is an error.
    pub fn load(path: &Path) -> Result<Self, HistoryError> {
        let bytes = match read_bytes(path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound && never_written(path) => {
                return Ok(Self::default());
            }
            Err(source) => return Err(HistoryError::Read { path: path.to_owned(), source }),
        };
        let text = String::from_utf8(bytes)
            .map_err(|error| ConfigErrors::from(Mistake::new("", format!("is not UTF-8 text: {error}"))));
        text.and_then(|text| Self::parse(&text))
            .map_err(|source| HistoryError::Corrupt { path: path.to_owned(), source })
    }

    /// Parses the text of a history file.
    pub fn parse(text: &str) -> Result<Self, ConfigErrors> {
        let node = yaml::parse(text, MAX_BYTES)?;
        let mistakes = Mistakes::default();
        let root = Field::root(&node, &mistakes);
        let history = root.fields(&["version", "history"]).and_then(|fields| {
            fields.required("version").and_then(|field| field.integer(VERSION..=VERSION));
            fields.required("history").and_then(Self::read)
        });
        mistakes.or_value(history)
    }

    /// The text of a history file that means this.
    pub fn to_yaml(&self) -> String {
        format!("{HEADER}{}", yaml::write(&FileText { version: VERSION, history: self }))
    }

    /// Replaces the file. After a success the history is on disk; after a failure the file is the old one or the new one,
    /// but whole.
    pub fn save(&self, path: &Path) -> Result<(), HistoryError> {
        let text = self.to_yaml();
        if text.len() > MAX_BYTES {
            return Err(HistoryError::TooLarge { path: path.to_owned() });
        }
        replace(path, text.as_bytes()).map_err(|source| HistoryError::Write { path: path.to_owned(), source })
    }
}
