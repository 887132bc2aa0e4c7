//! Where history ends: up to which offset the clear records of a topic are from before it was encrypted.

mod file;
#[cfg(test)]
mod tests;
mod topic_id;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

pub use self::file::HistoryError;
pub use self::topic_id::{InvalidTopicId, TopicId};

use crate::name::TopicName;
use crate::reader::Field;

/// More partitions than a topic has.
const MAX_PARTITIONS: usize = 100_000;
/// As it stands in a file: nobody has asked for the partition's end yet.
const UNTAKEN: i64 = -1;

/// The ends of history, by topic id. A topic that is made anew under an old name has another id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    topics: BTreeMap<TopicId, TopicHistory>,
    /// For each name the ids that it had.
    ids: BTreeMap<TopicName, BTreeSet<TopicId>>,
}

/// Where history ends in the partitions of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicHistory {
    topic: TopicName,
    /// By partition. Those behind the end of the list came later and have no history; the list does not end with 0.
    until: Vec<Option<i64>>,
}

/// Where history ends in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// Clear records at smaller offsets are history.
    At(i64),
    /// Nobody has asked for the partition's end yet.
    Untaken,
    /// Nothing is known of the topic, nor of an earlier one of its name.
    Unknown,
    /// An earlier topic of this name is known, so this one was made after that was encrypted: it has no history. The same where the
    /// id is known under another name.
    MadeAnew,
}

impl TopicHistory {
    /// Of these partitions, of which those without an offset are not known yet. Others have no history.
    pub fn new(topic: TopicName, until: Vec<Option<i64>>) -> Self {
        let mut history = Self { topic, until };
        history.trim();
        history
    }

    /// The topic's name.
    pub fn topic(&self) -> &TopicName {
        &self.topic
    }

    /// By partition; those behind the end of the list have no history.
    pub fn until(&self) -> &[Option<i64>] {
        &self.until
    }

    /// Where history ends in a partition; none where that is not known yet.
    pub fn end(&self, partition: i32) -> Option<i64> {
        let partition = usize::try_from(partition).unwrap_or(usize::MAX);
        self.until.get(partition).copied().unwrap_or(Some(0))
    }

    /// The partitions that nobody has asked for yet.
    pub fn untaken(&self) -> impl Iterator<Item = i32> {
        let untaken = self.until.iter().zip(0..).filter(|(end, _)| end.is_none());
        untaken.map(|(_, partition)| partition)
    }

    /// Takes over what another proxy knows: whoever was told an earlier end was told it earlier.
    fn merge(&mut self, other: &Self) {
        self.until.truncate(other.until.len());
        for (mine, theirs) in self.until.iter_mut().zip(&other.until) {
            *mine = match (*mine, *theirs) {
                (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
                (mine, theirs) => mine.or(theirs),
            };
        }
        self.trim();
    }

    /// An end of 0 says the same as none at the end of the list.
    fn trim(&mut self) {
        while self.until.last() == Some(&Some(0)) {
            self.until.pop();
        }
    }
}

impl History {
    /// All topics.
    pub fn topics(&self) -> impl Iterator<Item = (TopicId, &TopicHistory)> {
        self.topics.iter().map(|(id, topic)| (*id, topic))
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// What is known of a topic.
    pub fn topic(&self, id: TopicId) -> Option<&TopicHistory> {
        self.topics.get(&id)
    }

    /// Where history ends in a partition of a topic.
    pub fn boundary(&self, topic: &str, id: TopicId, partition: i32) -> Boundary {
        match self.topics.get(&id) {
            // Ids are never given twice, so a broker that has another topic under a known one is not to be trusted with its end.
            Some(known) if known.topic.as_str() != topic => Boundary::MadeAnew,
            Some(known) => known.end(partition).map_or(Boundary::Untaken, Boundary::At),
            None if self.ids.contains_key(topic) => Boundary::MadeAnew,
            None => Boundary::Unknown,
        }
    }

    /// Takes over what is known of a topic elsewhere: the lower end counts, and a known one before an unknown one. So it does
    /// not matter who learns from whom, how often and in which order, and no end ever moves up. Returns whether anything is new.
    /// A topic of another name than the known one of this id is not taken over.
    pub fn add(&mut self, id: TopicId, topic: TopicHistory) -> bool {
        match self.topics.entry(id) {
            Entry::Vacant(entry) => {
                self.ids.entry(topic.topic.clone()).or_default().insert(id);
                entry.insert(topic);
                true
            }
            Entry::Occupied(entry) if entry.get().topic != topic.topic => false,
            Entry::Occupied(mut entry) => {
                let before = entry.get().clone();
                entry.get_mut().merge(&topic);
                *entry.get() != before
            }
        }
    }

    /// The same for all that is known elsewhere.
    pub fn merge(&mut self, other: &Self) -> bool {
        other.topics.iter().fold(false, |new, (id, topic)| self.add(*id, topic.clone()) || new)
    }

    /// Forgets topics that are not meant.
    pub fn retain(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.topics.retain(|_, topic| is_meant(topic.topic.as_str()));
        self.ids.retain(|topic, _| is_meant(topic.as_str()));
    }

    /// Reads a list of topics.
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let mut history = Self::default();
        for item in field.items()? {
            let Some(fields) = item.fields(&["topic", "id", "until"]) else { continue };
            let topic = fields.required("topic").and_then(|field| field.parsed(TopicName::new));
            let id = fields.required("id").and_then(|field| field.parsed(str::parse::<TopicId>));
            let until = fields.required("until").and_then(Field::items);
            if let Some(until) = until.as_ref().filter(|until| until.len() > MAX_PARTITIONS) {
                item.mistake(format!("must have at most {MAX_PARTITIONS} partitions, not {}", until.len()));
            }
            let until = until.map(|items| {
                let ends = items.iter().map(|item| item.integer(UNTAKEN..=i64::MAX));
                ends.map(|end| end.filter(|end| *end != UNTAKEN)).collect()
            });
            let (Some(topic), Some(id), Some(until)) = (topic, id, until) else { continue };
            if history.topics.contains_key(&id) {
                item.mistake("has the same id as an earlier entry");
            }
            history.add(id, TopicHistory::new(topic, until));
        }
        Some(history)
    }
}

/// As `policy.yaml` and the state file have it.
impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Text<'a> {
            topic: &'a TopicName,
            id: String,
            until: Vec<i64>,
        }
        serializer.collect_seq(self.topics.iter().map(|(id, topic)| Text {
            topic: &topic.topic,
            id: id.to_string(),
            until: topic.until.iter().map(|end| end.unwrap_or(UNTAKEN)).collect(),
        }))
    }
}
