//! The audit logs of the proxies, beside that of the server: the same calls, in the same order.

mod calls;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tests::eventually_ok;
use tests::kubernetes::{OpenBao, Stage};

use calls::{Call, Subject, ours, theirs};

/// Both have the node's clock; on a busy machine a thread waits between what it does and what it writes of it.
const SLACK: Duration = Duration::from_secs(2);

/// All calls of one kind for one data key, or for none where none was made, in their order.
type Story<'a> = Vec<&'a Call>;

/// What the server says that it did for the proxies is what they say that they asked: by which proxy, for which data key under
/// which version of which key, and whether it was allowed, request by request.
pub(super) async fn logs_tell_the_same(platform: &Stage, bao: &OpenBao) {
    let same = async || {
        // A call that comes between the two is in the second alone, so they are read again.
        let (ours, theirs) = (ours(platform).await, theirs(bao).await);
        compare(&ours, &theirs).map(|()| ours)
    };
    let calls = eventually_ok("the logs tell the same", Duration::from_mins(1), same).await;
    let has = |key: &str, operation: &str, outcome: &str, version: Option<&str>| {
        calls.iter().any(|call| {
            (call.key.as_str(), call.operation, call.outcome) == (key, operation, outcome)
                && call.version.as_deref() == version
        })
    };
    for version in ["1", "2"] {
        assert!(has("payments", "generate", "ok", Some(version)), "version {version}: {calls:?}");
        assert!(has("payments", "unwrap", "ok", Some(version)), "version {version}: {calls:?}");
    }
    assert!(has("payments", "generate", "refused", None), "{calls:?}");
    assert!(has("payments", "unwrap", "refused", Some("1")), "{calls:?}");
    assert!(has("refunds", "generate", "ok", Some("1")), "{calls:?}");
}

fn compare(ours: &[Call], theirs: &[Call]) -> Result<(), String> {
    // What did not come in time may have been done: one request each.
    let (mut silent, ours): (Vec<_>, Vec<_>) = ours.iter().partition(|call| call.outcome == "unavailable");
    let (ours, theirs) = (stories(ours.into_iter()), stories(theirs.iter()));
    let mut compared = BTreeSet::new();
    for subject in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        let [ours, theirs] =
            [&ours, &theirs].map(|stories| stories.get(subject).map(Vec::as_slice).unwrap_or_default());
        let differ = |why: &str| Err(format!("{why} of {subject:?}:\nproxies: {ours:?}\nserver: {theirs:?}"));
        let Some(more) = rest(ours, theirs) else { return differ("the server tells another story") };
        for answer in more {
            let Some(place) = silent.iter().position(|call| may_be_answered(call, answer)) else {
                return differ("the server has more");
            };
            silent.swap_remove(place);
        }
        if !ours.is_empty() {
            compared.insert(&subject.1);
        }
    }
    let mut keys = ours.keys().chain(theirs.keys()).map(|(_, key, ..)| key);
    keys.find(|key| !compared.contains(key))
        .map_or(Ok(()), |key| Err(format!("nothing is compared of {key}")))
}

fn stories<'a>(calls: impl Iterator<Item = &'a Call>) -> BTreeMap<Subject, Story<'a>> {
    let mut stories = BTreeMap::<_, Story<'_>>::new();
    for call in calls {
        stories.entry(call.subject()).or_default().push(call);
    }
    stories
}

/// What the server answered beside these calls, where it allowed and refused each of them in the same order and at the same time,
/// under the same version.
fn rest<'a>(ours: &[&Call], theirs: &[&'a Call]) -> Option<Story<'a>> {
    let mut rest = theirs.to_vec();
    let mut last = None;
    for call in ours {
        let answers = |answer: &&Call| answer.outcome == call.outcome && is_answered(call, answer);
        let answer = rest.remove(rest.iter().position(answers)?);
        if last.is_some_and(|last| answer.time < last) {
            return None;
        }
        last = Some(answer.time);
    }
    Some(rest)
}

fn is_answered(call: &Call, answer: &Call) -> bool {
    is_in_time(call, answer) && answer.version == call.version
}

/// Whether it may be the answer that a call did not get in time. One that was to make a data key does not tell which.
fn may_be_answered(call: &Call, answer: &Call) -> bool {
    let about = |call: &Call| (call.proxy.clone(), call.key.clone(), call.operation);
    let same = call.data_key.is_none() || call.data_key == answer.data_key;
    about(call) == about(answer) && same && is_in_time(call, answer)
}

fn is_in_time(call: &Call, answer: &Call) -> bool {
    (call.time - call.took - SLACK..=call.time + SLACK).contains(&answer.time)
}
