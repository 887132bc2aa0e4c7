//! `copy`: writes a topic into another, with current keys.

use super::brokers::BrokerArgs;
use super::{block_on, load, open_keys, policy};
use crate::tools::copy::{Copier, LostKey, Plan};
use clap::Args;
use proxy_config::{History, Policy, PolicyFiles, ToolsConfig};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Copy a topic into another, sealed with current keys.
///
/// Reads the committed records of a topic straight from the brokers, opens them, seals them as the policy's rule for the target
/// says, and writes them there. Keys, values, headers, timestamps, partitions and the order within them stay; offsets do not.
/// The target must exist, with as many partitions, empty, and with no other writer. What the source has when the copy begins is
/// copied; the same command again copies what has come since, and goes on after an interruption without writing anything twice.
/// Exit code 0 where all of it was copied and, with --verify, is the same; 1 where not.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(in crate::cli) struct CopyArgs {
    /// The topic that is read.
    #[arg(long, value_name = "TOPIC")]
    topic: String,
    /// The topic that is written.
    #[arg(long, value_name = "TOPIC")]
    to: String,
    /// A proxy.yaml, whose upstream, keyProviders and policy are used.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where it is noted how far the copy is.
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// Read the target in the end, and compare counts and hashes of all records.
    #[arg(long)]
    verify: bool,
    /// Write no more than so many bytes a second.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    rate_limit: Option<u64>,
    /// Leave out records that nobody can open: damaged ones, and those of the keys of --skip-key. Others stop the copy still, such
    /// as those of a provider that does not answer, denies, or is not configured.
    #[arg(long)]
    skip_unopened: bool,
    /// This key is destroyed, so leave out the records that need it where its provider refuses; may be repeated.
    #[arg(long, value_name = "PROVIDER/KEY", requires = "skip_unopened")]
    skip_key: Vec<LostKey>,
    /// Seal the source's records that are in clear. Anybody could have written them, which cannot be seen in the target.
    #[arg(long)]
    seal_clear: bool,
    /// Go on where retention removed records before they were read.
    #[arg(long)]
    skip_removed: bool,
    /// Copy into a topic that the policy leaves in clear.
    #[arg(long)]
    allow_clear: bool,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    brokers: BrokerArgs,
}

pub(in crate::cli) fn run(args: &CopyArgs) -> anyhow::Result<ExitCode> {
    let config = match load(&args.config) {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    let policy = match policy(&config)? {
        Ok(policy) => policy,
        Err(code) => return Ok(code),
    };
    let plan = Plan {
        source: args.topic.clone(),
        target: args.to.clone(),
        state: args.state.clone(),
        skip_unopened: args.skip_unopened,
        lost_keys: args.skip_key.clone(),
        seal_clear: args.seal_clear,
        history: history(&config, policy.policy())?,
        skip_removed: args.skip_removed,
        allow_clear: args.allow_clear,
        rate_limit: args.rate_limit,
    };
    block_on(async {
        let keys = open_keys(&config)?;
        let mut cluster = args.brokers.cluster(Some(&config))?;
        let mut copier = Copier::start(&mut cluster, keys, Arc::new(policy), &plan).await?;
        let done = copier.run(args.quiet).await?;
        let mut errors = std::io::stderr();
        let _ = writeln!(
            errors,
            "{} records in {} partitions copied, {} left out",
            done.records, done.partitions, done.skipped
        );
        if done.clear > 0 {
            let _ = writeln!(errors, "{} of those of this run were in clear in the source", done.clear);
        }
        if done.removed > 0 {
            let _ =
                writeln!(errors, "{} offsets were removed by retention before they were read", done.removed);
        }
        if !args.verify {
            return Ok(ExitCode::SUCCESS);
        }
        let verified = copier.verify(args.quiet).await?;
        for difference in &verified.differences {
            let _ = writeln!(errors, "{difference}");
        }
        if verified.differences.is_empty() {
            let _ = writeln!(errors, "verified: {} records are the same", verified.records);
            Ok(ExitCode::SUCCESS)
        } else {
            Ok(ExitCode::FAILURE)
        }
    })
}

/// What a proxy noted beside its ledger, and what the policy says, where the ledger is kept by others. Without either nothing in
/// clear counts as history.
fn history(config: &ToolsConfig, policy: &Policy) -> anyhow::Result<History> {
    let mut history = match config.policy.as_ref().and_then(PolicyFiles::history_file) {
        Some(file) => History::load(file.as_path())?,
        None => History::default(),
    };
    history.merge(policy.history());
    Ok(history)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_config::ProviderName;

    #[test]
    fn history_is_what_the_file_and_the_policy_know() {
        let folder = tempfile::tempdir().unwrap();
        let entry = |topic: &str, id: &str| format!("{{topic: {topic}, id: {id}, until: [5]}}");
        let (of_file, of_policy) =
            (entry("a", "AAAAAAAAAAAAAAAAAAAAAQ"), entry("b", "AAAAAAAAAAAAAAAAAAAAAg"));
        let providers = [ProviderName::new("default").unwrap()].into();
        let policy = Policy::parse(&format!("rules: []\nhistory: [{of_policy}]"), &providers).unwrap();
        let config = |policy: &str| {
            let text = format!(
                "cluster: c\nkeyProviders: {{default: {{local: {{directory: keys}}}}}}\npolicy: {policy}"
            );
            ToolsConfig::parse(&text, folder.path()).unwrap()
        };
        let topics = |config: &ToolsConfig| {
            let history = history(config, &policy).unwrap();
            history.topics().map(|(_, topic)| topic.topic().to_string()).collect::<Vec<_>>()
        };
        let external = config("{file: policy.yaml, ledger: external}");
        assert_eq!(topics(&external), ["b"]);
        let own = config("{file: policy.yaml, stateFile: state}");
        std::fs::write(folder.path().join("state.history"), format!("version: 1\nhistory: [{of_file}]"))
            .unwrap();
        assert_eq!(topics(&own), ["a", "b"]);
    }
}
