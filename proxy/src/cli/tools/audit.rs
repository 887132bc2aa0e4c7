//! `audit`: which keys protect which offsets, and whether one can be destroyed.

use super::brokers::BrokerArgs;
use super::{ConfigArgs, FAILED, Output, block_on, open_keys, policy, pretty, print};
use crate::telemetry::chain;
use crate::tools::Versions;
use crate::tools::audit::{self, Answer, Held, Plan, Providers, Question};
use clap::Args;
use proxy_config::{EffectivePolicy, Pattern, ToolsConfig};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// The answer is no, or records are in clear.
const NO: u8 = 1;
/// No record needs the key, but nothing shows that it is one.
const NOT_SEEN: u8 = 3;
/// No record of some topics needs the key; the others were not read.
const NOT_IN_THESE_TOPICS: u8 = 4;

/// Account for the keys that stored records need.
///
/// Reads topics straight from the brokers and tells, for each partition, which version of which key protects which offsets,
/// and how many records are in clear and where. No key management system is asked, and nothing of any record is shown.
///
/// Exit code: 0 where the key can be destroyed or, without --can-destroy, all records are sealed; 1 where not; 2 where the
/// audit failed; 3 where no record needs the key but nothing shows that it is named right; 4 where only some topics were read
/// (--topic) and none of them needs it.
#[derive(Debug, Args)]
pub(in crate::cli) struct AuditArgs {
    /// Only this topic; may be repeated. Without it all topics but Kafka's own, as far as the identity may see them.
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// Answer whether this key, or this version of it, can be destroyed without making a record unreadable. Without the
    /// provider's configuration (--config) the answer is no. A key whose name ends like a version is written with one
    /// more ':' behind it.
    #[arg(long, value_name = "PROVIDER/KEY[:VERSION]")]
    can_destroy: Option<Question>,
    /// Read only a part of each partition, such as 5%, or 1/20. A sample finds keys in use; it never answers yes.
    #[arg(long, value_name = "PART", value_parser = part)]
    sample: Option<u64>,
    /// Keep what is known in this file, and go on from there after an interruption.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Ranges of offsets that are listed for a partition. Beyond them each key is told with its first and last offset.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    max_ranges: usize,
    #[command(flatten)]
    config: ConfigArgs,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    brokers: BrokerArgs,
}

/// `5%` or `1/20`, as one part in so many.
fn part(text: &str) -> Result<u64, String> {
    let every = match (text.strip_suffix('%'), text.strip_prefix("1/")) {
        (Some(percent), _) => {
            let percent: f64 = percent.trim().parse().map_err(|_| "is no percentage".to_owned())?;
            if !(0.001..=100.0).contains(&percent) {
                return Err("must be from 0.001% to 100%".to_owned());
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 100,000")]
            let every = (100.0 / percent).round() as u64;
            every
        }
        (None, Some(every)) => every.trim().parse().map_err(|_| "is no fraction such as 1/20".to_owned())?,
        (None, None) => return Err("must be a percentage such as 5%, or a fraction such as 1/20".to_owned()),
    };
    if (1..=100_000).contains(&every) { Ok(every) } else { Err("is too small a part".to_owned()) }
}

pub(in crate::cli) fn run(args: &AuditArgs) -> ExitCode {
    match audit(args) {
        Ok(code) => code,
        Err(error) => {
            let error: &(dyn std::error::Error + 'static) = error.as_ref();
            let _ = writeln!(std::io::stderr(), "topic-encryption-proxy: {}", chain(error));
            ExitCode::from(FAILED)
        }
    }
}

fn audit(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.load().map_err(|_| anyhow::anyhow!("the configuration cannot be used"))?;
    let providers = config.as_ref().map(Providers::of).unwrap_or_default();
    // Before hours of reading.
    let question = args.can_destroy.clone().map(|question| question.ask(&providers)).transpose()?;
    let policy = match &config {
        Some(config) if question.is_some() => asked_of(config)?,
        _ => None,
    };
    let named = policy.as_ref().filter(|_| args.topic.is_empty()).map(named).unwrap_or_default();
    block_on(async {
        let (versions, held) = match &config {
            None => (Versions::Guessed, None),
            Some(config) => {
                let keys = open_keys(config)?;
                let held = policy.as_ref().map(|policy| Held::of(policy.policy(), &keys));
                (Versions::Configured(keys), held)
            }
        };
        let plan = Plan {
            topics: args.topic.clone(),
            named,
            every: args.sample.unwrap_or(1),
            max_ranges: args.max_ranges,
            state: args.state.clone(),
            versions,
            providers,
            held,
        };
        let mut cluster = args.brokers.cluster(config.as_ref())?;
        let found = audit::audit(&mut cluster, &plan, args.quiet).await?;
        let verdict = question.as_ref().map(|question| (question, question.answer(&found)));
        let answered = verdict.as_ref().map(|(question, verdict)| (*question, verdict));
        print(&match args.output {
            Output::Table => found.to_table(answered),
            Output::Json => pretty(&found.to_json(answered)),
        })?;
        let answer = match &verdict {
            Some((_, verdict)) => verdict.answer,
            None if found.is_clean() => Answer::Yes,
            None => Answer::No,
        };
        Ok(match answer {
            Answer::Yes => ExitCode::SUCCESS,
            Answer::No => ExitCode::from(NO),
            Answer::NotSeen => ExitCode::from(NOT_SEEN),
            Answer::NotInTheseTopics => ExitCode::from(NOT_IN_THESE_TOPICS),
        })
    })
}

/// The policy of the file, if it names one.
fn asked_of(config: &ToolsConfig) -> anyhow::Result<Option<EffectivePolicy>> {
    if config.policy.is_none() {
        return Ok(None);
    }
    policy(config)?.map(Some).map_err(|_| anyhow::anyhow!("the policy cannot be used"))
}

/// Topics that the policy names, and those that the proxy's own file remembers of former ones.
fn named(policy: &EffectivePolicy) -> BTreeSet<String> {
    let of_rules = policy.policy().rules().iter().flat_map(|rule| &rule.topics);
    let patterns = of_rules.chain(policy.ledger().entries().map(|(pattern, _)| pattern));
    let name = |pattern: &Pattern| match pattern {
        Pattern::Name(name) => Some(name.as_str().to_owned()),
        Pattern::Prefix(_) | Pattern::Any => None,
    };
    patterns.filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_sample_is_a_percentage_or_a_fraction() {
        assert_eq!((part("5%"), part("100%"), part("1/20")), (Ok(20), Ok(1), Ok(20)));
        for wrong in ["0%", "5", "1/0", "2/3", "101%", "NaN%", "", "1/1000000"] {
            part(wrong).unwrap_err();
        }
    }
}
