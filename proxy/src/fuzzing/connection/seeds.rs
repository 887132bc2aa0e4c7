//! Scripts to begin with.

use super::{client, policies};

const PRODUCE: u8 = 0;
const FETCH: u8 = 1;
const METADATA: u8 = 2;
const SHARE_FETCH: u8 = 4;
const SHARE_ACKNOWLEDGE: u8 = 5;
/// So long that what was sent before is done.
const PAUSE: [u8; 2] = [13, 12];

/// Produces and fetches by every policy and in several versions, with and without trouble.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for policy in 0..policies::AT_THE_START {
        for version in [3, 9, 12, 13] {
            let setup = [policy, 0, 2];
            // Version, which topic and partition, codec and acks, which producer; then nothing is changed.
            let produce = |topic: u8, codec: u8| [0, PRODUCE, version, topic, codec, 1, 0];
            let fetch = |topic: u8| [0, FETCH, version, topic, 0, 0, 0];
            let metadata = [0, METADATA, 12, 0, 0, 0, 0];
            let parts = [
                &setup[..],
                &metadata,
                &produce(0, 0),
                &produce(1, 3),
                &produce(2, 0),
                &fetch(0),
                &fetch(1),
                &fetch(2),
            ];
            all.push(parts.concat());
            let refused = [&setup[..], &[8, 13, 8, 13, 8, 5, 87], &metadata, &produce(0, 0), &produce(0, 0)];
            all.push(refused.concat());
            let tampered =
                [&setup[..], &metadata, &produce(0, 0), &[8, 13, 8, 13, 8, 13, 8, 2, 1, 0, 90, 7], &fetch(0)];
            all.push(tampered.concat());
        }
    }
    for api in 2..client::APIS {
        all.push([&[0, 0, 2][..], &[0, api, 4, 1, 1, 1, 0], &[0, api, 0, 1, 1, 1, 0]].concat());
    }
    for mood in 0..6 {
        all.push(
            [&[0, mood, 2][..], &[0, PRODUCE, 9, 0, 0, 1, 0], &PAUSE, &[14, 0], &[0, PRODUCE, 9, 0, 0, 1, 0]]
                .concat(),
        );
    }
    all.extend(sessions());
    all.extend(share_groups());
    all.extend(reloads());
    all
}

/// Fetch sessions that open and go on, and one that another connection opened.
fn sessions() -> Vec<Vec<u8>> {
    let produce = |topic: u8| [0, PRODUCE, 9, topic, 0, 1, 0];
    let mut all = Vec::new();
    for policy in 0..policies::AT_THE_START {
        let written = [&[policy, 0, 2][..], &produce(0), &produce(1), &produce(2), &PAUSE].concat();
        for version in [12, 17] {
            let fetch = |how: u8| [0, FETCH, version, 0, how, 0, 0];
            all.push([&written[..], &fetch(1), &fetch(2), &fetch(3), &fetch(3)].concat());
            all.push([&written[..], &fetch(3), &PAUSE, &fetch(3)].concat());
        }
    }
    all
}

/// Records that are handed over in both versions, under every policy and where the key or the records are at fault, and
/// what clients say of them then.
fn share_groups() -> Vec<Vec<u8>> {
    let metadata = [0, METADATA, 12, 0, 0, 0, 0];
    let mut all = Vec::new();
    for version in [1, 2] {
        // Version, which topic and partition, what the request has, what version 2 adds.
        let fetch = |topic: u8, how: u8, who: u8| [0, SHARE_FETCH, version, topic, how, who, 0];
        let acknowledge = |how: u8, who: u8| [0, SHARE_ACKNOWLEDGE, version, 0, how, who, 0];
        let produce = |topic: u8| [0, PRODUCE, 12, topic, 0, 1, 0];
        for policy in 0..policies::AT_THE_START {
            let setup = [&[policy, 0, 2][..], &metadata, &produce(0), &produce(1), &produce(2)].concat();
            // A session of all topics, the same without a change, with acknowledgements, as a renewal, and its end.
            let session =
                [fetch(0, 64, 4), fetch(0, 97, 0), fetch(0, 5, 2), fetch(0, 5, 1), fetch(0, 10, 0)].concat();
            all.push([&setup[..], &session, &acknowledge(1, 0), &acknowledge(1, 1)].concat());
            let (other, tampered) = ([8, 1, 3, 3], [8, 2, 1, 0, 90, 7]);
            let honest = [8, 13].repeat(4);
            for plan in [&other[..], &tampered, &[8, 5, 87], &[8, 8], &[8, 9]] {
                all.push([&setup[..], &honest, plan, &fetch(0, 64, 0), &acknowledge(0, 0)].concat());
            }
        }
        for mood in 0..6 {
            let away =
                [&[0, 0, 2][..], &metadata, &produce(0), &PAUSE, &[14, mood], &fetch(0, 0, 0)].concat();
            all.push([&away[..], &PAUSE, &[14, 0], &fetch(0, 0, 0)].concat());
        }
    }
    all
}

/// Another policy before, while and after a batch is sealed, and what is stored is read under each.
fn reloads() -> Vec<Vec<u8>> {
    let metadata = [0, METADATA, 12, 0, 0, 0, 0];
    let produce = |topic: u8| [0, PRODUCE, 12, topic, 0, 1, 0];
    let all_topics = [produce(0), produce(1), produce(2)].concat();
    let fetches = [0, 1, 2].map(|topic| [0, FETCH, 12, topic, 0, 0, 0]).concat();
    let handed_over = [0, SHARE_FETCH, 2, 0, 64, 0, 0];
    let mut all = Vec::new();
    for policy in 0..policies::AT_THE_START {
        for next in 0..policies::IN_ALL {
            let reload = [14, 128 + next];
            let start = [&[policy, 0, 2][..], &metadata, &all_topics].concat();
            let back = [14, 128 + policy];
            all.push(
                [&start[..], &PAUSE, &reload, &all_topics, &fetches, &PAUSE, &back, &all_topics].concat(),
            );
            // A key that takes three seconds.
            let slow = [&[policy, 5, 2][..], &metadata, &all_topics, &[13, 9], &reload, &fetches].concat();
            all.push([&slow[..], &handed_over].concat());
        }
    }
    all
}
