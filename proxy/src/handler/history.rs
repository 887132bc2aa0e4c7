//! Asks brokers where history ends in topics under `onPlaintext: PassUntil`: on the client's own connection, before its
//! request goes on. A broker answers for the partitions that it leads, and is asked for all of a topic at once, so
//! that few partitions are left whose end nobody knows.

use super::lookup;
use crate::connection::requests::Requests;
use crate::connection::{Close, Session};
use crate::handler::open::Failure;
use crate::live::LoadedPolicy;
use crate::metrics::labels::Refusal;
use crate::topics::TopicId;
use crate::wire::TopicRef;
use proxy_config::{Decision, OnPlaintext, TopicHistory, TopicName};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Topics that one request asks for; others come with the next.
const MAX_TOPICS: usize = 100;
/// Partitions of a topic that one request asks for.
const MAX_PARTITIONS: usize = 10_000;
/// A broker that tells of more is not believed.
const MOST_PARTITIONS: usize = 100_000;
/// Between two questions about a topic on one connection: other brokers lead the rest of its partitions.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at the id of a topic that a client fetches by name: it may have been made anew.
const RECHECK: Duration = Duration::from_mins(1);
/// Topics of one connection that are remembered.
const MAX_REMEMBERED: usize = 10_000;

/// Topics of a connection whose ends of history are to be asked for, and when they were asked for last.
#[derive(Debug, Default)]
pub(crate) struct Wanted(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    topics: BTreeSet<Arc<str>>,
    asked: HashMap<Arc<str>, Instant>,
}

/// Topics to ask for, by the policy that is in force.
pub(crate) struct Due {
    policy: Arc<LoadedPolicy>,
    topics: Vec<Arc<str>>,
}

impl Wanted {
    /// An answer had clear records of a partition whose end nobody knows.
    pub(crate) fn note(&self, topic: &str) {
        let mut inner = self.lock();
        if inner.topics.len() < MAX_REMEMBERED {
            inner.topics.insert(topic.into());
        }
    }

    /// Whether a topic was not asked for lately.
    fn is_stale(&self, topic: &str, now: Instant) -> bool {
        self.lock().asked.get(topic).is_none_or(|at| now.saturating_duration_since(*at) >= RECHECK)
    }

