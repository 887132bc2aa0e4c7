//! YAML text to a neutral tree and back. The only module that knows the YAML library.
//!
//! The tree keeps duplicate keys, so that the reader can name them by path, and knows nothing of anchors:
//! aliases are expanded while it is built, under a budget that is linear in the size of the text.

mod nesting;

use std::cell::Cell;
use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use self::nesting::is_too_deep;
use crate::error::Mistake;

/// A YAML value without tags, anchors and styles.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Null,
    Boolean(bool),
    Integer(i128),
    Float,
    Text(String),
    List(Vec<Self>),
    Mapping(Vec<(Self, Self)>),
}

/// Builds one node and takes its cost from the budget.
#[derive(Clone, Copy)]
struct NodeSeed<'b> {
    budget: &'b Cell<usize>,
}

/// Parses text of at most `limit` bytes.
pub(crate) fn parse(text: &str, limit: usize) -> Result<Node, Mistake> {
    if text.len() > limit {
        return Err(Mistake::new("", format!("is larger than {limit} bytes")));
    }
    if text.lines().map(str::trim_start).all(|line| line.is_empty() || line.starts_with('#')) {
        return Err(Mistake::new("", "is empty"));
    }
    if is_too_deep(text) {
        return Err(Mistake::new("", "is not valid YAML: nests too deeply"));
    }
    // Without aliases a byte of text makes at most one and a half units of cost, in `{a,b,c}`.
    let budget = Cell::new(text.len().saturating_mul(2).saturating_add(64));
    NodeSeed { budget: &budget }
        .deserialize(serde_yaml::Deserializer::from_str(text))
        .map_err(|error| Mistake::new("", format!("is not valid YAML: {}", one_line(&error.to_string()))))
}

/// Writes a value as YAML.
pub(crate) fn write(value: &impl Serialize) -> String {
    serde_yaml::to_string(value)
        .expect("our types are mappings, lists and scalars, which all have a form in YAML")
}

impl Node {
    /// What kind of value this is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) | Self::Float => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

impl NodeSeed<'_> {
    fn spend<E: Error>(self, cost: usize) -> Result<(), E> {
        let left =
            self.budget.get().checked_sub(cost).ok_or_else(|| E::custom("aliases expand to too much"))?;
        self.budget.set(left);
        Ok(())
    }

    fn scalar<E: Error>(self, node: Node) -> Result<Node, E> {
        self.spend(1)?;
        Ok(node)
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        self.scalar(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        self.scalar(Node::Boolean(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        self.scalar(Node::Integer(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        self.scalar(Node::Integer(value.into()))
    }

    // No field takes a number of more than 64 bits; that it was one is all a message needs.
    fn visit_i128<E: Error>(self, _: i128) -> Result<Node, E> {
        self.scalar(Node::Float)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Node, E> {
        self.scalar(Node::Float)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Node, E> {
        self.scalar(Node::Float)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        self.spend(value.len().saturating_add(1))?;
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        self.spend(1)?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        self.spend(1)?;
        let mut mapping = Vec::new();
        while let Some(key) = entries.next_key_seed(self)? {
            mapping.push((key, entries.next_value_seed(self)?));
        }
        Ok(Node::Mapping(mapping))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Node, A::Error> {
        Err(A::Error::custom("tags are not supported"))
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
