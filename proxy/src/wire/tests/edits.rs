//! Rewritten messages.

use super::{Decoded, bodies};
use crate::wire::{self, Direction, EditError, Edits, Part, Span, write};
use bytes::Bytes;
use kafka_protocol::messages::{RequestKind, ResponseKind};
use kafka_protocol::protocol::StrBytes;
use proptest::prelude::*;

#[test]
fn replaced_records_leave_all_else_alone() {
    let (mut view, mut edits, mut unknown_tags) = (wire::FetchView::default(), Edits::new(), 0);
    for (version, body, decoded) in bodies(1, Direction::Response, 100) {
        let Decoded::Response(ResponseKind::Fetch(mut expected)) = decoded else { panic!("not Fetch") };
        unknown_tags += expected.unknown_tagged_fields.len();
        wire::fetch_response(version, &body, &mut view).unwrap();
        edits.clear();
        let partitions = expected.responses.iter_mut().flat_map(|topic| &mut topic.partitions);
        for (found, data) in view.topics.partitions.iter().zip(partitions) {
            let Some(records) = found.records else { continue };
            // Longer than before, from all three sources.
            let shared = Bytes::from_static(b"shared");
            let prefix = edits.side(|side| write::records_prefix(1, version, records.len() + 9, side));
            let tail = edits.side(|side| side.extend_from_slice(b"abc"));
            edits.replace_by(found.records_field, [prefix, Part::Body(records), Part::Shared(shared), tail]);
            let mut data_now = data.records.as_ref().unwrap().to_vec();
            data_now.extend_from_slice(b"sharedabc");
            data.records = Some(data_now.into());
        }
        let edited = edits.assemble(&body).unwrap().to_vec();
        let message = wire::schema::of_api(1, Direction::Response).unwrap();
        let (decoded, left) = super::decode(message, version, &edited).unwrap();
        assert_eq!(left, 0);
        assert_eq!(decoded, Decoded::Response(ResponseKind::Fetch(expected)));
    }
    assert!(unknown_tags > 20);
}

#[test]
fn partitions_and_topics_can_be_dropped() {
    let (mut view, mut edits) = (wire::ProduceView::default(), Edits::new());
    for (version, body, decoded) in bodies(0, Direction::Request, 100) {
        let Decoded::Request(RequestKind::Produce(mut expected)) = decoded else { panic!("not Produce") };
        wire::produce_request(version, &body, &mut view).unwrap();
        edits.clear();
        // Odd partitions go, and topics that have none left.
        let mut left = 0;
        for (topic, partitions) in view.topics.iter() {
            let kept = partitions.iter().filter(|partition| partition.index % 4 != 1).count();
            if kept == 0 {
                edits.remove(topic.element);
                continue;
            }
            left += 1;
            edits.set_count(topic.count, kept);
            for partition in partitions.iter().filter(|partition| partition.index % 4 == 1) {
                edits.remove(partition.element);
            }
        }
        edits.set_count(view.topics.count, left);
        for topic in &mut expected.topic_data {
            topic.partition_data.retain(|partition| partition.index % 4 != 1);
        }
        expected.topic_data.retain(|topic| !topic.partition_data.is_empty());
        let edited = edits.assemble(&body).unwrap().to_vec();
        assert_eq!(super::encode(&Decoded::Request(RequestKind::Produce(expected)), version), edited);
    }
}

#[test]
fn endpoints_are_replaced_wherever_they_stand() {
    let new = [write::Broker { node_id: 3, host: StrBytes::from_static_str("proxy"), port: 1, rack: None }];
    let (mut view, mut edits, mut seen) = (wire::FetchView::default(), Edits::new(), 0);
    for (version, body, _) in bodies(1, Direction::Response, 60) {
        wire::fetch_response(version, &body, &mut view).unwrap();
        edits.clear();
        let Some(field) = view.brokers.field else { continue };
        edits.replace(field, |side| {
            write::node_endpoints(view.brokers.tagged, &new, side);
        });
        let edited = edits.assemble(&body).unwrap().to_vec();
        wire::fetch_response(version, &edited, &mut view).unwrap();
        assert_eq!(view.brokers.brokers.len(), 1);
        assert_eq!(view.brokers.brokers[0].host.text(&edited), "proxy");
        seen += 1;
    }
    let mut view = wire::MetadataView::default();
    for (version, body, _) in bodies(3, Direction::Response, 20) {
        wire::metadata_response(version, &body, &mut view).unwrap();
        edits.clear();
        edits.replace(view.brokers.field.unwrap(), |side| {
            write::broker_array(version, &new, side);
        });
        let edited = edits.assemble(&body).unwrap().to_vec();
        let topics = view.topics.len();
        wire::metadata_response(version, &edited, &mut view).unwrap();
        assert_eq!((view.brokers.brokers.len(), view.topics.len()), (1, topics));
        seen += 1;
    }
    assert!(seen > 300, "{seen}");
}

#[test]
fn overlapping_or_foreign_edits_are_refused() {
    let body = b"0123456789";
    let mut edits = Edits::new();
    edits.remove(Span::new(2, 5));
    edits.remove(Span::new(4, 6));
    assert_eq!(edits.assemble(body).unwrap_err(), EditError::Overlap(4));
    edits.clear();
    edits.remove(Span::new(9, 11));
    assert_eq!(edits.assemble(body).unwrap_err(), EditError::Outside(9));
    edits.clear();
    edits.remove(Span::new(5, 4));
    assert_eq!(edits.assemble(body).unwrap_err(), EditError::Outside(5));
    edits.clear();
    edits.replace_by(Span::new(0, 1), [Part::Body(Span::new(9, 12))]);
    assert_eq!(edits.assemble(body).unwrap_err(), EditError::Outside(0));
}

proptest! {
    #[test]
    fn edits_do_what_splicing_does(
        body in proptest::collection::vec(any::<u8>(), 0..60),
        cuts in proptest::collection::btree_set(0_usize..60, 0..12),
        data in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= body.len()).collect();
        let (mut expected, mut edits) = (body.clone(), Edits::new());
        // Last first, so that earlier positions stay true while splicing.
        for pair in cuts.chunks_exact(2).rev() {
            expected.splice(pair[0]..pair[1], data.iter().copied());
            edits.replace(Span::new(pair[0], pair[1]), |side| side.extend_from_slice(&data));
        }
        let assembly = edits.assemble(&body).unwrap();
        prop_assert!(assembly.slices().all(|slice| !slice.is_empty()));
        prop_assert_eq!(assembly.len(), expected.len());
        prop_assert_eq!(assembly.to_vec(), expected);
    }
}
