//! The fields of one mapping.

use super::Field;

/// A mapping whose field names have been checked.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    whole: Field<'a>,
    known: &'static [&'static str],
    entries: Vec<(String, Field<'a>)>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        whole: Field<'a>,
        known: &'static [&'static str],
        entries: Vec<(String, Field<'a>)>,
    ) -> Self {
        Self { whole, known, entries }
    }

    /// The field, if it is there. An empty value (`tls:`) is there, and is a mistake to whoever reads it.
    pub(crate) fn optional(&self, name: &str) -> Option<&Field<'a>> {
        debug_assert!(self.known.contains(&name), "{name} is not in the list of known fields");
        self.entries.iter().find(|(key, _)| key == name).map(|(_, field)| field)
    }

    /// The field, whose absence is a mistake.
    pub(crate) fn required(&self, name: &str) -> Option<&Field<'a>> {
        let field = self.optional(name);
        if field.is_none() {
            self.whole.mistakes.add(self.whole.child(name), "is required");
        }
        field
    }

    /// Exactly one of the known fields, with its name.
    pub(crate) fn only(&self) -> Option<(&str, &Field<'a>)> {
        if let [(name, field)] = self.entries.as_slice() {
            return Some((name, field));
        }
        self.whole.mistake(format!("must have exactly one of {}", self.known.join(", ")));
        None
    }

    /// The mapping itself, for mistakes that concern more than one field.
    pub(crate) fn whole(&self) -> &Field<'a> {
        &self.whole
    }
}
