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
/// which version of which key, and whether it was allowed, call by call.
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
    // What did not come in time may have been done, so that nothing follows from it.
    let silent = ours.iter().filter(|call| call.outcome == "unavailable");
    let unsure: BTreeSet<_> = silent.map(|call| (&call.proxy, &call.key)).collect();
    let (meant, theirs): (Vec<_>, Vec<_>) = theirs.iter().partition(|call| call.outcome == "corrupt");
    let (ours, theirs) = (stories(ours.iter()), stories(theirs.into_iter()));
    // A proxy sees once for each key that what it got does not open in another context.
    for call in meant {
        if !ours.contains_key(&Call { operation: "generate", ..call.clone() }.subject()) {
            return Err(format!("no proxy made the data key of {call:?}"));
        }
    }
    for subject in ours.keys().chain(theirs.keys()) {
        let (proxy, key, ..) = subject;
        let [ours, theirs] =
            [&ours, &theirs].map(|stories| stories.get(subject).map(Vec::as_slice).unwrap_or_default());
        if !is_one(ours, theirs) && !unsure.contains(&(proxy, key)) {
            return Err(format!("{subject:?}:\nproxies: {ours:?}\nserver: {theirs:?}"));
        }
    }
    Ok(())
}

fn stories<'a>(calls: impl Iterator<Item = &'a Call>) -> BTreeMap<Subject, Story<'a>> {
    let mut stories = BTreeMap::<_, Story<'_>>::new();
    for call in calls {
        stories.entry(call.subject()).or_default().push(call);
    }
    stories
}

/// Whether the same was allowed and refused in the same order and at the same times, under the same version.
fn is_one(ours: &[&Call], theirs: &[&Call]) -> bool {
    let (mut calls, mut answers) = (turns(ours), turns(theirs));
    let same = calls.by_ref().zip(answers.by_ref()).all(|(calls, answers)| {
        // After a denial a proxy may log in anew and ask once more, before it tells.
        let most = if calls[0].outcome == "refused" { 2 * calls.len() } else { calls.len() };
        calls[0].outcome == answers[0].outcome
            && (calls.len()..=most).contains(&answers.len())
            && answers.iter().all(|answer| calls.iter().any(|call| is_answered(call, answer)))
    });
    same && calls.next().is_none() && answers.next().is_none()
}

/// Calls with the same outcome, one after the other.
fn turns<'a>(story: &'a [&'a Call]) -> impl Iterator<Item = &'a [&'a Call]> {
    story.chunk_by(|one, other| one.outcome == other.outcome)
}

fn is_answered(call: &Call, answer: &Call) -> bool {
    let time = call.time - call.took - SLACK..=call.time + SLACK;
    time.contains(&answer.time) && answer.version == call.version
}
