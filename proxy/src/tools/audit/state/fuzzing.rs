//! State files of audits, and what an audit goes on with.

use super::{Contents, Options, VERSION, Written};
use crate::tools::audit::Audited;
use crate::tools::content::{Content, Damage, Format, Predecessor, Protection, Run};
use crate::tools::tally::Tally;
use serde_json::{Value, json};

pub(crate) fn fuzz_state(data: &[u8]) {
    let Ok(mut contents) = serde_json::from_slice::<Contents>(data) else { return };
    let bytes = serde_json::to_vec(&written(&contents)).unwrap();
    let again: Contents = serde_json::from_slice(&bytes).expect("what is written can be read");
    assert_eq!(value(&again), value(&contents), "what is written is read as the same");
    contents.partitions.iter_mut().for_each(go_on);
}

/// The next record that is read is counted, whatever the file says of those before.
fn go_on(audited: &mut Audited) {
    let next = audited.next;
    audited.tally.add(Run { content: Content::Clear, records: 1, first: next, last: next });
    assert!(audited.has_clear() || audited.tally.beyond() > 0, "a record in clear is told of");
    let _ = (audited.has_legacy(), audited.has_damage());
    let _ = (audited.tally.ranges().count(), audited.tally.transactions().open());
}

fn written(contents: &Contents) -> Written<'_> {
    let Contents { options, begun, partitions } = contents;
    Written { options, begun: *begun, partitions: partitions.iter().collect() }
}

/// For comparison: transactions have no order.
fn value(contents: &Contents) -> Value {
    serde_json::to_value(written(contents)).unwrap()
}

/// Of an audit that has read nothing yet, and of one that has met every kind of content.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let options = Options {
        version: VERSION,
        topics: vec!["payments".to_owned()],
        every: 1,
        max_ranges: 2,
        versions_are_certain: false,
        cluster: Some("cluster".to_owned()),
        providers: String::new(),
    };
    let audited = Audited {
        topic: "payments".into(),
        topic_id: "00000000-0000-0000-0000-00000000000a".to_owned(),
        partition: 3,
        start: 0,
        next: 6,
        end: 9,
        end_taken_at: 1_700_000_000,
        lost: 0,
        tally: tally(),
    };
    let of = |partitions| Written { options: &options, begun: 1_700_000_000, partitions };
    let nothing = serde_json::to_vec(&of(Vec::new())).unwrap();
    let mut all = serde_json::to_value(of(vec![&audited])).unwrap();
    all["partitions"][0]["tally"]["transactions"]["open"] = json!({"7": 3});
    vec![nothing, all.to_string().into_bytes()]
}

fn tally() -> Tally {
    let sealed = Protection {
        provider: "default".into(),
        key: "payments".into(),
        version: Some("1".into()),
        format: Format::Record,
        data_key: Some("00112233445566aa".into()),
    };
    let contents = [
        Content::Sealed(sealed),
        Content::Legacy(Predecessor::KroxyliciousV2),
        Content::Clear,
        Content::Null,
        Content::Control,
        Content::Damaged(Damage::Checksum),
    ];
    let mut tally = Tally::new(2);
    for (content, offset) in contents.into_iter().zip(0..) {
        tally.add(Run { content, records: 1, first: offset, last: offset });
    }
    tally
}
