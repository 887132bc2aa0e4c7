//! `decrypt`: gets records out, with keys and without any proxy.

use super::brokers::BrokerArgs;
use super::sources::SourceArgs;
use super::{block_on, load, open_keys, policy};
use crate::client::Isolation;
use crate::tools::decrypt::{Counts, Decrypter, Form, OnError};
use crate::tools::progress::Progress;
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Get records out of what is stored, without any proxy.
///
/// Needs the key providers of --config, and their consent: each data key is unwrapped by the provider, which its own log tells.
/// `RUST_LOG=warn,audit=info` tells it on standard error too. Records go to standard output in clear; keep them as you would keep
/// the keys; --to makes a file that only its owner may read. Counts go to standard error. Exit code 0 where all records were opened, 1 where not.
#[derive(Debug, Args)]
pub(in crate::cli) struct DecryptArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// A proxy.yaml with the cluster's name and the keyProviders. Its upstream says where brokers are; it may hold nothing else.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Write records into this file instead of standard output. It is made new, for its owner alone.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Do not fail where retention removed records before they were read; how many is told all the same.
    #[arg(long)]
    skip_removed: bool,
    /// How records are written.
    #[arg(long, value_enum, default_value_t = Output::Json)]
    output: Output,
    /// What becomes of records that cannot be opened.
    #[arg(long, value_enum, default_value_t = Errors::Stop)]
    on_error: Errors,
    /// Whether topics are read with the records of aborted and open transactions. Files are always read so.
    #[arg(long, value_enum, default_value_t = Transactions::ReadCommitted)]
    isolation: Transactions,
    /// Open what other programs encrypted too, as the legacy entries of the policy of --config say.
    #[arg(long)]
    legacy: bool,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    brokers: BrokerArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// One object a line, with text as text and other bytes in base64.
    Json,
    /// One object a line, with keys and values in base64.
    JsonBase64,
    /// Values alone, each with an end of line behind it.
    Raw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Errors {
    Stop,
    Skip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Transactions {
    ReadCommitted,
    ReadUncommitted,
}

pub(in crate::cli) fn run(args: &DecryptArgs) -> anyhow::Result<ExitCode> {
    let config = match load(&args.config) {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    let form = match args.output {
        Output::Json => Form::Json,
        Output::JsonBase64 => Form::Base64,
        Output::Raw => Form::Raw,
    };
    let on_error = match args.on_error {
        Errors::Stop => OnError::Stop,
        Errors::Skip => OnError::Skip,
    };
    let isolation = match args.isolation {
        Transactions::ReadCommitted => Isolation::Committed,
        Transactions::ReadUncommitted => Isolation::Uncommitted,
    };
    let is_given = args.legacy || config.policy.is_some();
    let policy = match is_given.then(|| policy(&config)).transpose()?.transpose() {
        Ok(policy) => policy.map(Arc::new),
        Err(code) => return Ok(code),
    };
    block_on(async {
        let out = BufWriter::with_capacity(1 << 17, output(args.to.as_deref())?);
        let opened_with = (open_keys(&config)?, policy.clone());
        let decrypter = Decrypter::new(opened_with, out, form, on_error);
        let mut decrypter = decrypter.with_legacy_of(policy.filter(|_| args.legacy));
        let done = if let Some(segments) = args.source.segments()? {
            let mut progress = Progress::new("decrypt", segments.progress().1, args.quiet);
            let done = decrypter.segments(segments, &mut progress).await;
            progress.end();
            done
        } else {
            let mut cluster = args.brokers.cluster(Some(&config))?;
            let places = args.source.places(&mut cluster).await?;
            let total = u64::try_from(places.len()).unwrap_or(0);
            let mut progress = Progress::new("decrypt", total, args.quiet);
            let done = decrypter.partitions(&mut cluster, places, isolation, &mut progress).await;
            progress.end();
            done
        };
        let counts = decrypter.counts();
        tell(&counts);
        done?;
        let is_whole = counts.failed == 0 && (counts.removed == 0 || args.skip_removed);
        Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Where records go. A file that is there already may be somebody else's, or a link to it.
fn output(file: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    let Some(file) = file else { return Ok(Box::new(std::io::stdout())) };
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    Ok(Box::new(made.with_context(|| format!("failed to make the file {}", file.display()))?))
}

fn tell(counts: &Counts) {
    let mut errors = std::io::stderr();
    let Counts { records, without_value, failed, aborted_batches, truncated_bytes, removed } = counts;
    let _ = writeln!(errors, "{records} records written, {failed} not opened");
    if *without_value > 0 {
        let _ = writeln!(errors, "{without_value} records without a value left out");
    }
    if *aborted_batches > 0 {
        let _ = writeln!(errors, "{aborted_batches} batches of aborted transactions left out");
    }
    if *removed > 0 {
        let _ = writeln!(errors, "{removed} offsets were removed by retention before they were read");
    }
    if *truncated_bytes > 0 {
        let _ = writeln!(errors, "{truncated_bytes} bytes at the end of files are no whole batch");
    }
}
