//! `keys pseudonym`: makes what a rule holds in `recordKeys`.

use super::{block_on, load, open_keys, print};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use proxy_config::{KeyName, KeyRef, ProviderName, PseudonymKey, ToolsConfig};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Keys that a policy holds, wrapped.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeysCommand {
    Pseudonym(PseudonymArgs),
}

/// Make a key for pseudonyms of records' keys.
///
/// Has the provider make a data key under the key of a rule, sees that it unwraps again, and prints it on standard output: wrapped, in base64, as
/// the rule has it in `recordKeys: {pseudonymKey: ...}`. It is made once for the topics of a rule: another key makes other pseudonyms of
/// the same keys, which compaction takes for other keys. It is no secret, and of no use without the provider.
///
/// With --rewrap the same key is wrapped by the newest version of the rule's key, or by another key, so that what wrapped it before
/// can be destroyed; pseudonyms stay as they are. Exit code 0 where the key was printed, 1 where not.
#[derive(Debug, Args)]
pub(in crate::cli) struct PseudonymArgs {
    /// A proxy.yaml with the cluster's name and the keyProviders; it may hold nothing else. Both must be as the proxies have them.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The key provider of the rule.
    #[arg(long, value_name = "PROVIDER", default_value = "default")]
    provider: ProviderName,
    /// The key of the rule.
    #[arg(long, value_name = "KEY")]
    key: KeyName,
    /// Wrap this key again, as a rule has it, in place of a new one.
    #[arg(long, value_name = "BASE64")]
    rewrap: Option<PseudonymKey>,
    /// The key that wraps what is wrapped again, where it is another than --key.
    #[arg(long, value_name = "KEY", requires = "rewrap")]
    from_key: Option<KeyName>,
    /// The provider of that key, where it is another than --provider.
    #[arg(long, value_name = "PROVIDER", requires = "rewrap")]
    from_provider: Option<ProviderName>,
}

pub(in crate::cli) fn run(KeysCommand::Pseudonym(args): &KeysCommand) -> anyhow::Result<ExitCode> {
    let config = match load(&args.config) {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    let made = block_on(make(&config, args))?;
    // Before it can be used.
    let _ = std::io::stderr().write_all(args.advice(&made).as_bytes());
    print(&format!("{made}\n"))?;
    Ok(ExitCode::SUCCESS)
}

async fn make(config: &ToolsConfig, args: &PseudonymArgs) -> anyhow::Result<PseudonymKey> {
    let keys = open_keys(config)?;
    let (provider, key) = (args.provider.as_str(), args.key.as_str());
    let wrapped = match &args.rewrap {
        None => keys.make(provider, key).await.context("failed to make a key for pseudonyms")?,
        Some(old) => {
            let from = args.from();
            let from = (from.provider.as_str(), from.name.as_str());
            keys.wrap_again(old.as_bytes(), from, (provider, key))
                .await
                .context("failed to wrap the key for pseudonyms again")?
        }
    };
    PseudonymKey::new(wrapped.as_bytes()).context("failed to make a key that a rule can hold")
}

impl PseudonymArgs {
    /// The key that wraps what is wrapped again.
    fn from(&self) -> KeyRef {
        KeyRef {
            provider: self.from_provider.as_ref().unwrap_or(&self.provider).clone(),
            name: self.from_key.as_ref().unwrap_or(&self.key).clone(),
        }
    }

    /// What to do with it.
    fn advice(&self, made: &PseudonymKey) -> String {
        let Self { provider, key, .. } = self;
        let mut text = format!(
            "A rule with key {{provider: {provider}, name: {key}}} may hold it, and no other:\n\n    format: Record\n    recordKeys: \
             {{pseudonymKey: {made}}}\n\n"
        );
        let _ = writeln!(
            text,
            "{}",
            match &self.rewrap {
                None =>
                    "It stays there as long as the topics do. Another one, or none, makes other keys of records for compaction: old \
                     values of a key stay beside new ones.",
                Some(_) =>
                    "Pseudonyms stay as they are. Put it in place of the old one before what wrapped that is destroyed.",
            }
        );
        text
    }
}
