//! How many resources there are of each kind in each namespace, over all Kafka clusters: a namespace may have several, and the
//! policies of one may be in several.

use std::collections::{BTreeMap, HashMap};

use super::Kind;
use crate::cluster::KafkaKey;

/// Of one kind in one namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) all: usize,
    pub(super) paused: usize,
}

/// The resources of one Kafka cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resources(BTreeMap<(Kind, String), Count>);

impl Resources {
    /// One more.
    pub(crate) fn add(&mut self, kind: Kind, namespace: String, paused: bool) {
        let count = self.0.entry((kind, namespace)).or_default();
        count.all += 1;
        count.paused += usize::from(paused);
    }
}

/// Those of all clusters.
#[derive(Debug, Default)]
pub(super) struct ByKafka(HashMap<KafkaKey, Resources>);

impl ByKafka {
    /// A cluster has these now. Gives the sums of all that it had or has; none where nobody has any.
    pub(super) fn replace(
        &mut self,
        key: &KafkaKey,
        now: Resources,
    ) -> BTreeMap<(Kind, String), Option<Count>> {
        let mut sums: BTreeMap<_, Option<Count>> = now.0.keys().map(|place| (place.clone(), None)).collect();
        let before = if now.0.is_empty() { self.0.remove(key) } else { self.0.insert(key.clone(), now) };
        sums.extend(before.into_iter().flat_map(|before| before.0.into_keys()).map(|place| (place, None)));
        for (place, sum) in &mut sums {
            for count in self.0.values().filter_map(|resources| resources.0.get(place)) {
                let sum = sum.get_or_insert_default();
                sum.all += count.all;
                sum.paused += count.paused;
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> KafkaKey {
        KafkaKey { namespace: "kafka".to_owned(), name: name.to_owned() }
    }

    fn policies(paused: &[bool]) -> Resources {
        let mut resources = Resources::default();
        for paused in paused {
            resources.add(Kind::TopicEncryptionPolicy, "shop".to_owned(), *paused);
        }
        resources
    }

    #[test]
    fn clusters_with_policies_in_one_namespace_are_added_up_until_they_go() {
        let mut all = ByKafka::default();
        let mut sum = |cluster: &str, paused: &[bool]| {
            let sums = all.replace(&key(cluster), policies(paused));
            sums.values().map(|sum| sum.map(|sum| (sum.all, sum.paused))).collect::<Vec<_>>()
        };
        assert_eq!(sum("one", &[true, false]), [Some((2, 1))]);
        assert_eq!(sum("two", &[true]), [Some((3, 2))]);
        assert_eq!(sum("one", &[false]), [Some((2, 1))]);
        assert_eq!(sum("two", &[]), [Some((1, 0))]);
        assert_eq!(sum("one", &[]), [None], "no series is left");
    }
}
