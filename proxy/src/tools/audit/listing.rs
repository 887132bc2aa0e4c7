//! What became of topics while they were read.

use crate::client::{ClientError, Cluster, Topic};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Remembers what was read.
pub(super) fn learn(known: &mut BTreeMap<Arc<str>, Topic>, read: Vec<Topic>) {
    for topic in read {
        match known.get_mut(&topic.name) {
            Some(known) => known.partitions.extend(topic.partitions),
            None => drop(known.insert(Arc::clone(&topic.name), topic)),
        }
    }
}

/// Topics that are no longer those that were read.
pub(super) fn changes(known: &BTreeMap<Arc<str>, Topic>, now: &[Topic]) -> Vec<String> {
    let change = |topic: &Topic| match now.iter().find(|other| other.name == topic.name) {
        None => {
            Some(format!("topic {} is no longer shown: it was deleted, or may not be described", topic.name))
        }
        Some(other) if other.id != topic.id => {
            Some(format!("topic {} was deleted and created again meanwhile", topic.name))
        }
        Some(_) => None,
    };
    known.values().filter_map(change).collect()
}

/// Partitions that came meanwhile.
pub(super) fn unread(known: &BTreeMap<Arc<str>, Topic>, now: Vec<Topic>) -> Vec<Topic> {
    let unread = |mut topic: Topic| {
        if let Some(known) = known.get(&topic.name) {
            topic.partitions.retain(|partition| !known.partitions.contains(partition));
        }
        (!topic.partitions.is_empty()).then_some(topic)
    };
    now.into_iter().filter_map(unread).collect()
}

/// Of topics that must be looked at, those that were not. A broker that is asked for all does not tell of what may not be
/// described; asked by name it refuses these, and says of others that they are not there.
pub(super) async fn hidden(
    cluster: &mut Cluster,
    named: &BTreeSet<String>,
    known: &BTreeMap<Arc<str>, Topic>,
) -> Vec<String> {
    let mut doubts = Vec::new();
    for name in named.iter().filter(|name| !known.contains_key(name.as_str())) {
        match cluster.topics(Some(std::slice::from_ref(name))).await {
            Err(ClientError::NoTopic(_)) => {}
            Ok(_) => doubts.push(format!("topic {name} was not read: it came too late")),
            Err(error) => doubts.push(format!("topic {name}, which the policy names, was not read: {error}")),
        }
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, id: &str, partitions: &[i32]) -> Topic {
        Topic { name: name.into(), id: id.to_owned(), partitions: partitions.to_vec() }
    }

    #[test]
    fn what_came_meanwhile_is_still_to_be_read() {
        let mut known = BTreeMap::new();
        learn(&mut known, vec![topic("a", "1", &[0, 1]), topic("b", "2", &[0])]);
        let now = || vec![topic("a", "1", &[0, 1, 2]), topic("b", "2", &[0]), topic("c", "3", &[0])];
        let found = unread(&known, now());
        let found: Vec<_> = found.iter().map(|topic| (&*topic.name, &*topic.partitions)).collect();
        assert_eq!(found, [("a", &[2][..]), ("c", &[0][..])]);
        assert!(changes(&known, &now()).is_empty());
        let read = unread(&known, now());
        learn(&mut known, read);
        assert!(unread(&known, now()).is_empty());
    }

    #[test]
    fn a_topic_that_is_another_or_gone_leaves_doubts() {
        let mut known = BTreeMap::new();
        learn(&mut known, vec![topic("a", "1", &[0]), topic("b", "2", &[0])]);
        let doubts = changes(&known, &[topic("a", "9", &[0])]);
        assert_eq!(doubts.len(), 2, "{doubts:?}");
        assert!(doubts[0].contains("created again") && doubts[1].contains("no longer shown"), "{doubts:?}");
    }
}
