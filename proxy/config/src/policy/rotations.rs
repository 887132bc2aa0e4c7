//! When whoever writes the policy wanted data keys to be replaced.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::ledger::KeyRef;
use crate::reader::Field;

/// Longer than any date or hash.
const MAX_MARK: usize = 64;

/// A mark for each key whose data keys were to be replaced. Another mark than before has them replaced once more, at every proxy
/// that was there before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rotations(BTreeMap<KeyRef, String>);

impl Rotations {
    /// Of these marks.
    pub fn new(marks: impl IntoIterator<Item = (KeyRef, String)>) -> Self {
        Self(marks.into_iter().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The marks by key.
    pub fn marks(&self) -> impl Iterator<Item = (&KeyRef, &str)> {
        self.0.iter().map(|(key, mark)| (key, mark.as_str()))
    }

    /// The keys whose mark is not the one from before. That a mark is gone asks for nothing.
    pub fn since(&self, before: &Self) -> impl Iterator<Item = &KeyRef> {
        self.0.iter().filter(|(key, mark)| before.0.get(key) != Some(mark)).map(|(key, _)| key)
    }

    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let mut marks = BTreeMap::new();
        for item in field.items()? {
            let Some(fields) = item.fields(&["provider", "name", "mark"]) else { continue };
            let mark = fields.required("mark").and_then(|field| {
                let mark = field.text()?;
                if mark.is_empty() || mark.len() > MAX_MARK {
                    field.mistake(format!("must have 1 to {MAX_MARK} bytes"));
                }
                Some(mark.to_owned())
            });
            let (Some(key), Some(mark)) = (KeyRef::of(&fields, None), mark) else { continue };
            if marks.insert(key, mark).is_some() {
                item.mistake("has the same key as an earlier entry");
            }
        }
        Some(Self(marks))
    }
}

impl Serialize for Rotations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Text<'a> {
            #[serde(flatten)]
            key: &'a KeyRef,
            mark: &'a str,
        }
        serializer.collect_seq(self.0.iter().map(|(key, mark)| Text { key, mark }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn rotations(text: &str) -> Result<Rotations, String> {
        let policy = Policy::parse(&format!("rotations: {text}\nrules: []"), &[].into());
        let policy = policy.map_err(|error| error.to_string())?;
        assert_eq!(Policy::parse(&policy.to_yaml(), &[].into()).unwrap(), policy);
        Ok(policy.rotations().clone())
    }

    #[test]
    fn a_mark_that_is_new_asks_for_a_rotation_and_one_that_is_gone_for_none() {
        let before = rotations("[{name: a, mark: x}, {name: b, mark: x}, {name: gone, mark: x}]").unwrap();
        let now =
            rotations("[{name: a, mark: x}, {name: b, mark: y}, {provider: p, name: b, mark: x}]").unwrap();
        let since: Vec<_> = now.since(&before).map(ToString::to_string).collect();
        assert_eq!(since, ["b of provider default", "b of provider p"]);
        assert_eq!(before.since(&before).count(), 0);
    }

    #[test]
    fn refuses_what_cannot_be_told_apart() {
        for (text, expected) in [
            ("[{name: a}]", "rotations[0].mark: is required"),
            ("[{name: a, mark: ''}]", "rotations[0].mark: must have 1 to 64 bytes"),
            (
                "[{name: a, mark: x}, {name: a, mark: y}]",
                "rotations[1]: has the same key as an earlier entry",
            ),
        ] {
            assert_eq!(rotations(text).unwrap_err(), expected, "{text}");
        }
    }
}
