//! The broker's Produce answer: refused partitions are put in, what the broker said of sealed batches is taken note of.

use super::{Refused, Sent, TopicKey, Tracked};
use crate::connection::answers::Outcome;
use crate::connection::{Close, Session};
use crate::handler::{Code, addresses};
use crate::pieces::Pieces;
use crate::topics::Facts;
use crate::wire::write::{
    ProduceError, count, is_flexible, produce_error_partition, produce_response, produce_topic,
};
use crate::wire::{self, ProduceResponseView, Topic, TopicRef};
use kafka_protocol::messages::ApiKey;
use std::collections::{HashMap, HashSet};

/// The broker has the batch already.
const DUPLICATE_SEQUENCE_NUMBER: i16 = 46;
const PRODUCE: i16 = ApiKey::Produce as i16;

pub(crate) fn answer(
    session: &Session,
    view: &mut ProduceResponseView,
    message: &[u8],
    sent: &Sent,
    pieces: &mut Pieces,
) -> Result<Outcome, Close> {
    let base = addresses::body_start(ApiKey::Produce, sent.version, message)?;
    let body = message.get(base..).unwrap_or_default();
    wire::produce_response(sent.version, body, view).map_err(Close::Answer)?;
    let answer = Answer { session, version: sent.version, body, base };
    let mut overruled = HashMap::new();
    let places = answer.places(view);
    for tracked in &sent.tracked {
        overruled.extend(answer.note(view, &places, tracked));
    }
    if !sent.refused.is_empty() || !overruled.is_empty() {
        answer.merge(view, &sent.refused, &overruled, pieces);
    }
    addresses::node_endpoints(session, body, base, &view.brokers, pieces);
    if pieces.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    pieces.keep_until(message.len());
    Ok(Outcome::Pieces)
}

struct Answer<'a> {
    session: &'a Session,
    version: i16,
    body: &'a [u8],
    base: usize,
}

/// The places of partitions in the broker's answer.
type Places<'a> = HashMap<(TopicRef<'a>, i32), usize>;
/// A partition of the broker's answer, by its place, whose error the client gets another code for.
type Overruled = (usize, Code);

