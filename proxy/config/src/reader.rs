//! Reads a tree field by field and collects every mistake instead of stopping at the first.
//!
//! Each method returns `None` after it has noted a mistake. A caller reads all fields first and gives up only
//! then; a default put in place of a mistaken value is never used, because the document as a whole is
//! refused.

mod fields;
mod quote;
mod suggestion;

use std::collections::HashSet;
use std::fmt;
use std::ops::RangeInclusive;

pub(crate) use self::fields::Fields;
pub(crate) use self::quote::quote;

use self::suggestion::did_you_mean;
use crate::error::Mistakes;
use crate::yaml::Node;

/// A value with the path at which it stands.
#[derive(Debug, Clone)]
pub(crate) struct Field<'a> {
    node: &'a Node,
    path: String,
    mistakes: &'a Mistakes,
}

impl<'a> Field<'a> {
    /// The whole document.
    pub(crate) fn root(node: &'a Node, mistakes: &'a Mistakes) -> Self {
        Self { node, path: String::new(), mistakes }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn mistakes(&self) -> &'a Mistakes {
        self.mistakes
    }

    /// Notes a mistake about this value.
    pub(crate) fn mistake(&self, problem: impl Into<String>) {
        self.mistakes.add(self.path.clone(), problem);
    }

    pub(crate) fn text(&self) -> Option<&'a str> {
        match self.node {
            Node::Text(text) => Some(text),
            Node::Boolean(_) | Node::Integer(_) | Node::Float => {
                self.mistake(format!("must be text, not {}: put it in quotes", self.node.kind()));
                None
            }
            _ => self.must_be("text"),
        }
    }

    /// Text that a type checks.
    pub(crate) fn parsed<T, E: fmt::Display>(
        &self,
        parse: impl FnOnce(&'a str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text()?;
        parse(text).map_err(|error| self.mistake(format!("{error}, not {}", quote(text)))).ok()
    }

    /// Text that is one of a few words.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let chosen = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if chosen.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.mistake(format!("must be {}, not {}", words.join(" or "), quote(text)));
        }
        chosen
    }

    /// A whole number within a range.
    pub(crate) fn integer<T>(&self, range: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i128> + PartialOrd + fmt::Display,
    {
        let found = match self.node {
            Node::Integer(value) => match T::try_from(*value) {
                Ok(number) if range.contains(&number) => return Some(number),
                _ => value.to_string(),
            },
            Node::Text(text) => quote(text),
            other => other.kind().to_owned(),
        };
        self.mistake(format!(
            "must be a whole number from {} to {}, not {found}",
            range.start(),
            range.end()
        ));
        None
    }

    /// The value `true`, which is all that some fields can say.
    pub(crate) fn truth(&self) -> Option<()> {
        if *self.node == Node::Boolean(true) {
            return Some(());
        }
        self.mistake("must be true");
        None
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.node {
            Node::Boolean(value) => Some(*value),
            _ => self.must_be("true or false"),
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Option<Vec<Self>> {
        let Node::List(items) = self.node else {
            return self.must_be("a list");
        };
        let item =
            |(index, node)| Self { node, path: format!("{}[{index}]", self.path), mistakes: self.mistakes };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The items of a list that must not be empty.
    pub(crate) fn some_items(&self) -> Option<Vec<Self>> {
        let items = self.items()?;
        if items.is_empty() {
            self.mistake("must have at least one entry");
            return None;
        }
        Some(items)
    }

    /// The entries of a mapping whose keys are data. Whole numbers count as keys, for broker ids.
    pub(crate) fn entries(&self) -> Option<Vec<(String, Self)>> {
        let Node::Mapping(mapping) = self.node else {
            return self.must_be("a mapping");
        };
        let mut seen = HashSet::new();
        let mut entries = Vec::with_capacity(mapping.len());
        for (key, node) in mapping {
            let key = match key {
                Node::Text(text) => text.clone(),
                Node::Integer(number) => number.to_string(),
                other => {
                    self.mistake(format!("has {} as a key, which must be text", other.kind()));
                    continue;
                }
            };
            let field = Self { node, path: self.child(&key), mistakes: self.mistakes };
            if seen.insert(key.clone()) {
                entries.push((key, field));
            } else {
                field.mistake("is given twice");
            }
        }
        Some(entries)
    }

    /// The fields of a mapping, all of whose names are known.
    pub(crate) fn fields(&self, known: &'static [&'static str]) -> Option<Fields<'a>> {
        let mut entries = self.entries()?;
        entries.retain(|(key, field)| {
            let is_known = known.contains(&key.as_str());
            if !is_known {
                field.mistake(match did_you_mean(key, known) {
                    Some(name) => format!("is not a known field; did you mean {name}?"),
                    None => format!("is not a known field; known are {}", known.join(", ")),
                });
            }
            is_known
        });
        Some(Fields::new(self.clone(), known, entries))
    }

    fn must_be<T>(&self, wanted: &str) -> Option<T> {
        self.mistake(format!("must be {wanted}, not {}", self.node.kind()));
        None
    }

    /// The path of a member, quoted where its name would be taken for part of the path.
    fn child(&self, key: &str) -> String {
        let plain = !key.is_empty()
            && key.len() <= 64
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        match (plain, self.path.is_empty()) {
            (true, true) => key.to_owned(),
            (true, false) => format!("{}.{key}", self.path),
            (false, _) => format!("{}[{}]", self.path, quote(key)),
        }
    }
}
