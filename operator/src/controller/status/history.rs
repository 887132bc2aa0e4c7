//! What is left of the history of topics whose rules let it pass. Pure.

use std::collections::BTreeMap;

use operator_api::OnPlaintext;
use proxy_config::TopicId;

use super::conditions::{Finding, finding};
use super::findings::Facts;
use super::topics::shown;
use crate::policies::{Encrypt, PolicyId, Treatment};

/// A topic, and clear records that may be left in it, as the proxy says that knows of fewest.
struct Adopted {
    name: String,
    left: Option<u64>,
}

pub(super) fn finding_of(facts: &Facts<'_>, id: &PolicyId) -> Option<Finding> {
    let program = &facts.judgement.merged.program;
    let lets_pass = |treatment: &Treatment| {
        matches!(treatment, Treatment::Encrypt(Encrypt { on_plaintext: OnPlaintext::PassUntil, .. }))
    };
    program.rules().find(|rule| rule.source.as_ref() == Some(id) && lets_pass(&rule.treatment))?;
    let is_ours = |topic: &str| {
        let rule = program.decide(topic);
        rule.is_some_and(|rule| rule.source.as_ref() == Some(id) && lets_pass(&rule.treatment))
    };
    let mut topics: BTreeMap<TopicId, Adopted> = BTreeMap::new();
    for (id, history) in program.history().topics().filter(|(_, topic)| is_ours(topic.topic().as_str())) {
        topics.insert(id, Adopted { name: history.topic().to_string(), left: None });
    }
    let reports = facts.proxies().filter_map(|proxy| proxy.report.as_ref().ok());
    for told in reports.flat_map(|report| &report.history) {
        if let Some(topic) = topics.get_mut(&told.ends.id) {
            topic.left = match (topic.left, told.left) {
                (Some(least), Some(left)) => Some(least.min(left)),
                (least, left) => least.or(left),
            };
        }
    }
    let topics: Vec<_> = topics.into_values().collect();
    let (reason, mut message) = summary(&topics);
    if facts.judgement.unkept > 0 {
        let more = format!(
            ". The ledger has no room for the ends of {} more topics, which each proxy finds out anew when it starts",
            facts.judgement.unkept
        );
        message.push_str(&more);
    }
    Some(finding("History", true, reason, message))
}

fn summary(topics: &[Adopted]) -> (&'static str, String) {
    if topics.is_empty() {
        let message = "no client has used the topics since encryption began, so it is not known yet where their history ends";
        return ("NotKnown", message.to_owned());
    }
    let names = |chosen: &dyn Fn(&Adopted) -> bool| -> Vec<String> {
        topics.iter().filter(|topic| chosen(topic)).map(|topic| topic.name.clone()).collect()
    };
    let (unknown, some) = (names(&|topic| topic.left.is_none()), names(&|topic| topic.left > Some(0)));
    let mut texts = Vec::new();
    if !some.is_empty() {
        let records = topics.iter().filter_map(|topic| topic.left).fold(0, u64::saturating_add);
        texts.push(format!(
            "at most {} clear records from before encryption are left: {}",
            rounded_up(records),
            shown(&some)
        ));
    }
    if !unknown.is_empty() {
        texts.push(format!("it is not known yet how many are left: {}", shown(&unknown)));
    }
    if texts.is_empty() {
        let message = format!(
            "no clear records from before encryption are left in the {} topics that clients used: onPlaintext: Reject is safe \
             for them",
            topics.len()
        );
        return ("RejectIsSafe", message);
    }
    let Some(topic) = some.first() else { return ("NotKnown", texts.join("; ")) };
    // Proxies see where logs begin, and neither times nor retention.
    let message = format!(
        "{}. From when retention will have removed them, and Reject is safe, `topic-encryption-proxy audit --topic {topic}` tells: \
         deploy/samples/70-audit.yaml is a Job for it",
        texts.join("; ")
    );
    ("RecordsLeft", message)
}

/// To one digit and zeros, so that the status does not change with each record.
fn rounded_up(number: u64) -> u64 {
    let unit = 10_u64.pow(number.checked_ilog10().unwrap_or(0));
    number.div_ceil(unit).saturating_mul(unit)
}
