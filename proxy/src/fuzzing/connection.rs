//! A whole connection: a real relay between a client and a broker that do what the input says, in paused time.
//!
//! Whatever both do, the relay ends and gives its memory back, no record of an encrypted topic reaches the broker in clear, no
//! envelope reaches the client, and the client's answers keep the order of its requests.

mod broker;
#[cfg(test)]
mod clear;
mod client;
mod policies;
mod promises;
#[cfg(test)]
mod revocation;
mod script;
mod seeds;
mod share;
mod stage;
#[cfg(test)]
mod stalls;
#[cfg(test)]
mod strangers;

#[cfg(test)]
use crate::budget::Budget;
#[cfg(test)]
use crate::connection::Session;
use crate::connection::relay;
use crate::io::split_tls;
#[cfg(test)]
use crate::strangers::Newcomer;
use broker::Broker;
use client::Client;
use promises::{AtBroker, AtClient};
use script::Script;
use stage::Stage;
use std::cell::RefCell;
#[cfg(test)]
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

/// In paused time. Longer than all that both sides wait for, one after the other.
const LONGEST: Duration = Duration::from_hours(100);

/// How long a server that shuts down waits for its connections.
const GRACE: Duration = Duration::from_mins(30);

/// What no broker may see, and every value of a producer has.
const PLAINTEXT: &[u8] = b"PLAINTEXT-MARKER";

pub(super) fn fuzz(data: &[u8]) {
    relayed(data);
}

fn relayed(data: &[u8]) -> (u32, u32) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let script = Script::parse(data);
    runtime.block_on(async {
        let stage = Stage::new(&script);
        let run = tokio::time::timeout(LONGEST, Box::pin(run(&stage, script))).await;
        stage.is_clean();
        run.expect("the connection ends")
    })
}

/// The shared state of a connection without one, under the first policy.
#[cfg(test)]
pub(crate) fn session() -> Session {
    let stage = Stage::new(&Script::parse(&[]));
    let (shared, advertised) = stage.parts();
    let (sequences, only_keys_lacked, unanswered, wanted, unnamed) = Default::default();
    let queued = Budget::new(1);
    let newcomer = Arc::new(Newcomer::new(Arc::clone(&shared.strangers)));
    Session { shared, advertised, newcomer, sequences, queued, only_keys_lacked, unanswered, wanted, unnamed }
}

/// How many batches were sealed, and how many records came back as they were produced.
async fn run(stage: &Stage, script: Script) -> (u32, u32) {
    let (ours, theirs) = tokio::io::duplex(script.pipe);
    let client_halves = split_tls(Box::new(theirs));
    let (from_proxy, to_proxy) = tokio::io::split(ours);
    let (broker_ours, broker_theirs) = tokio::io::duplex(script.pipe);
    let broker_halves = split_tls(Box::new(broker_theirs));
    let drain = CancellationToken::new();

    let at_client = RefCell::new(AtClient::default());
    let client = Client { script: script.steps, stage, drain: drain.clone(), promises: &at_client };
    let gave_up = CancellationToken::new();
    let broker = Broker::new(script.plans, AtBroker::new());
    let (shared, advertised) = stage.parts();
    let cut = async {
        drain.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    let relaying = async {
        // Its halves end with it.
        tokio::select! {
            _any_end = relay(shared, advertised, broker_halves, client_halves, drain.clone()) => {}
            () = cut => {}
        }
    };
    let reading = async {
        tokio::select! {
            () = client::read(from_proxy, &at_client) => {}
            () = gave_up.cancelled() => {}
        }
    };
    let (.., sealed) =
        tokio::join!(relaying, client.write(to_proxy, &gave_up), reading, broker.run(broker_ours));
    (sealed, at_client.borrow().delivered)
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    seeds::seeds()
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: [u8; 7] = [0, 2, 12, 0, 0, 0, 0];
    const PRODUCE: [u8; 7] = [0, 0, 12, 0, 0, 1, 0];
    const FETCH: [u8; 7] = [0, 1, 12, 0, 0, 0, 0];
    /// So long that what was sent before is done.
    const PAUSE: [u8; 2] = [13, 12];

    /// What is checked on the way must come to pass at all.
    #[test]
    fn what_an_honest_client_produces_is_sealed_and_comes_back() {
        for policy in [0, 1, 2, 4, 5, 7, 9, 10] {
            for pipe in 0..4 {
                let script = [&[policy, 0, pipe][..], &METADATA, &PRODUCE, &FETCH].concat();
                assert_eq!(relayed(&script), (1, 1), "policy {policy}, pipe {pipe}");
            }
        }
        for policy in [6, 8] {
            let script = [&[policy, 0, 2][..], &METADATA, &PRODUCE, &FETCH].concat();
            assert_eq!(relayed(&script), (0, 0), "nothing is written where the rule waits or is retired");
        }
    }

    #[test]
    fn a_share_group_is_handed_over_what_was_produced() {
        for version in [1, 2] {
            let (fetch, acknowledge) = ([0, 4, version, 0, 0, 0, 0], [0, 5, version, 0, 1, 0, 0]);
            let script = [&[0, 0, 2][..], &METADATA, &PRODUCE, &fetch, &acknowledge, &fetch].concat();
            assert_eq!(relayed(&script), (1, 2), "version {version}");
        }
        let renewal = [0, 4, 2, 0, 1, 1, 0];
        let script = [&[0, 0, 2][..], &METADATA, &PRODUCE, &renewal].concat();
        assert_eq!(relayed(&script), (1, 0), "which takes none");
    }

    #[test]
    fn another_policy_counts_for_what_comes_then_and_the_rest_is_read_on() {
        let with = |policy: u8, next: u8| {
            let start = [&[policy, 0, 2][..], &METADATA, &PRODUCE, &PAUSE, &[14, 128 + next]].concat();
            relayed(&[&start[..], &PRODUCE, &FETCH].concat())
        };
        for policy in [0, 1, 4, 7] {
            for (next, ends) in
                [(1, (2, 2)), (6, (1, 1)), (8, (1, 1)), (9, (2, 2)), (11, (1, 1)), (12, (2, 2))]
            {
                assert_eq!(with(policy, next), ends, "policy {policy}, then {next}");
            }
        }
    }
}
