//! How much room policies may take. What proxies are told is a ConfigMap, which may not be larger than 1 MiB and has every pattern
//! three times: as it is told, as it was written, and in a copy of the ledger, each time with its key, and in the last with
//! its policy. Local keys are entries of a Secret of the same bound. Without limits, whoever fills them first stops every
//! other tenant of the Kafka cluster.

mod cost;

use std::collections::{BTreeMap, BTreeSet};

use proxy_config::ProviderName;

use self::cost::{Cost, key_names};
use crate::policies::{Admission, Ledger, ProviderKind, Submission};

/// For all policies of a Kafka cluster, and what the ledger keeps of former ones.
const ALL: usize = 832 * 1024;
/// For those of a namespace other than the Kafka cluster's.
const GUEST: usize = 256 * 1024;
/// What all such namespaces leave to the Kafka cluster's own.
const HOME: usize = 256 * 1024;
/// Names of local keys of such a namespace.
const GUEST_KEYS: usize = 64;

/// What is shared out, and to whom.
pub(super) struct Room<'a> {
    pub(super) ledger: &'a Ledger,
    /// The namespace of the Kafka cluster.
    pub(super) home: &'a str,
    pub(super) providers: &'a BTreeMap<ProviderName, ProviderKind>,
}

/// What is taken.
#[derive(Default)]
struct Taken {
    bytes: BTreeMap<String, usize>,
    keys: BTreeMap<String, BTreeSet<String>>,
}

impl Room<'_> {
    /// Turns away what there is no room for. Whoever is older was there first; what the ledger holds was there before.
    pub(super) fn share_out(&self, submissions: &mut [Submission]) {
        let mut taken = self.remembered();
        let mut order: Vec<_> = submissions
            .iter_mut()
            .filter(|submission| submission.admission != Admission::NamespaceNotAllowed)
            .collect();
        order.sort_by_key(|submission| {
            (submission.created.is_none(), submission.created, submission.id.clone())
        });
        for submission in order {
            let more = Cost::of(self.ledger).beyond(submission);
            let keys = key_names(submission, self.providers);
            match self.refuses(&taken, &submission.id.namespace, more, &keys) {
                Some(reason) => submission.admission = Admission::TooLarge(reason),
                None => taken.add(&submission.id.namespace, more, keys),
            }
        }
    }

    fn remembered(&self) -> Taken {
        let mut taken = Taken::default();
        for (namespace, bytes) in cost::remembered(self.ledger) {
            *taken.bytes.entry(namespace).or_default() += bytes;
        }
        for (key, namespaces) in self.ledger.keys_by_namespace() {
            if self.providers.get(&key.provider) == Some(&ProviderKind::Local) {
                for namespace in namespaces {
                    taken.add(namespace, 0, [key.name.to_string()].into());
                }
            }
        }
        taken
    }

    fn refuses(
        &self,
        taken: &Taken,
        namespace: &str,
        more: usize,
        keys: &BTreeSet<String>,
    ) -> Option<String> {
        let all = taken.bytes.values().sum::<usize>() + more;
        let home = taken.bytes.get(self.home).copied().unwrap_or_default();
        if namespace != self.home {
            let own = taken.bytes.get(namespace).copied().unwrap_or_default() + more;
            if let Some(reason) = taken.too_many_keys(namespace, keys) {
                return Some(reason);
            } else if more > 0 && own > GUEST {
                return Some(no_room(&format!("namespace {namespace}"), own, GUEST));
            } else if more > 0 && all.saturating_sub(home) > ALL - HOME {
                let others = format!("all namespaces other than {}", self.home);
                return Some(no_room(&others, all.saturating_sub(home), ALL - HOME));
            }
        }
        (more > 0 && all > ALL).then(|| no_room("all policies of this Kafka cluster", all, ALL))
    }
}

impl Taken {
    fn add(&mut self, namespace: &str, bytes: usize, keys: BTreeSet<String>) {
        *self.bytes.entry(namespace.to_owned()).or_default() += bytes;
        self.keys.entry(namespace.to_owned()).or_default().extend(keys);
    }

    /// Why a namespace may not name further keys; those that it has keep nothing out.
    fn too_many_keys(&self, namespace: &str, keys: &BTreeSet<String>) -> Option<String> {
        let none = BTreeSet::new();
        let known = self.keys.get(namespace).unwrap_or(&none);
        let new = keys.difference(known).count();
        let all = known.len() + new;
        (new > 0 && all > GUEST_KEYS).then(|| {
            format!(
                "namespace {namespace} would have {all} local keys, former ones included, of the {GUEST_KEYS} that a \
                 namespace other than the Kafka cluster's has; name keys in key.name that are there already"
            )
        })
    }
}

fn no_room(whose: &str, bytes: usize, most: usize) -> String {
    format!(
        "the patterns of {whose} with the names of their keys, former ones included, would take {bytes} bytes of the {most} \
         that there are; use prefixes in place of names, and shorter names of keys"
    )
}

#[cfg(test)]
mod tests;
