//! `check`: says what is wrong with the files, or what they mean. Changes nothing.

mod findings;
mod online;
mod summary;

use super::{keys, mistakes};
use proxy_config::{BrokersFile, EffectivePolicy, History, Ledger, Policy, ProxyConfig};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn check(path: &Path, online: bool, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let config = match ProxyConfig::load(path) {
        Ok(config) => config,
        Err(errors) => return Ok(mistakes(&errors)),
    };
    if let Some(missing) = keys::missing(&config.key_providers) {
        return Ok(mistakes(&missing));
    }
    let policy = match Policy::load(config.policy.file.as_path(), &config.provider_names()) {
        Ok(policy) => policy,
        Err(errors) => return Ok(mistakes(&errors)),
    };
    if let Some(file) = &config.upstream.brokers_file
        && let Err(errors) = BrokersFile::load(file.as_path())
    {
        return Ok(mistakes(&errors));
    }
    // As it would be when the proxy loads the policy.
    let ledger = match &config.policy.state_file {
        Some(file) => Ledger::load(file.as_path())?.updated(&policy),
        None => Ledger::default(),
    };
    let mut history = match config.policy.history_file() {
        Some(file) => History::load(file.as_path())?,
        None => History::default(),
    };
    history.merge(policy.history());
    let effective = EffectivePolicy::new(policy, ledger);
    summary::print(&config, &effective, &history, out)?;
    for finding in findings::find(&config, &effective) {
        writeln!(out, "warning: {finding}")?;
    }
    if online && !online::check(&config, effective.policy(), out)? {
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
