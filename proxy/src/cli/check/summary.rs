//! What the files mean, for people.

use crate::live::retired;
use proxy_config::{Action, EffectivePolicy, History, Pattern, ProxyConfig, UnmatchedTopics};
use std::io::{self, Write};

pub(super) fn print(
    config: &ProxyConfig,
    effective: &EffectivePolicy,
    history: &History,
    out: &mut impl Write,
) -> io::Result<()> {
    let policy = effective.policy();
    let retired = retired(effective);
    writeln!(
        out,
        "cluster {}: {}, {}, {}, {}",
        config.cluster,
        count(config.listeners.len(), "listener"),
        count(policy.rules().len(), "rule"),
        count(policy.keys().len(), "key"),
        count(retired.len(), "retired pattern"),
    )?;
    for (index, rule) in policy.rules().iter().enumerate() {
        let topics: Vec<String> = rule.topics.iter().map(Pattern::to_string).collect();
        write!(out, "rules[{index}]: {}: ", topics.join(", "))?;
        match &rule.action {
            Action::Encrypt(encrypt) => writeln!(out, "{encrypt}")?,
            Action::Pending(key) => {
                writeln!(out, "pending: writes wait, reads decrypted, to be encrypted with key {key}")?;
            }
            Action::Retired { on_plaintext, .. } => {
                writeln!(out, "{}", proxy_config::Decision::Retired(*on_plaintext))?;
            }
            Action::Disabled => writeln!(out, "clear")?,
        }
        if !rule.legacy.is_empty() {
            writeln!(out, "rules[{index}]: {}", rule.legacy)?;
        }
    }
    for pattern in retired {
        writeln!(out, "retired: {pattern}: writes refused, reads decrypted")?;
    }
    for (_, topic) in history.topics() {
        let known: Vec<i64> = topic.until().iter().flatten().copied().collect();
        let records = known.iter().fold(0_i64, |sum, end| sum.saturating_add(*end));
        write!(out, "history: {}: clear records pass below {records} offsets", topic.topic())?;
        write!(out, " in {}", count(known.iter().filter(|end| **end > 0).count(), "partition"))?;
        match topic.until().len() - known.len() {
            0 => writeln!(out)?,
            unknown => writeln!(out, ", not known yet of {}", count(unknown, "partition"))?,
        }
    }
    match policy.unmatched() {
        UnmatchedTopics::Passthrough => writeln!(out, "other topics: clear"),
        UnmatchedTopics::Reject => writeln!(out, "other topics: writes refused"),
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
