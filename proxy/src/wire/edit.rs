//! A message with some of its spans replaced, put together as slices so that payload is not copied.

use super::{Count, Span, write};
use bytes::Bytes;
use std::ops::Range;
use thiserror::Error;

/// A piece of what replaces a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Bytes of the edited body, from anywhere in it.
    Body(Span),
    /// Bytes in the side buffer, as [`Edits::side`] returned them.
    Side(Range<usize>),
    /// Bytes owned by someone else.
    Shared(Bytes),
}

/// Why edits cannot be applied. Both are mistakes of the caller; the message must then not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EditError {
    /// Two edits touch the same bytes.
    #[error("edits overlap at byte {0}")]
    Overlap(usize),
    /// An edit is not within the body.
    #[error("edit at byte {0} is outside the body")]
    Outside(usize),
}

#[derive(Debug, Clone)]
struct Edit {
    span: Span,
    parts: Range<usize>,
}

/// The replacements for one body, in any order. Keeps its memory from message to message.
#[derive(Debug, Default)]
pub struct Edits {
    changes: Vec<Edit>,
    parts: Vec<Part>,
    side: Vec<u8>,
}

/// A side buffer that grew beyond this is given back.
const KEEP_BYTES: usize = 256 * 1024;

impl Edits {
    /// No edits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all edits.
    pub fn clear(&mut self) {
        self.changes.clear();
        self.parts.clear();
        self.side.clear();
        self.side.shrink_to(KEEP_BYTES);
    }

    /// Whether the body stays as it is.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Replaces `span` by what `write` appends to the side buffer. An empty span inserts before its start.
    pub fn replace(&mut self, span: Span, write: impl FnOnce(&mut Vec<u8>)) {
        let part = self.side(write);
        self.replace_by(span, [part]);
    }

    /// Replaces `span` by parts in order; see [`side`](Self::side).
    pub fn replace_by(&mut self, span: Span, parts: impl IntoIterator<Item = Part>) {
        let first = self.parts.len();
        self.parts.extend(parts);
        self.changes.push(Edit { span, parts: first..self.parts.len() });
    }

    /// Leaves `span` out. The count of an array that loses an element must be [set](Self::set_count) too.
    pub fn remove(&mut self, span: Span) {
        self.replace_by(span, []);
    }

    /// Overwrites an array's count.
    pub fn set_count(&mut self, count: Count, elements: usize) {
        self.replace(count.span, |side| write::count(count.compact, elements, side));
    }

    /// Puts bytes into the side buffer for use in [`replace_by`](Self::replace_by).
    pub fn side(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Part {
        let start = self.side.len();
        write(&mut self.side);
        Part::Side(start..self.side.len())
    }

    /// The edited message. `body` must be the one that the spans are of.
    pub fn assemble<'a>(&'a mut self, body: &'a [u8]) -> Result<Assembly<'a>, EditError> {
        // Stable, so that several insertions at one place keep their order.
        self.changes.sort_by_key(|edit| (edit.span.start, edit.span.end));
        let mut taken = 0;
        for edit in &self.changes {
            let span = edit.span;
            if span.start < taken {
                return Err(EditError::Overlap(span.start));
            }
            if span.end < span.start || span.end > body.len() {
                return Err(EditError::Outside(span.start));
            }
            for part in self.parts.get(edit.parts.clone()).unwrap_or_default() {
                let inside = match part {
                    Part::Body(span) => body.get(span.range()).is_some(),
                    Part::Side(range) => self.side.get(range.clone()).is_some(),
                    Part::Shared(_) => true,
                };
                if !inside {
                    return Err(EditError::Outside(span.start));
                }
            }
            taken = span.end;
        }
        let mut assembly = Assembly { edits: self, body, length: 0 };
        assembly.length = assembly.slices().map(<[u8]>::len).sum();
        Ok(assembly)
    }
}

/// A message put together from slices.
#[derive(Debug, Clone, Copy)]
pub struct Assembly<'a> {
    edits: &'a Edits,
    body: &'a [u8],
    length: usize,
}

impl<'a> Assembly<'a> {
    /// Bytes of the whole message.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The message's bytes, in order. No slice is empty.
    pub fn slices(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (edits, body) = (self.edits, self.body);
        let starts = std::iter::once(0).chain(edits.changes.iter().map(|edit| edit.span.end));
        let ends = edits.changes.iter().map(|edit| edit.span.start).chain(std::iter::once(body.len()));
        // What is kept before each edit, then the edit; after the last edit only what is kept.
        let replaced = edits.changes.iter().map(|edit| edit.parts.clone()).chain(std::iter::once(0..0));
        starts
            .zip(ends)
            .zip(replaced)
            .flat_map(move |((start, end), parts)| {
                let kept = body.get(start..end).unwrap_or_default();
                let parts = edits.parts.get(parts).unwrap_or_default();
                std::iter::once(kept).chain(parts.iter().map(move |part| match part {
                    Part::Body(span) => span.of(body),
                    Part::Side(range) => edits.side.get(range.clone()).unwrap_or_default(),
                    Part::Shared(bytes) => bytes,
                }))
            })
            .filter(|slice| !slice.is_empty())
    }

    /// The message in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut whole = Vec::with_capacity(self.length);
        for slice in self.slices() {
            whole.extend_from_slice(slice);
        }
        whole
    }
}
