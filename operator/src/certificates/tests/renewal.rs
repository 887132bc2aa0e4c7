//! One replacement at a time.

use super::*;

#[test]
fn a_second_look_changes_nothing() {
    let mut world = World::empty();
    let first = world.step();
    assert_eq!(reasons(&first), ["IssuedAuthority", "IssuedServerCertificate"]);
    let second = world.step();
    assert!(changes_nothing(&second));
    assert_eq!(
        (second.bundle, second.look_again, second.expiry),
        (first.bundle, first.look_again, first.expiry)
    );
}

#[test]
fn every_step_of_a_replacement_is_taken_once() {
    let mut world = World::new();
    let mut steps = vec![world.step_renewing_authority()];
    steps.extend((0..2).map(|_| world.step_after(days(1))));
    for (step, expected) in steps.iter().zip([
        ["PublishedNextAuthority"].as_slice(),
        &["SwitchedAuthority", "IssuedServerCertificate"],
        &["RetiredAuthority"],
    ]) {
        assert_eq!(reasons(step), expected);
    }
    assert!(changes_nothing(&world.step()));
    let mut world = World::new();
    for step in [SignedDuration::ZERO, days(1), days(1)] {
        world.now += step;
        world.step_renewing_authority();
        assert!(changes_nothing(&world.step()));
    }
}

#[test]
fn the_server_certificate_is_renewed_when_a_third_of_its_life_is_left() {
    let mut world = World::new();
    let plan = world.step();
    let due = world.now + days(60);
    assert!((due - hours(1)..=due).contains(&plan.look_again), "{}", plan.look_again);
    assert!(changes_nothing(&world.step_after(days(60) - SignedDuration::from_secs(2))));
    let plan = world.step_after(SignedDuration::from_secs(2));
    assert_eq!(server_reason(&plan), Some(ServerReason::Due));
    assert_eq!(plan.authority, SecretChanges::default());
    assert_eq!(plan.server.set.keys().collect::<Vec<_>>(), ["tls.crt", "tls.key"]);
}

#[test]
fn a_certificate_that_cannot_last_longer_is_not_renewed_again_and_again() {
    let mut world = World::new();
    // An authority that nobody replaces in time: its successor waits for clients who never get the bundle.
    world.now += days(365) - hours(2);
    let first = world.step();
    assert_eq!(reasons(&first), ["PublishedNextAuthority", "IssuedServerCertificate"]);
    assert_eq!(first.expiry.server, first.expiry.authority);
    assert!(changes_nothing(&world.step_after(SignedDuration::from_mins(90))));
}

#[test]
fn the_successor_is_published_before_it_issues_and_the_old_one_stays_after() {
    let mut world = World::new();
    let presented = world.presented();
    let plan = world.step_after(days(335));
    assert_eq!(reasons(&plan)[0], "PublishedNextAuthority");
    assert_eq!(
        world.authority_entries(),
        ["ca.crt", "ca.key", "next-ca.crt", "next-ca.key", "next-ca.published-at"]
    );
    assert_eq!(plan.look_again, world.now + days(1));
    assert_ne!(world.presented(), presented, "90 days are long over");
    let (old, next) = (text(world.authority(), "ca.crt"), text(world.authority(), "next-ca.crt"));
    assert_eq!(plan.bundle, format!("{old}{next}"), "oldest first");

    assert!(changes_nothing(&world.step_after(hours(23))));
    let plan = world.step_after(hours(1));
    assert_eq!(reasons(&plan), ["SwitchedAuthority", "IssuedServerCertificate"]);
    assert_eq!(server_reason(&plan), Some(ServerReason::OtherAuthority));
    let date = "2027-11-25T10-20-30Z";
    let (certificate, time) = (format!("old-ca-{date}.crt"), format!("old-ca-{date}.replaced-at"));
    assert_eq!(world.authority_entries(), ["ca.crt", "ca.key", &certificate, &time]);
    assert_eq!(
        (text(world.authority(), "ca.crt"), text(world.authority(), &certificate)),
        (next.clone(), old)
    );

    assert!(changes_nothing(&world.step_after(hours(23))));
    let plan = world.step_after(hours(1));
    assert_eq!(reasons(&plan), ["RetiredAuthority"]);
    assert_eq!(plan.bundle, next);
    assert_eq!(world.authority_entries(), ["ca.crt", "ca.key"]);
}

#[test]
fn the_overlap_counts_from_when_clients_get_the_bundle() {
    let mut world = World::new();
    let before = world.bundle.clone();
    world.step_renewing_authority();
    // The Secret was written, the bundle was not.
    world.bundle = before;
    let plan = world.step_after(days(3));
    assert!(plan.events.is_empty());
    assert_eq!(plan.look_again, world.now + days(1));
    assert_eq!(reasons(&world.step_after(days(1)))[0], "SwitchedAuthority");
}

