//! Years of a cluster whose clients fetch the bundle no oftener than once in the overlap.

use super::*;

/// Every bundle that was published, and since when.
struct History(Vec<(Timestamp, String)>);

impl History {
    /// Bundles that clients may have which fetched at some time from `since` on.
    fn since(&self, since: Timestamp) -> impl Iterator<Item = &str> {
        let first = self.0.partition_point(|(from, _)| *from <= since).saturating_sub(1);
        self.0[first..].iter().map(|(_, bundle)| bundle.as_str())
    }

    fn add(&mut self, from: Timestamp, bundle: &str) {
        if self.0.last().is_none_or(|(_, last)| last != bundle) {
            self.0.push((from, bundle.to_owned()));
        }
    }
}

/// Looks whenever something falls due and every few hours besides; what is presented is tried before and after each look.
fn live(mut world: World, until: Timestamp, between: SignedDuration) -> (Vec<&'static str>, World) {
    let overlap = world.validity.overlap();
    let first = world.step();
    let mut happened = reasons(&first);
    let mut history = History(vec![(world.now, first.bundle)]);
    let mut due = first.look_again;
    while world.now < until {
        world.now = due.min(world.now + between);
        let accepted = |world: &World, history: &History| {
            history.since(world.now - overlap).all(|bundle| world.accepted_with(bundle))
        };
        assert!(accepted(&world, &history), "before the look at {}", world.now);
        let plan = world.step();
        assert!(plan.look_again > world.now);
        history.add(world.now, &plan.bundle);
        assert!(accepted(&world, &history), "after the look at {}", world.now);
        happened.extend(reasons(&plan));
        due = plan.look_again;
    }
    (happened, world)
}

fn count(happened: &[&str], reason: &str) -> usize {
    happened.iter().filter(|happened| **happened == reason).count()
}

#[test]
fn no_client_that_fetches_once_in_the_overlap_is_cut_off_in_four_years() {
    let world = World::empty();
    let until = world.now + days(4 * 365);
    let (happened, world) = live(world, until, hours(11));
    assert_eq!(count(&happened, "IssuedAuthority"), 1);
    assert_eq!(count(&happened, "SwitchedAuthority"), 4);
    assert_eq!(count(&happened, "RetiredAuthority"), 4);
    assert!(count(&happened, "IssuedServerCertificate") >= 4 * 6);
    assert_eq!(world.authority_entries(), ["ca.crt", "ca.key"]);
}

#[test]
fn looking_only_when_something_falls_due_suffices() {
    let world = World::empty();
    let until = world.now + days(4 * 365);
    let (happened, _) = live(world, until, days(1000));
    assert_eq!(count(&happened, "IssuedAuthority"), 1);
    assert_eq!(count(&happened, "SwitchedAuthority"), 4);
}

#[test]
fn a_life_of_minutes_works_as_one_of_years() {
    let mut world = World::empty();
    let minutes = SignedDuration::from_mins;
    world.validity =
        Validity::new(minutes(20), minutes(10), minutes(9), SignedDuration::from_secs(30)).unwrap();
    let until = world.now + hours(2);
    let (happened, _) = live(world, until, SignedDuration::from_secs(13));
    assert_eq!(count(&happened, "IssuedAuthority"), 1);
    assert!(count(&happened, "SwitchedAuthority") >= 10);
}
