//! Answers to requests that make, remove or configure topics. They go to clients as they came, and what brokers told before of
//! the topics that may have been altered is not believed any more.
//!
//! Of those alone: a client that may not alter a topic must not bring about that its producers ask for it time and again, nor
//! that they write in record format because they may not ask.

use crate::topics::{Alteration, Topics};
use crate::wire::{self, AlterationsView, AlteredResource};

/// `ConfigResource.Type` of topics.
const TOPIC: i8 = 2;
/// Those of brokers' loggers, client metrics and groups, which say nothing of topics.
const APART: [i8; 3] = [8, 16, 32];
/// `TOPIC_AUTHORIZATION_FAILED`, `CLUSTER_AUTHORIZATION_FAILED`, `UNSUPPORTED_VERSION`, `INVALID_CONFIG` and `INVALID_REQUEST`:
/// nothing was done, nor will be, nor was by the same request before. All others leave something open: what was out of time may
/// still be done, and where there is such a topic already it may be of a first try.
const REFUSED: [i16; 5] = [29, 31, 35, 40, 42];

/// Takes note of what an answer says. One that cannot be read may say anything.
pub(crate) fn note(topics: &Topics, api_key: i16, version: i16, message: &[u8]) {
    let mut view = AlterationsView::default();
    let Some(body) = read(api_key, version, message, &mut view) else {
        return topics.note_all_altered(Alteration::Done);
    };
    for resource in &view.resources {
        let alteration = match resource.error_code {
            0 => Alteration::Done,
            error if REFUSED.contains(&error) => continue,
            _ => Alteration::Doubtful,
        };
        match resource.kind {
            None | Some(TOPIC) => note_topic(topics, resource, alteration, body),
            Some(kind) if APART.contains(&kind) => {}
            // Brokers have the defaults of all topics.
            Some(_) => topics.note_all_altered(alteration),
        }
    }
}

/// The body, once `view` has what it is about.
fn read<'a>(api_key: i16, version: i16, message: &'a [u8], view: &mut AlterationsView) -> Option<&'a [u8]> {
    let head = wire::response_header(api_key, version, message).ok()?;
    let body = message.get(head.body?..)?;
    wire::alterations_response(api_key, version, body, view).ok()?;
    Some(body)
}

fn note_topic(topics: &Topics, topic: &AlteredResource, alteration: Alteration, body: &[u8]) {
    let name = topic.name.map(|name| name.text(body)).filter(|name| !name.is_empty());
    match (name, topics.name(&topic.id)) {
        (Some(name), _) => topics.note_altered(name, alteration),
        (None, Some(name)) => topics.note_altered(&name, alteration),
        (None, None) if alteration == Alteration::Done => topics.note_all_altered(alteration),
        // A topic is asked for together with its id: of this one nothing was told.
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests;
