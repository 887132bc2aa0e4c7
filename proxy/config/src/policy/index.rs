//! Finds the most specific pattern that matches a topic.

use std::collections::{BTreeSet, HashMap};

use super::internal::is_internal_topic;
use super::pattern::Pattern;
use crate::name::{TopicName, TopicPrefix};

/// Values by pattern. A lookup hashes the topic once, and once more for each distinct length of prefix.
#[derive(Debug, Clone)]
pub(super) struct PatternIndex<T> {
    names: HashMap<TopicName, T>,
    prefixes: HashMap<TopicPrefix, T>,
    /// The lengths of all prefixes, the longest first.
    lengths: Vec<usize>,
    any: Option<T>,
}

impl<T> PatternIndex<T> {
    /// The value of the most specific pattern that matches.
    pub(super) fn best(&self, topic: &str) -> Option<&T> {
        if is_internal_topic(topic) {
            return None;
        }
        self.names.get(topic).or_else(|| self.longest_prefix(topic)).or(self.any.as_ref())
    }

    fn longest_prefix(&self, topic: &str) -> Option<&T> {
        // A length that would cut a character apart yields no start, and no prefix, being ASCII, could match
        // there.
        let mut starts = self.lengths.iter().filter_map(|length| topic.get(..*length));
        starts.find_map(|start| self.prefixes.get(start))
    }
}

impl<T> FromIterator<(Pattern, T)> for PatternIndex<T> {
    fn from_iter<I: IntoIterator<Item = (Pattern, T)>>(entries: I) -> Self {
        let mut index =
            Self { names: HashMap::new(), prefixes: HashMap::new(), lengths: Vec::new(), any: None };
        let mut lengths = BTreeSet::new();
        for (pattern, value) in entries {
            match pattern {
                Pattern::Name(name) => {
                    index.names.insert(name, value);
                }
                Pattern::Prefix(prefix) => {
                    lengths.insert(prefix.as_str().len());
                    index.prefixes.insert(prefix, value);
                }
                Pattern::Any => index.any = Some(value),
            }
        }
        index.lengths = lengths.into_iter().rev().collect();
        index
    }
}
