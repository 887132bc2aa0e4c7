//! Brokers come and go; the proxies and their Services follow while they run.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tests::kubernetes::Stage;
use tests::{Client, ConsumeOptions, Payload, assert_same, eventually_ok};

const PATIENCE: Duration = Duration::from_secs(60);
/// Broker n is reached at this port and n.
const FIRST_PORT: i32 = 9100;

/// The ports of brokers that a connection can be made to, of these, through the fleet's Service.
async fn open_ports(stage: &Stage, brokers: &[i32]) -> BTreeSet<i32> {
    let host = stage.bootstrap();
    let host = host.trim_end_matches(":9092");
    let mut open = BTreeSet::new();
    for broker in brokers {
        let port = FIRST_PORT + broker;
        // A proxy that knows no such broker accepts and closes at once: so the test is a handshake.
        let script = format!("timeout 5 openssl s_client -connect {host}:{port} </dev/null 2>/dev/null | grep -q 'BEGIN CERTIFICATE'");
        if stage.kubernetes().exec(&["bash", "-c", &script], None).await.is_ok() {
            open.insert(*broker);
        }
    }
    open
}
