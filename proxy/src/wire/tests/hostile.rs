//! Bytes that are no message, or not quite.

use super::{Decoded, Generator, all, decode, in_crate};
use crate::wire::{
    Direction, FetchRequestView, MetadataView, ProduceView, ShareFetchRequestView, WireError, check,
    fetch_request, metadata_response, produce_request, request_header, response_header, share_fetch_request,
    write,
};
use proptest::prelude::*;
use std::time::{Duration, Instant};

#[test]
fn a_message_cut_anywhere_is_an_error() {
    for (message, version) in all() {
        for seed in 0..4 {
            let body = Generator::new(seed).body(message, version);
            for end in 0..body.len() {
                let cut = check(message.api_key, version, message.direction, &body[..end]);
                assert!(cut.is_err(), "{} v{version} cut at {end}", message.api_key);
            }
            let mut longer = body.clone();
            longer.push(0);
            let trailing = check(message.api_key, version, message.direction, &longer);
            assert_eq!(trailing, Err(WireError::Trailing(body.len())));
        }
    }
}

/// The point of it all: what passes is decoded by the crate, wholly and without harm.
#[test]
fn altered_messages_that_pass_are_safe_to_decode() {
    let mut passed = 0_u32;
    for (message, version) in all().filter(|(message, version)| in_crate(message, *version)) {
        for seed in 0..60 {
            let mut random = Generator::new(seed);
            let mut body = random.body(message, version);
            for _ in 0..=random.below(3) {
                let at = random.below(body.len().max(1));
                if let Some(byte) = body.get_mut(at) {
                    *byte = random.bytes(1)[0];
                }
            }
            if check(message.api_key, version, message.direction, &body).is_ok() {
                passed += 1;
                let (_, left): (Decoded, usize) = decode(message, version, &body).unwrap();
                assert_eq!(left, 0, "{} v{version} seed {seed}", message.api_key);
            }
        }
    }
    assert!(passed > 100, "{passed}");
}

