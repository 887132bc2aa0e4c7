//! Topics that were sent batches for which no answer comes, in a format that brokers refuse where the topic is compacted. All
//! that a broker does then is to end the connection.

use crate::topics::{Alteration, Topics};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Topics of one connection that are remembered one by one. More count as all.
const MAX_TOPICS: usize = 1000;

/// Those of one connection.
#[derive(Debug, Default)]
pub(crate) struct Unanswered(Mutex<BTreeSet<Arc<str>>>);

impl Unanswered {
    /// A batch goes to this topic.
    pub(crate) fn note(&self, topic: &Arc<str>) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if topics.len() <= MAX_TOPICS && !topics.contains(topic) {
            topics.insert(Arc::clone(topic));
        }
    }

    /// The broker has ended, maybe as one of them became compacted. That counts at once: within a pause more would be lost.
    pub(super) fn outdate(&self, known: &Topics) {
        let topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if topics.len() > MAX_TOPICS {
            return known.note_all_altered(Alteration::Done);
        }
        for topic in &*topics {
            known.note_altered(topic, Alteration::Done);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topics::Facts;

    /// Whether what was told of a topic is believed after the end of a connection that sent to these.
    fn is_believed(topic: &str, sent: impl Iterator<Item = String>) -> bool {
        let (unanswered, known) = (Unanswered::default(), Topics::default());
        known.set_facts(topic, Facts { compacted: Some(false), max_message_bytes: None });
        for topic in sent {
            unanswered.note(&topic.into());
        }
        unanswered.outdate(&known);
        known.facts(topic).is_some()
    }

    #[test]
    fn what_was_told_of_topics_with_unanswered_batches_is_believed_no_more() {
        assert!(!is_believed("orders", ["orders".to_owned()].into_iter()));
    }

    #[test]
    fn what_was_told_of_other_topics_is_believed_on() {
        assert!(is_believed("orders", ["payments".to_owned()].into_iter()));
    }

    #[test]
    fn as_many_topics_as_are_remembered_are_told_from_others_and_more_are_not() {
        let topics = |count: usize| (0..count).map(|topic| topic.to_string());
        assert!(is_believed("orders", topics(MAX_TOPICS)));
        assert!(!is_believed("orders", topics(MAX_TOPICS + 1)));
    }
}
