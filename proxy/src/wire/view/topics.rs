//! The two nested arrays, topics and their partitions, that most messages of the data path have.

use crate::wire::schema::Role;
use crate::wire::{Count, Span, TopicKey};
use std::ops::Range;

/// A topic of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topic {
    /// Its name or id.
    pub key: TopicKey,
    /// The whole array element.
    pub element: Span,
    /// The count of its array of partitions.
    pub count: Count,
    /// Its partitions, as indices into [`Topics::partitions`].
    pub partitions: Range<usize>,
}

/// The topics of a message; partitions lie in one list, in the message's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics<P> {
    /// The count of the array of topics.
    pub count: Count,
    /// All topics.
    pub topics: Vec<Topic>,
    /// All partitions of all topics.
    pub partitions: Vec<P>,
}

impl<P> Default for Topics<P> {
    fn default() -> Self {
        Self { count: Count::default(), topics: Vec::new(), partitions: Vec::new() }
    }
}

/// Topics and partitions of one message, together. More than any client names; keeps a message of many tiny elements
/// from taking many times its size.
pub(super) const MAX_ELEMENTS: usize = 100_000;
/// What is kept from message to message.
pub(super) const KEEP_ELEMENTS: usize = 1_000;

impl<P> Topics<P> {
    /// The bound, where there are more elements than that.
    pub(super) fn exceeded(&self, most: usize) -> Option<usize> {
        (self.topics.len().saturating_add(self.partitions.len()) > most).then_some(most)
    }

    /// Gives back what an unusually large message needed. Call it when the message is done.
    pub fn trim(&mut self) {
        if self.partitions.capacity() > KEEP_ELEMENTS || self.topics.capacity() > KEEP_ELEMENTS {
            *self = Self::default();
        }
    }

    /// Each topic with its partitions.
    pub fn iter(&self) -> impl Iterator<Item = (&Topic, &[P])> {
        self.topics.iter().map(|topic| (topic, self.of(topic)))
    }

    /// The partitions of one of these topics.
    pub fn of(&self, topic: &Topic) -> &[P] {
        self.partitions.get(topic.partitions.clone()).unwrap_or_default()
    }

    pub(super) fn clear(&mut self) {
        self.count = Count::default();
        self.topics.clear();
        self.partitions.clear();
    }

    pub(super) fn last(&mut self) -> Option<&mut P> {
        self.partitions.last_mut()
    }

    pub(super) fn array(&mut self, role: Role, count: Count) {
        match role {
            Role::Topics => self.count = count,
            Role::Partitions => {
                if let Some(topic) = self.topics.last_mut() {
                    topic.count = count;
                }
            }
            _ => {}
        }
    }

    pub(super) fn enter(&mut self, role: Role)
    where
        P: Default,
    {
        match role {
            Role::Topics => {
                let first = self.partitions.len();
                self.topics.push(Topic { partitions: first..first, ..Topic::default() });
            }
            Role::Partitions => self.partitions.push(P::default()),
            _ => {}
        }
    }

    /// The partition, if it was one that ended.
    pub(super) fn leave(&mut self, role: Role, element: Span) -> Option<&mut P> {
        match role {
            Role::Topics => {
                if let Some(topic) = self.topics.last_mut() {
                    topic.element = element;
                    topic.partitions.end = self.partitions.len();
                }
                None
            }
            Role::Partitions => self.last(),
            _ => None,
        }
    }

    pub(super) fn name(&mut self, content: Option<Span>) {
        if let (Some(topic), Some(name)) = (self.topics.last_mut(), content) {
            topic.key = TopicKey::Name(name);
        }
    }

    pub(super) fn uuid(&mut self, role: Role, value: [u8; 16]) {
        if role == Role::TopicId
            && let Some(topic) = self.topics.last_mut()
        {
            topic.key = TopicKey::Id(value);
        }
    }
}
