//! What the tests run on.
#![allow(
    missing_docs,
    clippy::panic,
    reason = "tests say what they do by their names, and stop where something fails"
)]

use std::process::Command;

const SELFCHECK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rig/kubernetes/selfcheck");

/// With a cluster that the environment gives there is none of the rig's own, and maybe no right to start one.
#[test]
fn a_kubernetes_that_ends_leaves_nothing_on_the_machine() {
    if std::env::var("TEST_KUBECONFIG").is_ok_and(|file| !file.is_empty()) {
        return;
    }
    let output = Command::new(SELFCHECK).arg("--tear-down").output().expect("the rig is beside the tests");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(" passed, 0 failed") && !said.contains("\n0 passed"), "{said}");
}
