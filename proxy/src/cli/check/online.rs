//! Opens certificates and key providers, and tries each key.

use crate::cli::keys;
use crate::live::{self, KeyState};
use anyhow::Context as _;
use proxy_config::{Policy, ProxyConfig};
use std::io::Write;

/// Whether every key can be used.
pub(super) fn check(config: &ProxyConfig, policy: &Policy, out: &mut impl Write) -> anyhow::Result<bool> {
    let opened = keys::open(config)?;
    opened.keys.serve(live::served(policy));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let mut usable = true;
    for key in policy.keys() {
        let state = runtime.block_on(live::attempt_all(&opened.keys, &key, policy)).writes;
        usable &= state == KeyState::Ready;
        match state.message() {
            None => writeln!(out, "key {key}: {}", state.name())?,
            Some(message) => writeln!(out, "key {key}: {}: {message}", state.name())?,
        }
    }
    Ok(usable)
}
