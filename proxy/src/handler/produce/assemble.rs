//! Puts a Produce request together again.

use super::Verdict;
use crate::pieces::Pieces;
use crate::wire::{Count, ProduceView, Span, Topic, write};
use kafka_protocol::messages::ApiKey;

/// Puts the request together: sealed batches in the place of clear ones, refused partitions left out.
pub(super) fn assemble(
    view: &ProduceView,
    verdicts: &[Verdict],
    version: i16,
    base: usize,
    pieces: &mut Pieces,
) {
    let topics = &view.topics;
    let kept = |topic: &Topic| {
        let verdicts = verdicts.get(topic.partitions.clone()).unwrap_or_default();
        verdicts.iter().filter(|verdict| !matches!(verdict, Verdict::Refused)).count()
    };
    let replace_count = |pieces: &mut Pieces, field: Count, elements: usize| {
        pieces.keep_until(base + field.span.start);
        pieces.side(|side| write::count(field.compact, elements, side));
        pieces.skip_until(base + field.span.end);
    };
    let left_out = |pieces: &mut Pieces, element: Span| {
        pieces.keep_until(base + element.start);
        pieces.skip_until(base + element.end);
    };
    let count = topics.topics.iter().filter(|topic| kept(topic) > 0).count();
    if count < topics.topics.len() {
        replace_count(pieces, topics.count, count);
    }
    for (topic, partitions) in topics.iter() {
        let left = kept(topic);
        if left == 0 {
            left_out(pieces, topic.element);
            continue;
        }
        if left < partitions.len() {
            replace_count(pieces, topic.count, left);
        }
        for (at, partition) in topic.partitions.clone().zip(partitions) {
            match verdicts.get(at) {
                None | Some(Verdict::Clear) => {}
                Some(Verdict::Refused) => left_out(pieces, partition.element),
                Some(Verdict::Sealed(sealed)) => {
                    pieces.keep_until(base + partition.records_field.start);
                    pieces.side(|side| {
                        write::records_prefix(ApiKey::Produce as i16, version, sealed.length, side);
                    });
                    sealed.place(pieces);
                    pieces.skip_until(base + partition.records_field.end);
                }
            }
        }
    }
}
