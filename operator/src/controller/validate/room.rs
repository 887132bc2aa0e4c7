//! How much room policies may take. What proxies are told is a ConfigMap, which may not be larger than 1 MiB and has every pattern
//! three times: as it is told, as it was written, and in a copy of the ledger. Without limits, whoever fills it first stops
//! every other tenant of the Kafka cluster.

use std::collections::{BTreeMap, BTreeSet};

use operator_api::PolicyRule;

use crate::policies::{Admission, Ledger, Submission};

/// For all policies of a Kafka cluster, and what the ledger keeps of former ones.
const ALL: usize = 320 * 1024;
/// For those of a namespace other than the Kafka cluster's.
const GUESTS: usize = 96 * 1024;
/// What a pattern takes besides its own characters.
const EACH: usize = 128;

/// Room that is taken, in bytes.
#[derive(Default)]
struct Taken {
    all: usize,
    namespaces: BTreeMap<String, usize>,
}

/// Turns away what there is no room for. Whoever is older was there first; what the ledger holds was there before.
pub(super) fn share_out(submissions: &mut [Submission], ledger: &Ledger, home: &str) {
    let mut taken = Taken::default();
    let mut known = BTreeSet::new();
    for (pattern, entry) in ledger.entries().iter() {
        let text = pattern.to_string();
        taken.add(&entry.policy.namespace, text.len() + EACH);
        known.insert(text);
    }
    let mut order: Vec<_> = submissions
        .iter_mut()
        .filter(|submission| submission.admission != Admission::NamespaceNotAllowed)
        .collect();
    order.sort_by_key(|submission| (submission.created.is_none(), submission.created, submission.id.clone()));
    for submission in order {
        let names = submission.rules.iter().flat_map(patterns);
        let more: usize = names.filter(|name| !known.contains(name)).map(|name| name.len() + EACH).sum();
        match taken.refuses(&submission.id.namespace, more, home) {
            Some(reason) => submission.admission = Admission::TooLarge(reason),
            None => taken.add(&submission.id.namespace, more),
        }
    }
}

impl Taken {
    fn add(&mut self, namespace: &str, bytes: usize) {
        self.all += bytes;
        *self.namespaces.entry(namespace.to_owned()).or_default() += bytes;
    }

    fn refuses(&self, namespace: &str, more: usize, home: &str) -> Option<String> {
        let own = self.namespaces.get(namespace).copied().unwrap_or_default() + more;
        if more == 0 {
            None
        } else if namespace != home && own > GUESTS {
            Some(format!(
                "the patterns of namespace {namespace}, former ones included, would take {own} bytes of the {GUESTS} that \
                 a namespace has; use prefixes in place of names"
            ))
        } else if self.all + more > ALL {
            let all = self.all + more;
            Some(format!(
                "the patterns of all policies of this Kafka cluster, former ones included, would take {all} bytes of the \
                 {ALL} that there are; use prefixes in place of names"
            ))
        } else {
            None
        }
    }
}

/// The patterns of a rule, as texts of the length that they have in files.
fn patterns(rule: &PolicyRule) -> impl Iterator<Item = String> {
    rule.topics.iter().map(|topic| match (&topic.name, &topic.prefix) {
        (Some(name), _) => format!("name {name}"),
        (None, Some(prefix)) => format!("prefix {prefix}"),
        (None, None) => "any".to_owned(),
    })
}

#[cfg(test)]
mod tests;
