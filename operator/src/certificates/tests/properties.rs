//! Whatever the times between looks and whatever is asked for.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Look,
    RenewAuthority,
    RenewServer,
    Rename(u8),
    LoseServer,
    LoseAuthority,
    EditBundle,
}

fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
    let step = prop_oneof![
        4 => Just(Step::Look),
        2 => Just(Step::RenewAuthority),
        1 => Just(Step::RenewServer),
        1 => (0_u8..3).prop_map(Step::Rename),
        1 => Just(Step::LoseServer),
        1 => Just(Step::LoseAuthority),
        1 => Just(Step::EditBundle),
    ];
    let minutes = prop_oneof![0_i64..60, 0_i64..3_000, 0_i64..150_000, 0_i64..800_000];
    prop::collection::vec((step, minutes), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn after_each_look_clients_accept_and_another_look_changes_nothing(steps in steps()) {
        let mut world = World::new();
        for (step, minutes) in steps {
            world.now += SignedDuration::from_mins(minutes);
            let (mut authority, mut server) = (false, false);
            match step {
                Step::Look => {}
                Step::RenewAuthority => authority = true,
                Step::RenewServer => server = true,
                Step::Rename(n) => world.names = names(&[HOST, &format!("name-{n}.example.com")]),
                Step::LoseServer => world.server = None,
                Step::LoseAuthority => world.authority = None,
                Step::EditBundle => world.bundle = Some("edited".to_owned()),
            }
            let plan = world.try_step(|wanted| {
                (wanted.renew_authority, wanted.renew_server) = (authority, server);
            }).unwrap();
            prop_assert!(world.accepted_with(&plan.bundle));
            prop_assert!(plan.look_again > world.now);
            prop_assert!(plan.expiry.server > world.now && plan.expiry.server <= plan.expiry.authority);
            let again = world.step();
            prop_assert!(changes_nothing(&again), "{:?}", again);
            prop_assert_eq!(again.bundle, plan.bundle);
            prop_assert_eq!(again.look_again, plan.look_again);
        }
    }
}
