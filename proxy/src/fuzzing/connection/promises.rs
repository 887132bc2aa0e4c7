//! What holds on every connection, whatever both sides do.

use super::PLAINTEXT;
use super::broker::TOPICS;
use crate::wire::{
    Brokers, FetchView, ProduceView, RequestHead, ShareFetchView, TopicRef, fetch_response, produce_request,
    request_header, response_header, share_acknowledge_response, share_fetch_response,
};
use kafka_protocol::messages::ApiKey;
use proxy_records::{BATCH_HEADER_LEN, BatchHeader, Codecs, Entry, Kind, Records, entries, kind};
use std::collections::VecDeque;

const CAP: usize = 64 << 20;

/// What a broker sees.
pub(super) struct AtBroker {
    /// What it said of the ids of topics may be wrong: then the proxy cannot know better.
    honest: bool,
    /// Batches of encrypted topics.
    pub(super) sealed: u32,
}

impl AtBroker {
    pub(super) fn new() -> Self {
        Self { honest: true, sealed: 0 }
    }

    pub(super) fn is_honest(&self) -> bool {
        self.honest
    }

    /// It answered with something else where the proxy must believe it.
    pub(super) fn lies(&mut self) {
        self.honest = false;
    }

    pub(super) fn receives(&mut self, head: &RequestHead, body: &[u8]) {
        if head.api_key != ApiKey::Produce as i16 {
            return;
        }
        let mut view = ProduceView::default();
        produce_request(head.version, body, &mut view).expect("only what the proxy could read goes on");
        for (topic, partitions) in view.topics.iter() {
            let is_encrypted = match topic.key.of(body) {
                TopicRef::Name(name) => name.starts_with("enc."),
                TopicRef::Id(id) => {
                    let named = TOPICS.iter().find(|(_, byte)| id == [*byte; 16]);
                    self.honest && named.is_some_and(|(name, _)| name.starts_with("enc."))
                }
            };
            for partition in partitions.iter().filter(|_| is_encrypted) {
                is_sealed(partition.records.map_or(&[][..], |records| records.of(body)));
                self.sealed += 1;
            }
        }
    }
}

/// Records of an encrypted topic, as they are to be stored.
fn is_sealed(records: &[u8]) {
    for entry in entries(records) {
        let Ok(Entry::Batch(range)) = entry else { panic!("an encrypted topic gets whole batches") };
        let envelopes = each_record(&records[range], |kind, value| match kind {
            Kind::Clear | Kind::Unknown => assert!(value.is_none(), "no value goes on in clear"),
            Kind::Batch(_) | Kind::Value(_) | Kind::Headers(_) | Kind::Marker => {
                let value = value.unwrap_or_default();
                let is_clear = value.windows(PLAINTEXT.len()).any(|window| window == PLAINTEXT);
                assert!(!is_clear, "no plaintext goes on in an envelope");
            }
        });
        assert!(envelopes.is_some(), "what goes on to an encrypted topic can be read");
    }
}

