//! Keys of the `local` provider: which entries the Secret `K-encryption-keys` still lacks.
//!
//! Entries are only ever added. What is lost with a deleted or overwritten one is all data under that key, so whatever looks
//! as if a key were there, but is not as the proxy reads it, is reported and left alone.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use zeroize::Zeroizing;

use crate::secret_text::SecretText;
use entry::{EntryName, check_content};

pub use entry::EntryError;
pub use fingerprint::{Damage, Fingerprint, Fingerprints, damages, destroyed, fingerprints, key_of};

mod entry;
mod fingerprint;

/// The longest name of a local key: there is room for `.vN` behind it in the name of an entry of a Secret, which has 253
/// characters at most.
pub const LONGEST_NAME: usize = 240;
const KEY_BYTES: usize = 32;
/// Base64 of a key.
const TEXT_BYTES: usize = KEY_BYTES.div_ceil(3) * 4;

/// What is to be added, and what stands in the way.
#[derive(Debug, Default)]
pub struct LocalKeys {
    /// New entries, `NAME.v1` and the key as text.
    pub added: BTreeMap<String, SecretText>,
    /// Needed names that get no key.
    pub refused: BTreeMap<String, Refusal>,
    /// Entries of the Secret that proxies cannot use, needed or not.
    pub unusable: BTreeMap<String, EntryError>,
}

/// Why a needed name gets no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No entry of a Secret can be named so.
    #[error(
        "the name of a local key has 1 to {LONGEST_NAME} letters, digits, '.', '_' and '-' and does not begin with a '.'"
    )]
    Name,
    /// What might be the key is no key, and a new one beside it would hide the loss.
    #[error(
        "entry {entry} of the Secret of local keys is unusable, {cause}: restore it, or remove it if no data was ever encrypted under it"
    )]
    Unusable {
        /// The entry.
        entry: String,
        /// What is wrong with it.
        cause: EntryError,
    },
    /// The key was there once.
    #[error(
        "the key was in use and is gone from the Secret of local keys: restore its entries from a backup"
    )]
    Lost,
}

/// No keys could be made at all.
#[derive(Debug, thiserror::Error)]
pub enum LocalKeysError {
    /// The generator of random numbers failed.
    #[error("failed to generate a random key")]
    Random,
}

impl LocalKeys {
    /// Compares what the Secret holds with the names that policies need. Names that were `used` before get no new key: data
    /// under the old one would be unreadable beside it, and the old one could not be restored into the same entry.
    pub fn plan(
        current: Option<&BTreeMap<String, ByteString>>,
        needed: &BTreeSet<String>,
        used: &BTreeSet<String>,
    ) -> Result<Self, LocalKeysError> {
        let mut plan = Self::default();
        let present = plan.read(current);
        for name in needed {
            match plan.lacks(name, &present, used) {
                Ok(None) => {}
                Ok(Some(entry)) => {
                    plan.added.insert(entry, generate()?);
                }
                Err(refusal) => {
                    plan.refused.insert(name.clone(), refusal);
                }
            }
        }
        Ok(plan)
    }

    /// Sorts the entries into names that have a key and entries that are of no use.
    fn read(&mut self, current: Option<&BTreeMap<String, ByteString>>) -> BTreeSet<String> {
        let mut present = BTreeSet::new();
        for (entry, content) in current.into_iter().flatten() {
            let checked = EntryName::parse(entry)
                .and_then(|entry| check_content(&content.0).map(|()| entry.key.to_owned()));
            match checked {
                Ok(name) => {
                    present.insert(name);
                }
                Err(error) => {
                    self.unusable.insert(entry.clone(), error);
                }
            }
        }
        present
    }

    /// The entry that a name lacks, if any.
    fn lacks(
        &self,
        name: &str,
        present: &BTreeSet<String>,
        used: &BTreeSet<String>,
    ) -> Result<Option<String>, Refusal> {
        if present.contains(name) {
            return Ok(None);
        }
        let entry = EntryName::first(name).ok_or(Refusal::Name)?;
        if let Some((entry, cause)) = self.unusable.iter().find(|(entry, _)| entry::may_be_of(entry, name)) {
            return Err(Refusal::Unusable { entry: entry.clone(), cause: cause.clone() });
        }
        if used.contains(name) { Err(Refusal::Lost) } else { Ok(Some(entry)) }
    }
}

fn generate() -> Result<SecretText, LocalKeysError> {
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    rand::fill(key.as_mut_slice()).map_err(|_| LocalKeysError::Random)?;
    // Room for all of it, so that no copy is left behind when the text grows.
    let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES));
    STANDARD.encode_string(key.as_slice(), &mut text);
    Ok(SecretText::new(text))
}

#[cfg(test)]
mod tests;