#[test]
fn claimed_counts_are_refused_before_anything_is_done() {
    let started = Instant::now();
    // Metadata v9: throttle time, then a compact array of 2^32 − 2 brokers; and v1: an array of i32::MAX.
    let compact = [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert_eq!(check(3, 9, Direction::Response, &compact), Err(WireError::Count(4)));
    let plain = [0x7f, 0xff, 0xff, 0xff, 0];
    assert_eq!(check(3, 1, Direction::Response, &plain), Err(WireError::Count(0)));
    assert_eq!(check(3, 1, Direction::Request, &plain), Err(WireError::Count(0)));
    // Six bits too many in the fifth byte, and a sixth byte.
    assert_eq!(
        check(3, 9, Direction::Request, &[0xff, 0xff, 0xff, 0xff, 0x1f, 0]),
        Err(WireError::Varint(0))
    );
    assert_eq!(
        check(3, 9, Direction::Request, &[0x80, 0x80, 0x80, 0x80, 0x80, 0]),
        Err(WireError::Varint(0))
    );
    // Negative counts and lengths other than null.
    assert_eq!(check(3, 1, Direction::Request, &(-2_i32).to_be_bytes()), Err(WireError::Length(0)));
    assert_eq!(check(17, 1, Direction::Request, &[0xff, 0xfe]), Err(WireError::Length(0)));
    assert_eq!(check(17, 1, Direction::Request, &[0xff, 0xff]), Err(WireError::Length(0)));
    // A count whose size in bytes overflows or exceeds what is there: ForgottenTopic.partitions of Fetch v7.
    let mut fetch = vec![0; 4 + 4 + 4 + 4 + 1 + 4 + 4 + 4];
    fetch.extend([0, 0, 0, 1, 0, 1, b't', 0x7f, 0xff, 0xff, 0xff, 0, 0]);
    assert!(matches!(check(1, 7, Direction::Request, &fetch), Err(WireError::Count(_))));
    // A tagged-field count, in body and header.
    assert_eq!(
        check(18, 3, Direction::Request, &[1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        Err(WireError::Count(2))
    );
    let mut head = vec![0, 3, 0, 12, 0, 0, 0, 1, 0xff, 0xff];
    head.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert_eq!(request_header(&head), Err(WireError::Count(10)));
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn tagged_fields_must_be_in_order_and_fill_their_size() {
    let versions = |tags: &[u8]| {
        let mut body = vec![0, 0, 1, 0, 0, 0, 0];
        body.extend(tags);
        check(18, 3, Direction::Response, &body)
    };
    assert_eq!(versions(&[1, 3, 1, 1]), Ok(()));
    assert_eq!(versions(&[2, 3, 1, 1, 3, 1, 1]), Err(WireError::TagOrder(11)));
    assert_eq!(versions(&[2, 9, 0, 3, 1, 1]), Err(WireError::TagOrder(10)));
    assert_eq!(versions(&[1, 3, 2, 1, 1]), Err(WireError::TagSize(8)));
    assert_eq!(versions(&[1, 1, 7, 0, 0, 0, 0, 0, 0, 0]), Err(WireError::Truncated(10)));
    assert_eq!(versions(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]), Err(WireError::Tag(8)));
    // node_endpoints before Fetch 16.
    let fetch = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1];
    assert_eq!(check(1, 15, Direction::Response, &fetch), Err(WireError::Tag(12)));
    assert_eq!(check(1, 16, Direction::Response, &fetch), Ok(()));
}

#[test]
fn a_failed_view_is_empty() {
    let (message, _) = all().find(|(m, _)| m.api_key == 3 && m.direction == Direction::Response).unwrap();
    let body =
        (0..1000).map(|seed| Generator::new(seed).body(message, 9)).find(|body| body.len() > 200).unwrap();
    let mut view = MetadataView::default();
    metadata_response(9, &body, &mut view).unwrap();
    assert_ne!(view, MetadataView::default());
    metadata_response(9, &body[..body.len() - 1], &mut view).unwrap_err();
    assert_eq!(view, MetadataView::default());
}

/// A Metadata answer, version 12, about so many topics of these names and ids.
fn metadata(topics: usize, name: &str, id: [u8; 16]) -> Vec<u8> {
    let mut body = vec![0; 4];
    write::broker_array(12, &[], &mut body);
    body.extend([0, 0, 0, 0, 0]);
    write::count(true, topics, &mut body);
    for _ in 0..topics {
        body.extend([0, 3]);
        write::string(true, name, &mut body);
        body.extend(id);
        body.extend([0, 1, 0, 0, 0, 0, 0]);
    }
    body.push(0);
    body
}

#[test]
fn topics_that_a_client_made_up_take_no_memory() {
    let mut view = MetadataView::default();
    for (name, id) in [("no-topic", [0; 16]), ("", [7; 16])] {
        metadata_response(12, &metadata(500_000, name, id), &mut view).unwrap();
        assert!(view.topics.capacity() < 10, "{}", view.topics.capacity());
    }
}

#[test]
fn a_view_of_any_number_of_topics_has_bounded_memory_and_gives_it_back() {
    let mut view = MetadataView::default();
    metadata_response(12, &metadata(1_200_000, "topic", [7; 16]), &mut view).unwrap();
    assert!((500_000..1_100_000).contains(&view.topics.capacity()), "{}", view.topics.capacity());
    assert!(size_of_val(&view.topics[0]) <= 32);
    view.trim();
    assert_eq!(view, MetadataView::default());
    assert_eq!(view.topics.capacity(), 0);
    metadata_response(12, &metadata(500, "topic", [7; 16]), &mut view).unwrap();
    view.trim();
    assert_eq!(view.topics.len(), 500, "what most answers need is kept");
}

/// A body that ends with a topic of so many partitions, in a version without compact counts.
fn of_one_topic(head: &[u8], partitions: usize, each: &[u8]) -> Vec<u8> {
    let count = u32::try_from(partitions).unwrap().to_be_bytes();
    [head, &[0, 0, 0, 1, 0, 1, b't'], &count, &each.repeat(partitions)].concat()
}

/// One topic and its partitions are taken up to this many together.
fn is_bounded(most: usize, view: impl Fn(usize) -> Result<(), WireError>) {
    assert_eq!(view(most - 1), Ok(()));
    let refused = view(most).unwrap_err();
    assert!(matches!(refused, WireError::TooMany(_, bound) if bound == most), "{refused}");
    let told = refused.to_string();
    assert!(told.contains(&format!("more than {most} elements (topics and partitions)")), "{told}");
}

#[test]
fn a_produce_request_of_more_than_its_bound_is_refused() {
    is_bounded(10_000, |partitions| {
        let body = of_one_topic(&[0, 1, 0, 0, 0, 9], partitions, &[0; 8]);
        produce_request(0, &body, &mut ProduceView::default())
    });
}

#[test]
fn a_fetch_request_of_more_than_its_bound_is_refused() {
    is_bounded(100_000, |partitions| {
        let body = of_one_topic(&[0; 12], partitions, &[0; 16]);
        fetch_request(0, &body, &mut FetchRequestView::default())
    });
}

#[test]
fn a_share_fetch_request_of_more_than_its_bound_is_refused() {
    is_bounded(100_000, |partitions| {
        // No group and member, six numbers, one topic with its id.
        let mut body = [&[0_u8; 26][..], &[2], &[0; 16]].concat();
        write::count(true, partitions, &mut body);
        // Index, no acknowledgements, no tags.
        body.extend([0_u8, 0, 0, 0, 1, 0].repeat(partitions));
        // The topic's tags, no forgotten topics, the request's tags.
        body.extend([0, 1, 0]);
        share_fetch_request(1, &body, &mut ShareFetchRequestView::default())
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        for (message, version) in all() {
            if check(message.api_key, version, message.direction, &body).is_ok() && in_crate(message, version) {
                prop_assert!(decode(message, version, &body).is_ok());
            }
        }
        let _ = request_header(&body);
        for api_key in 0..90 {
            let _ = response_header(api_key, 12, &body);
        }
    }

    /// Small bytes look like lengths and counts far more often.
    #[test]
    fn small_bytes_never_panic(body in proptest::collection::vec(0_u8..4, 0..400)) {
        for (message, version) in all() {
            if check(message.api_key, version, message.direction, &body).is_ok() && in_crate(message, version) {
                prop_assert!(decode(message, version, &body).is_ok());
            }
        }
    }
}
