//! A whole connection: a real relay between a client and a broker that do what the input says, in paused time.
//!
//! Whatever both do, the relay ends and gives its memory back, no record of an encrypted topic reaches the broker in clear, no
//! envelope reaches the client, and the client's answers keep the order of its requests.

mod broker;
mod client;
mod promises;
mod script;
mod stage;

use crate::connection::relay;
use crate::io::split_tls;
use broker::Broker;
use client::Client;
use promises::{AtBroker, AtClient};
use script::Script;
use stage::Stage;
use std::cell::RefCell;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

/// In paused time. Longer than all that both sides wait for, one after the other.
const LONGEST: Duration = Duration::from_hours(100);

/// What no broker may see, and every value of a producer has.
const PLAINTEXT: &[u8] = b"PLAINTEXT-MARKER";

pub(super) fn fuzz(data: &[u8]) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let script = Script::parse(data);
    runtime.block_on(async {
        let stage = Stage::new(&script);
        let run = run(&stage, script);
        assert!(tokio::time::timeout(LONGEST, run).await.is_ok(), "the connection ends");
        stage.is_clean();
    });
}

async fn run(stage: &Stage, script: Script) {
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
    let relaying = async {
        // Its halves end with it.
        let _any_end = relay(shared, advertised, broker_halves, client_halves, drain).await;
    };
    let reading = async {
        tokio::select! {
            () = client::read(from_proxy, &at_client) => {}
            () = gave_up.cancelled() => {}
        }
    };
    tokio::join!(relaying, client.write(to_proxy, &gave_up), reading, broker.run(broker_ours));
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    script::seeds()
}
