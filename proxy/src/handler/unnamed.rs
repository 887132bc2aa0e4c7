//! Topic ids in answers that no name is known for. A client lists a topic when it comes to its fetch session (KIP-227), and
//! that may have been on another connection, or before a broker could tell the name.
//!
//! An answer does not wait for a look-up: on its connection, answers to all requests that are on the way would come before
//! that to the look-up. So the records are refused, and the client's next request asks; brokers then send them again.

use crate::connection::Session;
use crate::handler::open::Failure;
use crate::metrics::labels::Refusal;
use crate::topics::TopicId;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Ids that one request asks for; others come with later answers.
const MAX_IDS: usize = 1000;

/// Ids of a connection that are to be asked for.
#[derive(Debug, Default)]
pub(crate) struct Unnamed(Mutex<BTreeSet<TopicId>>);

impl Unnamed {
    /// An answer had records of this topic.
    fn note(&self, id: TopicId) {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.len() < MAX_IDS {
            ids.insert(id);
        }
    }

    /// Those that were noted since the last time.
    pub(crate) fn take(&self) -> BTreeSet<TopicId> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes note of a partition that was refused because nobody knows its topic's name: the next request asks.
pub(crate) fn note(session: &Session, id: Option<TopicId>, failure: Failure) {
    if let Some(id) = id.filter(|_| failure.refusal == Refusal::UnknownTopicId) {
        session.unnamed.note(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_taken_once_and_bounded() {
        let unnamed = Unnamed::default();
        unnamed.note([1; 16]);
        unnamed.note([1; 16]);
        assert_eq!(unnamed.take(), BTreeSet::from([[1; 16]]));
        assert!(unnamed.take().is_empty());
        for id in 0..2 * MAX_IDS {
            unnamed.note(u128::try_from(id).unwrap().to_be_bytes());
        }
        assert_eq!(unnamed.take().len(), MAX_IDS);
    }
}
