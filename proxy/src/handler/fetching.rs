//! What Fetch and `ShareFetch` have in common.

use super::open::{Failure, Opener};
use super::{history, unnamed};
use crate::connection::Session;
use crate::metrics::labels::Direction;
use crate::refusals::Refused;
use crate::topics::TopicId;
use crate::wire::{FetchView, ShareFetchView, Span, TopicRef};
use std::sync::Arc;

/// Reused from answer to answer of one connection.
#[derive(Default)]
pub(crate) struct Workspace {
    pub(super) view: FetchView,
    pub(crate) share_view: ShareFetchView,
    pub(super) opener: Opener,
}

impl Workspace {
    /// The answer is written: what it needed is free again.
    pub(crate) fn trim(&mut self) {
        self.opener.finish();
        self.view.topics.trim();
        self.share_view.topics.trim();
    }
}

/// Lowers a field of 32 bits.
pub(super) fn lower(asked: i32, limit: i32, field: Span, base: usize, frame: &mut [u8]) {
    if asked > limit
        && let Some(field) = frame.get_mut(base + field.start..base + field.end)
        && field.len() == size_of_val(&limit)
    {
        field.copy_from_slice(&limit.to_be_bytes());
    }
}

/// Ids to ask for: those of a request, and those that an answer before it lacked the names of.
pub(super) fn unknown_ids<'a>(session: &Session, topics: impl Iterator<Item = TopicRef<'a>>) -> Vec<TopicId> {
    topics
        .chain(session.unnamed.take().into_iter().map(TopicRef::Id))
        .filter_map(|topic| match topic {
            TopicRef::Id(id) if session.shared.topics.is_askable(&id) => Some(id),
            _ => None,
        })
        .collect()
}

pub(super) fn topic_name(session: &Session, topic: TopicRef<'_>) -> Option<Arc<str>> {
    match topic {
        TopicRef::Name(name) => Some(name.into()),
        TopicRef::Id(id) => session.shared.topics.name(&id),
    }
}

pub(super) fn topic_id(session: &Session, topic: TopicRef<'_>) -> Option<TopicId> {
    match topic {
        TopicRef::Name(name) => session.shared.topics.id(name),
        TopicRef::Id(id) => Some(id),
    }
}

/// Takes note of a partition that is answered with an error: for the audit log, and for what the next request asks.
pub(super) fn note_failure(
    session: &Session,
    (topic, id): (Option<&str>, Option<TopicId>),
    partition: i32,
    failure: Failure,
    opener: &Opener,
) {
    let (cause, offset) = opener.cause();
    let reason = failure.refusal;
    let refused = Refused { direction: Direction::Fetch, reason, topic, partition, offset, cause };
    session.shared.refusals.count(&refused);
    history::note(session, topic, failure);
    unnamed::note(session, id, failure);
}
