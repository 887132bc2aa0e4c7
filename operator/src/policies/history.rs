//! Where history ends in topics under `onPlaintext: PassUntil`, as proxies found out and are told: in the ledger and in
//! `policy.yaml`, which both must fit into a ConfigMap.

use proxy_config::{History, TopicHistory, TopicId, TopicName};
use serde::{Deserialize, Serialize};

/// What all of it may take as text. Proxies' ConfigMap has it twice, beside the policies.
const ROOM: usize = 64 * 1024;
/// Of a topic, and of a partition of it, roughly and rather too much.
const TOPIC: usize = 64;
const PARTITION: usize = 24;
const UNTAKEN: i64 = -1;

/// A topic as the files have it, and as proxies report it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TopicFields", into = "TopicFields")]
pub(crate) struct TopicHistoryText {
    pub(crate) id: TopicId,
    pub(crate) history: TopicHistory,
}

#[derive(Serialize, Deserialize)]
struct TopicFields {
    topic: String,
    id: String,
    until: Vec<i64>,
}

impl TryFrom<TopicFields> for TopicHistoryText {
    type Error = String;

    fn try_from(fields: TopicFields) -> Result<Self, String> {
        let topic = TopicName::new(fields.topic).map_err(|error| error.to_string())?;
        let id = fields.id.parse::<TopicId>().map_err(|error| error.to_string())?;
        let until = fields.until.into_iter();
        let until = until.map(|end| match end {
            UNTAKEN => Ok(None),
            0.. => Ok(Some(end)),
            _ => Err(format!("must have offsets of partitions, not {end}")),
        });
        Ok(Self { id, history: TopicHistory::new(topic, until.collect::<Result<_, _>>()?) })
    }
}

impl From<TopicHistoryText> for TopicFields {
    fn from(TopicHistoryText { id, history }: TopicHistoryText) -> Self {
        let until = history.until().iter().map(|end| end.unwrap_or(UNTAKEN)).collect();
        Self { topic: history.topic().to_string(), id: id.to_string(), until }
    }
}

/// The topics of a file.
pub(super) fn read(topics: Vec<TopicHistoryText>) -> History {
    let mut history = History::default();
    for TopicHistoryText { id, history: topic } in topics {
        history.add(id, topic);
    }
    history
}

/// The same for a file.
pub(super) fn text(history: &History) -> Vec<TopicHistoryText> {
    history.topics().map(|(id, topic)| TopicHistoryText { id, history: topic.clone() }).collect()
}

/// What is known with what proxies found out besides, and for how many topics there was no room. What was known first stays.
pub(super) fn learned<'a>(
    known: &History,
    reported: impl IntoIterator<Item = (TopicId, &'a TopicHistory)>,
) -> (History, usize) {
    let mut history = known.clone();
    let mut taken: usize = history.topics().map(|(_, topic)| cost(topic)).sum();
    let mut left_out = 0;
    for (id, topic) in reported {
        if history.topic(id).is_none() {
            if taken + cost(topic) > ROOM {
                left_out += 1;
                continue;
            }
            taken += cost(topic);
        }
        history.add(id, topic.clone());
    }
    (history, left_out)
}

fn cost(topic: &TopicHistory) -> usize {
    TOPIC + topic.topic().as_str().len() + topic.until().len() * PARTITION
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, until: &[i64]) -> TopicHistory {
        let until = until.iter().map(|end| (*end >= 0).then_some(*end)).collect();
        TopicHistory::new(TopicName::new(name).unwrap(), until)
    }

    #[test]
    fn a_file_says_what_was_known() {
        let (history, _) = learned(&History::default(), [(TopicId([1; 16]), &topic("a", &[5, -1, 7]))]);
        let written = serde_yaml::to_string(&text(&history)).unwrap();
        assert_eq!(read(serde_yaml::from_str(&written).unwrap()), history, "{written}");
        for mistake in ["{topic: a, id: b, until: []}", "{topic: a, id: AAAAAAAAAAAAAAAAAAAAAA, until: [-2]}"]
        {
            assert!(serde_yaml::from_str::<TopicHistoryText>(mistake).is_err(), "{mistake}");
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_told_and_what_was_known_stays() {
        let large = topic("large", &[1; 2000]);
        let (history, left_out) = learned(&History::default(), [(TopicId([1; 16]), &large)]);
        assert_eq!(left_out, 0);
        let others = [(TopicId([2; 16]), &large), (TopicId([1; 16]), &topic("large", &[0; 1]))];
        let (history, left_out) = learned(&history, others);
        assert_eq!((left_out, history.topics().count()), (1, 1));
        assert_eq!(history.topic(TopicId([1; 16])).unwrap().until(), [], "the lower ends count");
        assert!(serde_yaml::to_string(&text(&history)).unwrap().len() <= ROOM);
    }
}
