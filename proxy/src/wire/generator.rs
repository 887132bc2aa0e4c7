//! Random bodies from the schema tables. The crate must understand every one of them to the last byte, which proves
//! the tables as much as the walker.

use crate::wire::schema::{Field, Kind, Message};
use crate::wire::write;

pub(super) struct Generator {
    state: u64,
    version: i16,
    flexible: bool,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, version: 0, flexible: false }
    }

    pub(super) fn body(&mut self, message: &Message, version: i16) -> Vec<u8> {
        self.version = version;
        self.flexible = version >= message.flexible_from;
        let mut out = Vec::new();
        self.fields(message.fields, &mut out);
        out
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).unwrap() % bound
    }

    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
    }

    fn fields(&mut self, fields: &[Field], out: &mut Vec<u8>) {
        for field in fields {
            if field.tag.is_none() && field.exists_at(self.version) {
                self.field(field, out);
            }
        }
        if self.flexible {
            self.tags(fields, out);
        }
    }

    fn tags(&mut self, fields: &[Field], out: &mut Vec<u8>) {
        let mut tagged: Vec<(u32, Vec<u8>)> = Vec::new();
        for field in fields {
            if let Some(tag) = field.tag
                && field.exists_at(self.version)
                && self.below(2) == 0
            {
                let mut content = Vec::new();
                self.field(field, &mut content);
                tagged.push((tag, content));
            }
        }
        for tag in [20, 1000, 0x7fff_ffff] {
            if self.below(8) == 0 {
                let length = self.below(200);
                tagged.push((tag, self.bytes(length)));
            }
        }
        tagged.sort_by_key(|(tag, _)| *tag);
        write::varint(u32::try_from(tagged.len()).unwrap(), out);
        for (tag, content) in tagged {
            write::varint(tag, out);
            write::varint(u32::try_from(content.len()).unwrap(), out);
            out.extend(content);
        }
    }

    fn field(&mut self, field: &Field, out: &mut Vec<u8>) {
        // The crate leaves a tagged field out where it has its default value: make none of them that.
        let tagged = field.tag.is_some();
        let null = !tagged && field.nullable_at(self.version) && self.below(4) == 0;
        let elements = self.below(4) + usize::from(tagged);
        match field.kind {
            Kind::Bool => out.push(u8::from(tagged || self.below(2) == 0)),
            Kind::I8 => out.extend(self.number(1)),
            Kind::I16 => out.extend(self.number(2)),
            Kind::I32 => out.extend(self.number(4)),
            Kind::I64 => out.extend(self.number(8)),
            Kind::Uuid => {
                out.push(1);
                out.extend(self.bytes(15));
            }
            Kind::String if null => write::nullable_string(self.flexible, None, out),
            Kind::String => {
                let text = self.text();
                write::string(self.flexible, &text, out);
            }
            _ if null && self.flexible => out.push(0),
            _ if null => out.extend((-1_i32).to_be_bytes()),
            Kind::Records => {
                let length = self.below(300);
                write::count(self.flexible, length, out);
                out.extend(self.bytes(length));
            }
            Kind::Integers(width) => {
                write::count(self.flexible, elements, out);
                out.extend(self.bytes(elements * width));
            }
            Kind::Strings => {
                write::count(self.flexible, elements, out);
                for _ in 0..elements {
                    let text = self.text();
                    write::string(self.flexible, &text, out);
                }
            }
            Kind::Structs(fields) => {
                write::count(self.flexible, elements, out);
                for _ in 0..elements {
                    self.fields(fields, out);
                }
            }
            Kind::Struct(fields) => self.fields(fields, out),
        }
    }

    /// Positive, since the defaults of tagged integers are not.
    fn number(&mut self, width: usize) -> Vec<u8> {
        let mut bytes = self.bytes(width);
        bytes[0] &= 0x3f;
        bytes[width - 1] |= 1;
        bytes
    }

    fn text(&mut self) -> String {
        let length = if self.below(6) == 0 { 200 } else { self.below(12) };
        (0..length).map(|_| ['a', 'b', 'z', '.', '-', 'é', '日', '0'][self.below(8)]).collect()
    }
}
