//! `inspect`: what stored records are protected with.

use super::brokers::BrokerArgs;
use super::sources::SourceArgs;
use super::{ConfigArgs, Output, block_on, open_keys, pretty, print};
use crate::tools::progress::Progress;
use crate::tools::{Versions, inspect};
use anyhow::Context as _;
use clap::Args;
use std::process::ExitCode;

/// Tell what stored records are protected with, without any key.
///
/// For each partition: how many records are sealed, in which format, with which provider, key, version and data key, and at
/// which offsets; how many are in clear; what is damaged. The version is told by the key provider of --config, or guessed by
/// the form of the wrapped data key. No key management system is asked, and nothing of any record is shown. Exit code 0 where
/// everything was read, whatever was found in it, 1 where not.
#[derive(Debug, Args)]
pub(in crate::cli) struct InspectArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// Ranges of offsets that are listed for a partition. Beyond them each content is told with its first and last offset.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    max_ranges: usize,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    brokers: BrokerArgs,
}

pub(in crate::cli) fn run(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let config = match args.config.load() {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    block_on(async {
        let versions = match &config {
            None => Versions::Guessed,
            Some(config) => Versions::Configured(open_keys(config)?),
        };
        let found = if let Some(segments) = args.source.segments()? {
            let mut progress = Progress::new("inspect", segments.progress().1, args.quiet);
            let found = inspect::segments(segments, versions, args.max_ranges, &mut progress)?;
            progress.end();
            found
        } else {
            let mut cluster = args.brokers.cluster(config.as_ref())?;
            let places = args.source.places(&mut cluster).await?;
            let mut progress = Progress::new("inspect", u64::try_from(places.len()).unwrap_or(0), args.quiet);
            let found =
                inspect::partitions(&mut cluster, places, versions, args.max_ranges, &mut progress).await;
            progress.end();
            found.context("failed to read the topics")?
        };
        print(&match args.output {
            Output::Table => found.to_table(),
            Output::Json => pretty(&found.to_json()),
        })?;
        Ok(ExitCode::SUCCESS)
    })
}
