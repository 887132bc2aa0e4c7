//! Produce: batches of encrypted topics are sealed in place, refused partitions are taken out of the request, and their
//! errors are put into the broker's answer.

mod answer;
mod assemble;
mod keys;
mod plan;
mod request;
mod treat;
mod withdraw;

pub(crate) use answer::answer;
pub(crate) use request::{Workspace, request};

use crate::budget::Grant;
use crate::handler::Code;
use crate::handler::seal::Sealed;
use crate::sequences::Producer;
use crate::topics::TopicId;
use crate::wire::TopicRef;
use std::sync::Arc;
use std::time::Duration;

/// The longest that a request waits for its key, or a producer's second batch for the answer to its first.
const HOLD_LIMIT: Duration = Duration::from_secs(10);

/// One partition's fate.
enum Verdict {
    Clear,
    Sealed(Sealed),
    Refused,
}

/// A topic as the request named it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum TopicKey {
    Name(Arc<str>),
    Id(TopicId),
}

impl From<TopicRef<'_>> for TopicKey {
    fn from(topic: TopicRef<'_>) -> Self {
        match topic {
            TopicRef::Name(name) => Self::Name(name.into()),
            TopicRef::Id(id) => Self::Id(id),
        }
    }
}

/// What is remembered of a request until its answer comes.
pub(crate) struct Sent {
    pub(crate) version: i16,
    /// Its share of what the connection may have waiting.
    pub(crate) grant: Grant,
    pub(crate) refused: Vec<Refused>,
    pub(crate) tracked: Vec<Tracked>,
}

/// A partition that was taken out of the request.
pub(crate) struct Refused {
    pub(crate) topic: TopicKey,
    pub(crate) index: i32,
    pub(crate) code: Code,
}

/// A sealed batch whose answer matters.
pub(crate) struct Tracked {
    pub(crate) topic: TopicKey,
    pub(crate) name: Arc<str>,
    pub(crate) index: i32,
    pub(crate) producer: Option<(Producer, i32)>,
    /// Batch format: the broker refuses it where the topic has become compacted. What the producer is told then.
    pub(crate) if_compacted: Option<Code>,
}

impl Sent {
    /// Memory that it takes while it waits.
    fn bytes(&self) -> usize {
        let name = |topic: &TopicKey| match topic {
            TopicKey::Name(name) => name.len(),
            TopicKey::Id(_) => 0,
        };
        let refused = self.refused.iter().map(|refused| size_of::<Refused>() + name(&refused.topic));
        let tracked = self.tracked.iter().map(|tracked| size_of::<Tracked>() + name(&tracked.topic));
        refused.chain(tracked).sum()
    }
}
