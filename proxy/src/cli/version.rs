//! `version`: what the program is made of.

use anyhow::Context as _;
use std::io::Write;
use std::process::ExitCode;

pub(super) fn print(out: &mut impl Write) -> anyhow::Result<ExitCode> {
    writeln!(out, "topic-encryption-proxy {}", env!("CARGO_PKG_VERSION"))
        .and_then(|()| {
            writeln!(out, "envelope version: {} (batch and record format)", proxy_crypto::MARKER[0])
        })
        .and_then(|()| writeln!(out, "cryptography: AWS-LC through aws-lc-rs"))
        .and_then(|()| writeln!(out, "key providers: {}", super::keys::built_in()))
        .context("failed to write the version")?;
    Ok(ExitCode::SUCCESS)
}