/// Looks at each record of a batch. None where it cannot be read.
fn each_record(batch: &[u8], mut look: impl FnMut(Kind<'_>, Option<&[u8]>)) -> Option<()> {
    let header = BatchHeader::parse(batch).ok()?;
    let mut section = Vec::new();
    Codecs::new(CAP)
        .decompress(header.attributes.codec().ok()?, batch.get(BATCH_HEADER_LEN..)?, &mut section)
        .ok()?;
    for record in Records::new(&section, header.record_count) {
        let record = record.ok()?;
        look(kind(&record).ok()?, record.value);
    }
    Some(())
}

/// What a client sees.
#[derive(Default)]
pub(super) struct AtClient {
    /// What it has sent and what is not a whole frame yet.
    stream: Vec<u8>,
    /// Requests without an answer, oldest first. None once tokens without a header may have come.
    asked: VecDeque<(i32, i16, i16)>,
    unordered: bool,
    /// Records as they were produced.
    pub(super) delivered: u32,
}

impl AtClient {
    pub(super) fn sends(&mut self, bytes: &[u8]) {
        self.stream.extend_from_slice(bytes);
        while let Some((length, rest)) = self.stream.split_first_chunk() {
            let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else { return };
            let Some((frame, _)) = rest.split_at_checked(length) else { return };
            match request_header(frame) {
                Ok(head) => {
                    let is_raw = head.api_key == ApiKey::SaslHandshake as i16 && head.version == 0;
                    self.unordered |= is_raw;
                    self.asked.push_back((head.correlation_id, head.api_key, head.version));
                }
                Err(_) => self.unordered = true,
            }
            self.stream.drain(..length + 4);
        }
    }

    pub(super) fn receives(&mut self, frame: &[u8]) {
        if self.unordered {
            return;
        }
        let Some(correlation_id) = frame.first_chunk().map(|id| i32::from_be_bytes(*id)) else {
            panic!("an answer has a head")
        };
        // Produces without acknowledgement have no answer.
        let (key, version) = loop {
            let Some((id, key, version)) = self.asked.pop_front() else {
                panic!("an answer is to a request, in the order of the requests")
            };
            if id == correlation_id {
                break (key, version);
            }
            assert_eq!(key, ApiKey::Produce as i16, "no request is left out");
        };
        let Ok(head) = response_header(key, version, frame) else { return };
        let body = frame.get(head.body.unwrap_or(frame.len())..).unwrap_or_default();
        match ApiKey::try_from(key) {
            Ok(ApiKey::Fetch) => {
                let mut view = FetchView::default();
                fetch_response(version, body, &mut view).expect("only what the proxy could read goes on");
                let partitions = view.topics.partitions.iter();
                self.delivered += partitions
                    .filter_map(|partition| partition.records)
                    .map(|span| is_clear(span.of(body)))
                    .sum::<u32>();
            }
            Ok(ApiKey::ShareFetch) => {
                let mut view = ShareFetchView::default();
                share_fetch_response(version, body, &mut view)
                    .expect("only what the proxy could read goes on");
                lead_to_the_proxy(&view.brokers, body);
                let partitions = view.topics.partitions.iter();
                self.delivered += partitions
                    .filter_map(|partition| partition.records)
                    .map(|span| is_clear(span.of(body)))
                    .sum::<u32>();
            }
            Ok(ApiKey::ShareAcknowledge) => {
                let mut view = ShareFetchView::default();
                share_acknowledge_response(version, body, &mut view)
                    .expect("only what the proxy could read goes on");
                lead_to_the_proxy(&view.brokers, body);
            }
            _ => {}
        }
    }
}

fn lead_to_the_proxy(brokers: &Brokers, body: &[u8]) {
    let hosts = brokers.brokers.iter().map(|broker| broker.host.text(body));
    hosts.for_each(|host| assert_eq!(host, "proxy", "no broker's own address reaches a client"));
}

/// Records for a client: what is an envelope would be taken for data. How many are as they were produced.
fn is_clear(records: &[u8]) -> u32 {
    let mut produced = 0;
    for entry in entries(records).flatten() {
        let Entry::Batch(range) = entry else { continue };
        // Clients deliver none of its records.
        if BatchHeader::parse(&records[range.clone()]).is_ok_and(|header| header.attributes.is_control()) {
            continue;
        }
        let _ = each_record(&records[range], |kind, value| {
            assert!(matches!(kind, Kind::Clear), "no envelope reaches a client");
            produced += u32::from(value.is_some_and(|value| value.starts_with(PLAINTEXT)));
        });
    }
    produced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::{Sequence, batch};
    use proxy_records::Codec;

    #[test]
    #[should_panic(expected = "no value goes on in clear")]
    fn a_clear_record_on_its_way_to_a_broker_is_noticed() {
        is_sealed(&batch(&[None, Some(b"clear")], Codec::Lz4, Sequence::NONE));
    }

    #[test]
    #[should_panic(expected = "no request is left out")]
    fn an_answer_that_comes_too_early_is_noticed() {
        let mut client = AtClient::default();
        let heartbeat = |id: u8| [0, 0, 0, 10, 0, 12, 0, 0, 0, 0, 0, id, 0xff, 0xff];
        client.sends(&[heartbeat(1), heartbeat(2)].concat());
        client.receives(&[0, 0, 0, 2]);
    }
}