    /// Topics to ask for now: these and those noted, unless they were asked for a moment ago.
    fn due(&self, topics: impl Iterator<Item = Arc<str>>, now: Instant) -> Vec<Arc<str>> {
        let mut inner = self.lock();
        let mut all = std::mem::take(&mut inner.topics);
        all.extend(topics);
        let asked = |inner: &Inner, topic: &Arc<str>| {
            inner.asked.get(topic).is_some_and(|at| now.saturating_duration_since(*at) < PAUSE)
        };
        let due: Vec<_> = all.into_iter().filter(|topic| !asked(&inner, topic)).take(MAX_TOPICS).collect();
        if inner.asked.len() + due.len() > MAX_REMEMBERED {
            inner.asked.clear();
        }
        inner.asked.extend(due.iter().map(|topic| (Arc::clone(topic), now)));
        due
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes note of a partition that was refused because nobody knows its end: the next request asks.
pub(crate) fn note(session: &Session, topic: Option<&str>, failure: Failure) {
    if let Some(topic) = topic.filter(|_| failure.refusal == Refusal::HistoryUnknown) {
        session.wanted.note(topic);
    }
}

/// Has the id of a topic that is fetched by name looked up again now and then: what passes depends on it.
pub(crate) fn recheck(session: &Session, topic: TopicRef<'_>) {
    let live = &session.shared.live;
    let TopicRef::Name(name) = topic else { return };
    if live.histories().is_active() && session.wanted.is_stale(name, Instant::now()) {
        let policy = live.policy();
        let decision = policy.as_ref().map(|policy| policy.effective.decide(name));
        if let Some(Decision::Encrypt(rule)) = decision
            && rule.on_plaintext == OnPlaintext::PassUntil
        {
            session.wanted.note(name);
        }
    }
}

/// Of these topics, and of those that an answer lacked, which are to be asked for now.
pub(crate) fn due(session: &Session, topics: impl Iterator<Item = Arc<str>>) -> Option<Due> {
    let live = &session.shared.live;
    let policy = live.policy().filter(|_| live.histories().is_active())?;
    let wants = |topic: &Arc<str>| {
        let id = session.shared.topics.id(topic).map(proxy_config::TopicId);
        live.histories().wants(&policy.effective, topic, id)
    };
    let topics = session.wanted.due(topics.filter(wants), Instant::now());
    (!topics.is_empty()).then_some(Due { policy, topics })
}

/// Asks for what is not known of them. What is not told stays unknown.
pub(crate) async fn take(requests: &mut Requests, due: Option<Due>) -> Result<(), Close> {
    let Some(Due { policy, topics }) = due else { return Ok(()) };
    let session = Arc::clone(&requests.session);
    let live = &session.shared.live;
    let mut asked = Vec::new();
    for lookup::Partitions { topic, id, count } in lookup::partitions(requests, &topics).await? {
        // Topics that were noted are here for their id alone, unless it is time to ask.
        if !live.histories().wants(&policy.effective, &topic, Some(proxy_config::TopicId(id))) {
            continue;
        }
        let known = live.histories().known(&topic, proxy_config::TopicId(id));
        let Some(history) = known.or_else(|| adopted(&topic, count)) else { continue };
        let mut untaken = live.histories().due(proxy_config::TopicId(id), &history, Instant::now());
        untaken.truncate(MAX_PARTITIONS);
        asked.push((topic, id, history, untaken));
    }
    let questions = asked.iter().filter(|(.., untaken)| !untaken.is_empty());
    let questions: Vec<_> = questions.map(|(topic, _, _, untaken)| (&**topic, &untaken[..])).collect();
    let mut ends =
        if questions.is_empty() { HashMap::new() } else { lookup::ends(requests, &questions).await? };
    for (topic, id, history, _) in asked {
        let ends = ends.remove(&*topic).unwrap_or_default();
        hear(&session, id, history, ends).await;
    }
    Ok(())
}

/// A topic that is met for the first time: all the partitions that it has now may have history.
fn adopted(topic: &str, partitions: usize) -> Option<TopicHistory> {
    // What has more could not be read back.
    if partitions > MOST_PARTITIONS {
        return None;
    }
    Some(TopicHistory::new(TopicName::new(topic).ok()?, vec![None; partitions]))
}

/// On a thread that may wait for the disk.
async fn hear(session: &Session, id: TopicId, history: TopicHistory, ends: HashMap<i32, i64>) {
    let live = Arc::clone(&session.shared.live);
    let topic = history.topic().clone();
    let id = proxy_config::TopicId(id);
    let hear = move || live.histories().hear(id, &history, &ends, Instant::now());
    match tokio::task::spawn_blocking(hear).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let error = crate::telemetry::chain(&error);
            tracing::error!(%topic, error, "where history ends cannot be kept, so clear records do not pass");
        }
        Err(error) => tracing::error!(%topic, %error, "keeping where history ends failed unexpectedly"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_asked_for_at_once_and_then_once_a_second() {
        let wanted = Wanted::default();
        let start = Instant::now();
        let due = |topics: &[&str], after| {
            let topics = topics.iter().map(|topic| Arc::from(*topic));
            wanted.due(topics, start + Duration::from_millis(after)).len()
        };
        assert_eq!(due(&["a"], 0), 1);
        wanted.note("b");
        assert_eq!(due(&["a"], 999), 1, "b alone");
        assert_eq!(due(&["a", "b"], 1000), 1, "a alone");
        assert_eq!(due(&[], 5000), 0);
        assert!(!wanted.is_stale("a", start + RECHECK) && wanted.is_stale("c", start));
        assert!(wanted.is_stale("a", start + RECHECK + PAUSE));
    }

    #[test]
    fn all_partitions_of_a_topic_that_is_met_for_the_first_time_may_have_history() {
        assert!(adopted("a", MOST_PARTITIONS + 1).is_none());
        assert_eq!(adopted("a", 2).unwrap().until(), [None, None]);
    }
}
