use super::super::Tracked;
use super::*;
use crate::budget::Grant;
use crate::fuzzing::session;
use crate::wire;
use bytes::BytesMut;
use kafka_protocol::messages::ProduceRequest;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::protocol::{Encodable, StrBytes};

const VERSION: i16 = 12;

fn name(topic: usize) -> String {
    format!("t{topic}")
}

/// A request of so many topics with two partitions each.
fn body(topics: usize) -> BytesMut {
    let partition = |index| PartitionProduceData::default().with_index(index);
    let topic = |topic| {
        let name = StrBytes::from_string(name(topic));
        let partitions = [0, 1].map(partition).to_vec();
        TopicProduceData::default().with_name(name.into()).with_partition_data(partitions)
    };
    let mut body = BytesMut::new();
    let request = ProduceRequest::default().with_acks(-1).with_topic_data((0..topics).map(topic).collect());
    request.encode(&mut body, VERSION).unwrap();
    body
}

/// A policy that is loaded meanwhile may withdraw all topics of the largest request at once.
#[test]
fn what_is_withdrawn_is_refused_in_the_order_of_the_request_and_followed_no_more() {
    const TOPICS: usize = 3_333;
    let is_withdrawn = |topic: usize| !topic.is_multiple_of(10);
    let was_refused = |topic: usize| topic % 10 == 5;
    let session = session();
    let body = body(TOPICS);
    let mut view = ProduceView::default();
    wire::produce_request(VERSION, &body, &mut view).unwrap();
    let names: Vec<Arc<str>> = (0..TOPICS).map(|topic| name(topic).into()).collect();
    let plan = |name: &Arc<str>| TopicPlan { name: Some(Arc::clone(name)), treatment: Treatment::Clear };
    let plans: Vec<TopicPlan> = names.iter().map(plan).collect();
    let again = (Code::NotEnoughReplicas, Refusal::KeyUnavailable);
    let reason = |at| Withdrawn { at, code: again.0, refusal: again.1, cause: None };
    let withdrawn: Vec<Withdrawn> = (0..TOPICS).filter(|topic| is_withdrawn(*topic)).map(reason).collect();

    // Of some topics the first partition was refused already; all others are followed.
    let mut verdicts = Vec::new();
    let mut sent =
        Sent { version: VERSION, grant: Grant::default(), refused: Vec::new(), tracked: Vec::new() };
    for (topic, name) in names.iter().enumerate() {
        for index in [0, 1] {
            let key = TopicKey::Name(Arc::clone(name));
            if was_refused(topic) && index == 0 {
                verdicts.push(Verdict::Refused);
                sent.refused.push(Refused { topic: key, index, code: Code::InvalidRecord });
            } else {
                verdicts.push(Verdict::Clear);
                let (name, producer, if_compacted) = (Arc::clone(name), None, None);
                sent.tracked.push(Tracked { topic: key, name, index, producer, if_compacted });
            }
        }
    }
    refuse(&session, &withdrawn, &view, &plans, &body, &mut verdicts, &mut sent);

    let all = || (0..TOPICS).flat_map(|topic| [(topic, 0), (topic, 1)]);
    let expected: Vec<_> = all()
        .filter(|(topic, _)| is_withdrawn(*topic))
        .map(|(topic, index)| {
            let code = if was_refused(topic) && index == 0 { Code::InvalidRecord } else { again.0 };
            (TopicKey::Name(Arc::clone(&names[topic])), index, code)
        })
        .collect();
    let refused: Vec<_> = sent.refused.into_iter().map(|each| (each.topic, each.index, each.code)).collect();
    assert!(refused == expected);
    let left = all().filter(|(topic, _)| !is_withdrawn(*topic)).map(|(topic, index)| (&*names[topic], index));
    assert!(sent.tracked.iter().map(|tracked| (&*tracked.name, tracked.index)).eq(left));
    for ((topic, index), verdict) in all().zip(&verdicts) {
        assert_eq!(matches!(verdict, Verdict::Refused), is_withdrawn(topic), "{topic}-{index}");
    }
}
