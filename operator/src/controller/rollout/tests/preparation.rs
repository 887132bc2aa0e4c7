//! Writes of a topic that is clear today go on until every proxy is known to follow.

use proxy_config::{KeyName, KeyRef, Pattern, ProviderName, TopicPrefix};

use super::{Cluster, NOTHING, ONE, TWO_RULES, encrypts, goes_on, is_pending, target};
use crate::controller::fixtures::{pod, tried};
use crate::pods::{Phase, Proxy};
use crate::policies::{LedgerEntry, PolicyId, Treatment};

fn starting(name: &str, placed: Option<jiff::Timestamp>) -> Proxy {
    let mut proxy = pod(name, "");
    proxy.phase = Phase::Starting(Some("ImagePullBackOff".to_owned()));
    proxy.report = Err("ImagePullBackOff".to_owned());
    proxy.placed = placed;
    proxy
}

/// What happens to a cluster, and what is then said.
type Change<'a> = (&'a dyn Fn(&mut Cluster), &'a str);

#[test]
fn writes_go_on_while_a_proxy_cannot_follow() {
    let dead =
        |cluster: &mut Cluster| cluster.fleet[1].report = Err("its admin port does not answer".to_owned());
    let ending = |cluster: &mut Cluster| cluster.fleet[1].phase = Phase::Ending;
    let untried = |cluster: &mut Cluster| {
        cluster.load(1);
        cluster.fleet[1].report.as_mut().unwrap().keys = vec![tried("one", "Unknown")];
    };
    let refusing = |cluster: &mut Cluster| {
        cluster.fleet[1].report.as_mut().unwrap().policy_error = Some("no".to_owned());
    };
    let cases: [Change<'_>; 4] = [
        (&dead, "pod pod-1: its admin port does not answer"),
        (&ending, "pod pod-1 is ending, and takes up nothing new"),
        (&untried, "pod pod-1 has not tried its keys yet"),
        (&refusing, "pod pod-1 refuses its files: no"),
    ];
    for (hold_up, why) in cases {
        let (mut cluster, target) = (Cluster::settled(NOTHING), target(ONE));
        cluster.pass(&target);
        cluster.load(0);
        hold_up(&mut cluster);
        for _ in 0..3 {
            let step = cluster.pass(&target);
            assert!(goes_on(&step, "a.x"), "{why}");
            assert_eq!(step.behind, [why]);
        }
        cluster.fleet.remove(1);
        assert!(is_pending(&cluster.pass(&target), "a.x"), "{why}");
    }
}

#[test]
fn keys_are_tried_before_writes_wait() {
    let (mut cluster, target) = (Cluster::settled(NOTHING), target(ONE));
    let step = cluster.pass(&target);
    let keys: Vec<_> = step.program.read_keys().iter().map(|key| key.name.as_str()).collect();
    assert_eq!(keys, ["one"]);
}

#[test]
fn a_proxy_that_may_start_with_older_files_is_waited_for() {
    let (mut cluster, target) = (Cluster::settled(NOTHING), target(ONE));
    let early = cluster.changed;
    cluster.pass(&target);
    cluster.all_load();
    cluster.fleet.push(starting("pod-2", Some(early)));
    let step = cluster.pass(&target);
    assert!(goes_on(&step, "a.x"));
    assert_eq!(step.behind, ["pod pod-2: ImagePullBackOff"]);
    // It is there, first with what it read and then with what the file says.
    cluster.fleet[2] = pod("pod-2", "older");
    assert!(goes_on(&cluster.pass(&target), "a.x"));
    cluster.load(2);
    cluster.fleet[2].report.as_mut().unwrap().keys = vec![tried("one", "Ready")];
    assert!(is_pending(&cluster.pass(&target), "a.x"));
}

#[test]
fn a_proxy_that_may_start_with_older_files_holds_up_the_target_too() {
    let target = target(ONE);
    let mut cluster = Cluster::waiting(NOTHING, &target);
    let early = cluster.changed - jiff::SignedDuration::from_secs(30);
    cluster.all_load();
    cluster.fleet.push(starting("pod-2", Some(early)));
    assert!(is_pending(&cluster.pass(&target), "a.x"));
    cluster.fleet.pop();
    assert!(cluster.pass(&target).last);
}

#[test]
fn a_proxy_that_starts_later_reads_what_the_file_says() {
    for placed in [false, true] {
        let (mut cluster, target) = (Cluster::settled(NOTHING), target(ONE));
        cluster.pass(&target);
        cluster.all_load();
        let late = cluster.changed + jiff::SignedDuration::from_secs(30);
        cluster.fleet.push(starting("pod-2", placed.then_some(late)));
        assert!(is_pending(&cluster.pass(&target), "a.x"), "{placed}");
    }
}

#[test]
fn a_proxy_that_starts_holds_up_nothing_that_stays_as_it_is() {
    let mut cluster = Cluster::settled(ONE);
    cluster.fleet.push(starting("pod-2", Some(jiff::Timestamp::UNIX_EPOCH)));
    assert!(cluster.pass(&target(ONE)).last);
}

#[test]
fn a_refused_topic_is_refused_until_it_is_encrypted() {
    let mut cluster = Cluster::settled("[{topics: [{prefix: a.}], key: {name: one, provider: unknown}}]");
    let target = target(ONE);
    cluster.all_try(&[]);
    for _ in 0..2 {
        let step = cluster.pass(&target);
        assert!(matches!(super::treatment(&step, "a.x"), Treatment::Retired { .. }) && !step.last);
        cluster.all_load();
    }
    cluster.all_try(&["one"]);
    let last = cluster.pass(&target);
    assert!(last.last && encrypts(&last, "a.x", "one"));
}

#[test]
fn what_the_ledger_knows_is_never_clear_for_longer_though_the_file_says_nothing_of_it() {
    let (mut cluster, target) = (Cluster::settled(NOTHING), target(ONE));
    let key = KeyRef { provider: ProviderName::new("default").unwrap(), name: KeyName::new("one").unwrap() };
    let pattern = Pattern::Prefix(TopicPrefix::new("a.").unwrap());
    cluster.ledger.insert(pattern, LedgerEntry { key, policy: PolicyId::new("kafka", "payments") });
    assert!(is_pending(&cluster.pass(&target), "a.x"));
}

#[test]
fn what_some_proxy_encrypts_is_never_clear_for_longer() {
    let mut cluster = Cluster::settled(ONE);
    cluster.pass(&target(NOTHING));
    assert!(
        !cluster
            .pass(&target(ONE))
            .program
            .decide("a.x")
            .is_none_or(|rule| rule.treatment == Treatment::Clear)
    );
}

#[test]
fn a_topic_that_waits_goes_on_though_another_begins() {
    let mut cluster = Cluster::waiting(NOTHING, &target(ONE));
    cluster.all_load();
    let step = cluster.pass(&target(TWO_RULES));
    assert!(encrypts(&step, "a.x", "one") && goes_on(&step, "b.x"));
}