impl Answer<'_> {
    /// Takes note of what the broker said of a sealed batch.
    fn note(&self, view: &ProduceResponseView, places: &Places<'_>, tracked: &Tracked) -> Option<Overruled> {
        let place = places.get(&(tracked.topic.reference(), tracked.index)).copied();
        let found = place.and_then(|at| Some((at, view.topics.partitions.get(at)?)));
        let error = found.map_or(-1, |(_, partition)| partition.error_code);
        let refusal = tracked.if_compacted.filter(|_| error == Code::InvalidRecord.value());
        if let Some((producer, sequence)) = &tracked.producer {
            // Refused first: whoever waits for the answer must already find the refusal.
            if let Some(code) = refusal {
                self.session.sequences.refused(producer, *sequence, code);
            }
            match error {
                0 | DUPLICATE_SEQUENCE_NUMBER => self.session.sequences.answered(producer, true),
                _ => self.session.sequences.failed(producer, *sequence),
            }
        }
        let (code, (at, _)) = (refusal?, found?);
        // Not believed any more: the next try is in record format, which every topic takes.
        self.session.shared.topics.set_facts(&tracked.name, Facts::UNKNOWN);
        Some((at, code))
    }

    /// Where each partition stands in the answer.
    fn places<'v>(&'v self, view: &ProduceResponseView) -> Places<'v> {
        let topics = view.topics.topics.iter();
        let places = topics.flat_map(|topic| {
            let key = topic.key.of(self.body);
            topic
                .partitions
                .clone()
                .zip(view.topics.of(topic))
                .map(move |(at, found)| ((key, found.index), at))
        });
        places.collect()
    }

    /// Puts refused partitions beside those that the broker answered for, in the topic's one entry where it has one:
    /// some clients keep only the last entry of a topic.
    fn merge(
        &self,
        view: &ProduceResponseView,
        refused: &[Refused],
        overruled: &HashMap<usize, Code>,
        pieces: &mut Pieces,
    ) {
        let flexible = is_flexible(PRODUCE, self.version);
        let mut absent: Vec<(&TopicKey, Vec<ProduceError<'_>>)> = Vec::new();
        let answered: HashSet<TopicRef<'_>> =
            view.topics.topics.iter().map(|answered| answered.key.of(self.body)).collect();
        let mut added: HashMap<TopicRef<'_>, Vec<&Refused>> = HashMap::new();
        for each in refused {
            if answered.contains(&each.topic.reference()) {
                added.entry(each.topic.reference()).or_default().push(each);
                continue;
            }
            match absent.last_mut() {
                Some((topic, partitions)) if **topic == each.topic => partitions.push(each.error()),
                _ => absent.push((&each.topic, vec![each.error()])),
            }
        }
        if !absent.is_empty() {
            self.replace_count(view.topics.count, view.topics.topics.len() + absent.len(), flexible, pieces);
        }
        for topic in &view.topics.topics {
            let added = added.remove(&topic.key.of(self.body)).unwrap_or_default();
            self.merge_topic(view, topic, &added, overruled, pieces);
        }
        let end = view.topics.topics.last().map_or(view.topics.count.span.end, |topic| topic.element.end);
        pieces.keep_until(self.base + end);
        for (topic, partitions) in &absent {
            pieces.side(|side| produce_topic(self.version, topic.reference(), partitions, side));
        }
    }

    fn merge_topic(
        &self,
        view: &ProduceResponseView,
        topic: &Topic,
        added: &[&Refused],
        overruled: &HashMap<usize, Code>,
        pieces: &mut Pieces,
    ) {
        let partitions = view.topics.of(topic);
        if !added.is_empty() {
            let flexible = is_flexible(PRODUCE, self.version);
            self.replace_count(topic.count, partitions.len() + added.len(), flexible, pieces);
        }
        for (at, partition) in topic.partitions.clone().zip(partitions) {
            if let Some(code) = overruled.get(&at) {
                let error = ProduceError { index: partition.index, code: code.value(), message: None };
                pieces.keep_until(self.base + partition.element.start);
                pieces.side(|side| produce_error_partition(self.version, &error, side));
                pieces.skip_until(self.base + partition.element.end);
            }
        }
        if !added.is_empty() {
            let end = partitions.last().map_or(topic.count.span.end, |partition| partition.element.end);
            pieces.keep_until(self.base + end);
            for each in added {
                pieces.side(|side| produce_error_partition(self.version, &each.error(), side));
            }
        }
    }

    fn replace_count(&self, field: wire::Count, elements: usize, flexible: bool, pieces: &mut Pieces) {
        pieces.keep_until(self.base + field.span.start);
        pieces.side(|side| count(flexible, elements, side));
        pieces.skip_until(self.base + field.span.end);
    }
}

impl Refused {
    fn error(&self) -> ProduceError<'static> {
        ProduceError { index: self.index, code: self.code.value(), message: None }
    }
}

impl TopicKey {
    fn is(&self, answered: TopicRef<'_>) -> bool {
        self.reference() == answered
    }

    fn reference(&self) -> TopicRef<'_> {
        match self {
            Self::Name(name) => TopicRef::Name(name),
            Self::Id(id) => TopicRef::Id(*id),
        }
    }
}

/// The whole answer when no partition went to the broker; `out` is behind the correlation id.
pub(super) fn refuse_all(version: i16, refused: &[Refused], out: &mut Vec<u8>) {
    let mut topics: Vec<(TopicRef<'_>, Vec<ProduceError<'_>>)> = Vec::new();
    for each in refused {
        // In the order of the request, so a topic's partitions stand together.
        match topics.last_mut() {
            Some((topic, partitions)) if each.topic.is(*topic) => partitions.push(each.error()),
            _ => topics.push((each.topic.reference(), vec![each.error()])),
        }
    }
    let topics: Vec<_> = topics.iter().map(|(topic, partitions)| (*topic, partitions.as_slice())).collect();
    if is_flexible(PRODUCE, version) {
        out.push(0);
    }
    produce_response(version, 0, &topics, out);
}
