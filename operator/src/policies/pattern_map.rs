//! Values by topic pattern, and which patterns lie within which.

use std::collections::BTreeMap;
use std::ops::Bound;

use proxy_config::{Pattern, TopicName, TopicPrefix, is_internal_topic};

/// Values by pattern, in the order of the patterns: names, prefixes, `any`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternMap<T> {
    names: BTreeMap<TopicName, T>,
    prefixes: BTreeMap<TopicPrefix, T>,
    any: Option<T>,
}

impl<T> PatternMap<T> {
    /// Puts a value in, and gives back the one that was there.
    pub fn insert(&mut self, pattern: Pattern, value: T) -> Option<T> {
        match pattern {
            Pattern::Name(name) => self.names.insert(name, value),
            Pattern::Prefix(prefix) => self.prefixes.insert(prefix, value),
            Pattern::Any => self.any.replace(value),
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, pattern: &Pattern) -> Option<T> {
        match pattern {
            Pattern::Name(name) => self.names.remove(name),
            Pattern::Prefix(prefix) => self.prefixes.remove(prefix),
            Pattern::Any => self.any.take(),
        }
    }

    /// The value of exactly this pattern.
    pub fn get(&self, pattern: &Pattern) -> Option<&T> {
        match pattern {
            Pattern::Name(name) => self.names.get(name),
            Pattern::Prefix(prefix) => self.prefixes.get(prefix),
            Pattern::Any => self.any.as_ref(),
        }
    }

    /// The value of the most specific pattern that matches a topic. None matches Kafka's internal topics.
    pub fn best(&self, topic: &str) -> Option<&T> {
        if is_internal_topic(topic) {
            return None;
        }
        let prefix = || self.prefixes_of(topic).next().map(|(_, value)| value);
        self.names.get(topic).or_else(prefix).or(self.any.as_ref())
    }

    /// The value of this pattern or, failing that, of the narrowest that contains it.
    pub fn covering(&self, pattern: &Pattern) -> Option<&T> {
        self.get(pattern).or_else(|| self.wider(pattern).next().map(|(_, value)| value))
    }

    /// All patterns that contain this one, without itself, the narrowest first.
    pub fn wider<'a>(&'a self, pattern: &Pattern) -> impl Iterator<Item = (Pattern, &'a T)> {
        let text = text(pattern);
        let strict = matches!(pattern, Pattern::Prefix(_));
        let any = if *pattern == Pattern::Any { None } else { self.any.as_ref() };
        self.prefixes_of(text)
            .filter(move |(prefix, _)| !strict || prefix.as_str().len() < text.len())
            .map(|(prefix, value)| (Pattern::Prefix(prefix.clone()), value))
            .chain(any.map(|value| (Pattern::Any, value)))
    }

    /// All patterns that lie within this one, without itself.
    pub fn narrower<'a>(&'a self, pattern: &Pattern) -> impl Iterator<Item = (Pattern, &'a T)> {
        let text = text(pattern);
        let is_name = matches!(pattern, Pattern::Name(_));
        let is_any = *pattern == Pattern::Any;
        let names = from(&self.names, text)
            .take_while(move |(name, _)| name.as_str().starts_with(text))
            .map(|(name, value)| (Pattern::Name(name.clone()), value));
        let prefixes = from(&self.prefixes, text)
            .take_while(move |(prefix, _)| prefix.as_str().starts_with(text))
            .filter(move |(prefix, _)| is_any || prefix.as_str() != text)
            .map(|(prefix, value)| (Pattern::Prefix(prefix.clone()), value));
        names.chain(prefixes).filter(move |_| !is_name)
    }

    /// All patterns with their values.
    pub fn iter(&self) -> impl Iterator<Item = (Pattern, &T)> {
        let names = self.names.iter().map(|(name, value)| (Pattern::Name(name.clone()), value));
        let prefixes = self.prefixes.iter().map(|(prefix, value)| (Pattern::Prefix(prefix.clone()), value));
        names.chain(prefixes).chain(self.any.iter().map(|value| (Pattern::Any, value)))
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.names.values().chain(self.prefixes.values()).chain(&self.any)
    }

    /// All values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.names.values_mut().chain(self.prefixes.values_mut()).chain(&mut self.any)
    }

    /// How many patterns.
    pub fn len(&self) -> usize {
        self.names.len() + self.prefixes.len() + usize::from(self.any.is_some())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The prefixes that a text begins with, itself among them, the longest first.
    fn prefixes_of<'a>(&'a self, text: &str) -> impl Iterator<Item = (&'a TopicPrefix, &'a T)> {
        // A length that would cut a character apart yields no start, and prefixes are ASCII.
        let starts = (1..=text.len()).rev().filter_map(|length| text.get(..length));
        starts.filter_map(|start| self.prefixes.get_key_value(start))
    }
}

impl<T> Default for PatternMap<T> {
    fn default() -> Self {
        Self { names: BTreeMap::new(), prefixes: BTreeMap::new(), any: None }
    }
}

impl<T> FromIterator<(Pattern, T)> for PatternMap<T> {
    fn from_iter<I: IntoIterator<Item = (Pattern, T)>>(entries: I) -> Self {
        let mut map = Self::default();
        for (pattern, value) in entries {
            map.insert(pattern, value);
        }
        map
    }
}

/// What all topics of a pattern begin with.
pub(super) fn text(pattern: &Pattern) -> &str {
    match pattern {
        Pattern::Name(name) => name.as_str(),
        Pattern::Prefix(prefix) => prefix.as_str(),
        Pattern::Any => "",
    }
}

/// The entries from a key on.
fn from<'a, K, T>(map: &'a BTreeMap<K, T>, text: &str) -> impl Iterator<Item = (&'a K, &'a T)> + use<'a, K, T>
where
    K: Ord + std::borrow::Borrow<str>,
{
    map.range::<str, _>((Bound::Included(text), Bound::Unbounded))
}