#[test]
fn an_overlap_of_seconds_is_kept_to_the_fraction() {
    let mut world = World::new();
    world.validity = world.validity.with_overlap(SignedDuration::from_secs(2)).unwrap();
    world.step_renewing_authority();
    assert!(changes_nothing(&world.step_after(SignedDuration::from_millis(1999))));
    assert_eq!(reasons(&world.step_after(SignedDuration::from_millis(1)))[0], "SwitchedAuthority");
}

#[test]
fn other_names_get_a_certificate_at_once_and_the_same_in_another_order_do_not() {
    let mut world = World::new();
    world.names = names(&["10.1.2.3", &HOST.to_uppercase(), HOST]);
    assert!(changes_nothing(&world.step()));
    for other in [&[HOST][..], &[HOST, "10.1.2.3", "::1"], &["k.example.com"]] {
        world.names = names(other);
        let plan = world.step();
        assert_eq!(server_reason(&plan), Some(ServerReason::OtherNames));
        assert!(plan.authority.is_empty());
        for name in other {
            assert!(accepts(&plan.bundle, &world.presented(), name, world.now));
        }
    }
    assert!(!accepts(&world.bundle.clone().unwrap(), &world.presented(), HOST, world.now));
}

#[test]
fn a_requested_server_certificate_comes_at_once_and_once() {
    let mut world = World::new();
    let before = world.presented();
    let plan = world.try_step(|wanted| wanted.renew_server = true).unwrap();
    assert_eq!(server_reason(&plan), Some(ServerReason::Requested));
    assert!(plan.authority.is_empty());
    assert_ne!(world.presented(), before);
    assert!(changes_nothing(&world.step()));
}

#[test]
fn a_requested_authority_goes_through_the_overlap_and_repeating_the_request_does_not_disturb_it() {
    let mut world = World::new();
    let before = world.presented();
    let plan = world.step_renewing_authority();
    assert_eq!(reasons(&plan), ["PublishedNextAuthority"]);
    assert_eq!(world.presented(), before);
    world.now += hours(12);
    assert!(changes_nothing(&world.step_renewing_authority()));
    assert_eq!(reasons(&world.step_after(hours(12)))[0], "SwitchedAuthority");
}

#[test]
fn a_successor_that_waited_until_its_own_end_is_near_gets_a_successor() {
    let mut world = World::new();
    world.step_renewing_authority();
    let plan = world.step_after(days(340));
    assert_eq!(reasons(&plan), ["SwitchedAuthority", "PublishedNextAuthority", "IssuedServerCertificate"]);
    assert!(changes_nothing(&world.step()));
}

#[test]
fn an_old_authority_with_the_same_end_is_not_overwritten() {
    let (mut world, mut other) = (World::new(), World::new());
    let old = text(other.authority(), "ca.crt");
    world.step_renewing_authority();
    world.now += hours(23);
    let entry = "old-ca-2027-11-25T10-20-30Z";
    put(world.authority(), &format!("{entry}.crt"), old.clone());
    world.step();
    let issuing = text(world.authority(), "ca.crt");
    assert_eq!(reasons(&world.step_after(hours(1)))[0], "SwitchedAuthority");
    assert_eq!(text(world.authority(), &format!("{entry}.crt")), old);
    assert_eq!(text(world.authority(), &format!("{entry}-2.crt")), issuing);
    assert_eq!(world.bundle.unwrap().matches("BEGIN CERTIFICATE").count(), 3);
}

#[test]
fn a_deleted_secret_gets_a_new_authority_at_once() {
    let mut world = World::new();
    world.authority = None;
    let plan = world.step();
    assert_eq!(reasons(&plan), ["IssuedAuthority", "IssuedServerCertificate"]);
    assert!(world.accepted_with(&plan.bundle));
}

#[test]
fn an_operator_that_slept_through_the_end_makes_everything_anew() {
    let mut world = World::new();
    let plan = world.step_after(days(400));
    assert_eq!(reasons(&plan), ["IssuedAuthority", "IssuedServerCertificate"]);
    assert!(matches!(plan.events[0], Event::IssuedAuthority { reason: AuthorityReason::Expired, .. }));
    assert_eq!(world.authority_entries(), ["ca.crt", "ca.key"]);
    assert!(world.accepted_with(&plan.bundle));
}

#[test]
fn a_published_successor_takes_over_from_an_authority_that_ended() {
    let mut world = World::new();
    world.now += days(365) - hours(2);
    let published = world.step().bundle;
    let plan = world.step_after(hours(3));
    assert_eq!(reasons(&plan), ["SwitchedAuthority", "IssuedServerCertificate"]);
    assert!(world.accepted_with(&published));
    assert_eq!(plan.bundle.matches("BEGIN CERTIFICATE").count(), 1);
}
