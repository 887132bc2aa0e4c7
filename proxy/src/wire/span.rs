//! Places in a message's body.

use std::ops::Range;

/// A range of bytes in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// From `start` to before `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Number of bytes.
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether there are no bytes in it.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes; `body` must be the one that the span was found in, else they are other bytes or none.
    pub fn of(self, body: &[u8]) -> &[u8] {
        let bytes = body.get(self.range());
        debug_assert!(bytes.is_some(), "span of another body");
        bytes.unwrap_or_default()
    }

    /// The bytes of a field that was checked to be UTF-8.
    pub fn text(self, body: &[u8]) -> &str {
        std::str::from_utf8(self.of(body)).unwrap_or_default()
    }

    /// The same place in a frame whose body begins at `base`.
    pub const fn shifted(self, base: usize) -> Range<usize> {
        self.start.saturating_add(base)..self.end.saturating_add(base)
    }

    /// As a standard range.
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl From<Span> for Range<usize> {
    fn from(span: Span) -> Self {
        span.range()
    }
}

/// An array's element count and where it stands, to be rewritten when elements are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// The count field.
    pub span: Span,
    /// Elements; 0 for null.
    pub elements: usize,
    /// Written as a compact (variable-length) count.
    pub compact: bool,
}

/// A topic as a message names it, located in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicKey {
    /// By name: the text's place.
    Name(Span),
    /// By KIP-516 topic id.
    Id([u8; 16]),
}

impl Default for TopicKey {
    fn default() -> Self {
        Self::Name(Span::default())
    }
}

impl TopicKey {
    /// The name or id itself.
    pub fn of(self, body: &[u8]) -> TopicRef<'_> {
        match self {
            Self::Name(span) => TopicRef::Name(span.text(body)),
            Self::Id(id) => TopicRef::Id(id),
        }
    }
}

/// A topic as a message names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TopicRef<'a> {
    /// By name.
    Name(&'a str),
    /// By KIP-516 topic id.
    Id([u8; 16]),
}
