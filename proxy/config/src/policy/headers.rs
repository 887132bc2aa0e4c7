//! Headers whose values are encrypted.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::name::{HeaderName, NameError};
use crate::reader::Field;

/// More would slow every record down, which is compared with all of them.
const MOST: usize = 64;

/// Names of headers, exact and ordered. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SealedHeaders(Arc<[HeaderName]>);

impl SealedHeaders {
    /// Of these names.
    pub fn new(names: impl IntoIterator<Item = HeaderName>) -> Self {
        Self(names.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// Of names as text.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, NameError> {
        names.into_iter().map(HeaderName::new).collect::<Result<Vec<_>, _>>().map(Self::new)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether values of headers of this name are encrypted.
    pub fn has(&self, name: &[u8]) -> bool {
        self.0.binary_search_by(|sealed| sealed.as_str().as_bytes().cmp(name)).is_ok()
    }

    /// The names, each once.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(HeaderName::as_str)
    }

    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let items = field.some_items()?;
        if items.len() > MOST {
            field.mistake(format!("must have at most {MOST} names"));
            return None;
        }
        let mut names = BTreeSet::new();
        for item in &items {
            let name = item.parsed(HeaderName::new);
            if let Some(name) = name
                && let Some(twice) = names.replace(name)
            {
                item.mistake(format!("must not name {twice} twice"));
            }
        }
        (names.len() == items.len()).then(|| Self::new(names))
    }
}

impl fmt::Display for SealedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl Serialize for SealedHeaders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}
