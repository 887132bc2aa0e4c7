//! Walks a body along its schema. Depth is the schema's, work is linear in the bytes: every array element takes at
//! least one byte, and a count beyond the bytes left is refused before the first element.

use super::cursor::Cursor;
use super::schema::{Field, Kind, Message, Role};
use super::{Count, Span, WireError};

/// Is told what the walk meets. Only the events that it needs are implemented; the rest compiles to nothing.
pub(super) trait Visitor {
    /// An integer or boolean.
    fn int(&mut self, _role: Role, _span: Span, _value: i64) {}
    /// A UUID.
    fn uuid(&mut self, _role: Role, _value: [u8; 16]) {}
    /// A string, bytes or records: the whole field, and the content unless null.
    fn bytes(&mut self, _role: Role, _field: Span, _content: Option<Span>) {}
    /// An array of structures is about to be walked.
    fn array(&mut self, _role: Role, _count: Count) {}
    /// An element of that array begins.
    fn enter(&mut self, _role: Role) {}
    /// How many elements the visitor has room for, where the message has more: the walk ends with an error.
    fn exceeded(&self) -> Option<usize> {
        None
    }
    /// That element ended.
    fn leave(&mut self, _role: Role, _element: Span) {}
    /// A known tagged field ended; its tag, size and content together.
    fn tagged(&mut self, _role: Role, _field: Span) {}
}

/// Only validates.
pub(super) struct Nothing;

impl Visitor for Nothing {}

/// Walks a whole body; nothing may follow it.
pub(super) fn walk<V: Visitor>(
    message: &'static Message,
    version: i16,
    body: &[u8],
    visitor: &mut V,
) -> Result<(), WireError> {
    let flexible = version >= message.flexible_from;
    let mut walker = Walker { cursor: Cursor::new(body), version, flexible };
    walker.fields(message.fields, visitor)?;
    match walker.cursor.left() {
        0 => Ok(()),
        _ => Err(WireError::Trailing(walker.cursor.at())),
    }
}

struct Walker<'a> {
    cursor: Cursor<'a>,
    version: i16,
    flexible: bool,
}

impl Walker<'_> {
    fn fields<V: Visitor>(&mut self, fields: &'static [Field], visitor: &mut V) -> Result<(), WireError> {
        for field in fields {
            if field.tag.is_none() && field.exists_at(self.version) {
                self.field(field, visitor)?;
            }
        }
        if self.flexible { self.tags(fields, visitor) } else { Ok(()) }
    }

    fn field<V: Visitor>(&mut self, field: &'static Field, visitor: &mut V) -> Result<(), WireError> {
        let start = self.cursor.at();
        match field.kind {
            Kind::Bool | Kind::I8 => {
                let value = self.cursor.i8()?;
                visitor.int(field.role, self.cursor.span_from(start), value.into());
            }
            Kind::I16 => {
                let value = self.cursor.i16()?;
                visitor.int(field.role, self.cursor.span_from(start), value.into());
            }
            Kind::I32 => {
                let value = self.cursor.i32()?;
                visitor.int(field.role, self.cursor.span_from(start), value.into());
            }
            Kind::I64 => {
                let value = self.cursor.i64()?;
                visitor.int(field.role, self.cursor.span_from(start), value);
            }
            Kind::Uuid => visitor.uuid(field.role, self.cursor.array()?),
            Kind::String => {
                let content = self.string(field)?;
                visitor.bytes(field.role, self.cursor.span_from(start), content);
            }
            Kind::Records => {
                let content = match self.length(field, Width::I32)? {
                    Some(length) => Some(self.cursor.skip(length)?),
                    None => None,
                };
                visitor.bytes(field.role, self.cursor.span_from(start), content);
            }
            Kind::Integers(width) => {
                let count = self.length(field, Width::I32)?.unwrap_or(0);
                let size = count.checked_mul(width).ok_or(WireError::Count(start))?;
                self.cursor.skip(size).map_err(|_| WireError::Count(start))?;
            }
            Kind::Strings => {
                for _ in 0..self.count(field)?.elements {
                    self.string(&Field::ELEMENT)?;
                }
            }
            Kind::Structs(inner) => {
                let count = self.count(field)?;
                visitor.array(field.role, count);
                for _ in 0..count.elements {
                    let start = self.cursor.at();
                    visitor.enter(field.role);
                    if let Some(most) = visitor.exceeded() {
                        return Err(WireError::TooMany(start, most));
                    }
                    self.fields(inner, visitor)?;
                    visitor.leave(field.role, self.cursor.span_from(start));
                }
            }
            Kind::Struct(inner) => self.fields(inner, visitor)?,
        }
        Ok(())
    }

    fn string(&mut self, field: &Field) -> Result<Option<Span>, WireError> {
        match self.length(field, Width::I16)? {
            Some(length) => self.cursor.text(length).map(Some),
            None => Ok(None),
        }
    }

    fn count(&mut self, field: &Field) -> Result<Count, WireError> {
        let start = self.cursor.at();
        let elements = self.length(field, Width::I32)?.unwrap_or(0);
        if elements > self.cursor.left() {
            return Err(WireError::Count(start));
        }
        Ok(Count { span: self.cursor.span_from(start), elements, compact: self.flexible })
    }

    /// A length or count; `None` is null. `width` is that of versions that are not flexible.
    fn length(&mut self, field: &Field, width: Width) -> Result<Option<usize>, WireError> {
        let start = self.cursor.at();
        let length = if self.flexible {
            self.cursor.compact()?
        } else {
            let length = match width {
                Width::I16 => self.cursor.i16()?.into(),
                Width::I32 => self.cursor.i32()?,
            };
            match length {
                -1 => None,
                length => Some(usize::try_from(length).map_err(|_| WireError::Length(start))?),
            }
        };
        if length.is_none() && !field.nullable_at(self.version) {
            return Err(WireError::Length(start));
        }
        Ok(length)
    }

    fn tags<V: Visitor>(&mut self, fields: &'static [Field], visitor: &mut V) -> Result<(), WireError> {
        let start = self.cursor.at();
        let count = self.cursor.varint()?;
        // A tagged field takes two bytes at least.
        if count as usize > self.cursor.left() / 2 {
            return Err(WireError::Count(start));
        }
        let mut last = None;
        for _ in 0..count {
            let start = self.cursor.at();
            let tag = self.cursor.varint()?;
            if last.is_some_and(|last| tag <= last) {
                return Err(WireError::TagOrder(start));
            }
            last = Some(tag);
            let size = self.cursor.varint()? as usize;
            match fields.iter().find(|field| field.tag == Some(tag)) {
                Some(field) if field.exists_at(self.version) => {
                    let outer = self.cursor.confine(size)?;
                    self.field(field, visitor)?;
                    if self.cursor.left() > 0 {
                        return Err(WireError::TagSize(start));
                    }
                    self.cursor.restore(outer);
                    visitor.tagged(field.role, self.cursor.span_from(start));
                }
                None if i32::try_from(tag).is_ok() => {
                    self.cursor.skip(size)?;
                }
                _ => return Err(WireError::Tag(start)),
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Width {
    I16,
    I32,
}
