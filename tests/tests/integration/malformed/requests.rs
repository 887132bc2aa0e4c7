//! Requests as bytes, made by hand.

/// The largest count that fits.
const COUNT: [u8; 4] = i32::MAX.to_be_bytes();
/// The same as a compact one.
const COMPACT: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];

/// A request header with a null client id; flexible ones have no tags.
pub(crate) fn head(key: i16, version: i16, flexible: bool) -> Vec<u8> {
    let mut head = key.to_be_bytes().to_vec();
    head.extend(version.to_be_bytes());
    head.extend(7_i32.to_be_bytes());
    head.extend((-1_i16).to_be_bytes());
    if flexible {
        head.push(0);
    }
    head
}

/// With its length before it.
pub(crate) fn framed(frame: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(frame.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(frame);
    bytes
}

/// Requests that announce far more than they carry.
pub(crate) fn with_huge_counts() -> Vec<(&'static str, Vec<u8>)> {
    let request = |key, version, flexible, parts: &[&[u8]]| {
        let mut frame = head(key, version, flexible);
        parts.iter().for_each(|part| frame.extend_from_slice(part));
        frame
    };
    // Acks and timeout, behind a transactional id that is null.
    let produce = [0xff, 0xff, 0xff, 0xff, 0, 0, 0x75, 0x30];
    let produce_compact = [0, 0xff, 0xff, 0, 0, 0x75, 0x30];
    let one = 1_i32.to_be_bytes();
    let topic = [0, 1, b't'];
    // Replica, wait, least bytes, most bytes, isolation.
    let fetch = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0];
    let session = [0; 8];
    vec![
        ("Produce 3, topics", request(0, 3, false, &[&produce, &COUNT])),
        ("Produce 3, partitions", request(0, 3, false, &[&produce, &one, &topic, &COUNT])),
        ("Produce 3, records", request(0, 3, false, &[&produce, &one, &topic, &one, &[0; 4], &COUNT])),
        ("Produce 3, transactional id", request(0, 3, false, &[&[0x7f, 0xff]])),
        ("Produce 9, topics", request(0, 9, true, &[&produce_compact, &COMPACT])),
        ("Produce 9, topic name", request(0, 9, true, &[&produce_compact, &[2], &COMPACT])),
        ("Produce 9, partitions", request(0, 9, true, &[&produce_compact, &[2, 2, b't'], &COMPACT])),
        ("Produce 13, partitions", request(0, 13, true, &[&produce_compact, &[2], &[1; 16], &COMPACT])),
        ("Produce 13, records", request(0, 13, true, &[&produce_compact, &[2], &[1; 16], &[2, 0, 0, 0, 0], &COMPACT])),
        ("Produce 13, tags", request(0, 13, true, &[&produce_compact, &[1], &COMPACT])),
        ("Fetch 4, topics", request(1, 4, false, &[&fetch, &COUNT])),
        ("Fetch 4, partitions", request(1, 4, false, &[&fetch, &one, &topic, &COUNT])),
        ("Fetch 12, topics", request(1, 12, true, &[&fetch, &session, &COMPACT])),
        ("Fetch 12, partitions", request(1, 12, true, &[&fetch, &session, &[2, 2, b't'], &COMPACT])),
        ("Fetch 17, topics", request(1, 17, true, &[&fetch[4..], &session, &COMPACT])),
        ("Fetch 17, partitions", request(1, 17, true, &[&fetch[4..], &session, &[2], &[1; 16], &COMPACT])),
        ("Fetch 17, forgotten topics", request(1, 17, true, &[&fetch[4..], &session, &[1], &COMPACT])),
        ("Metadata 1, topics", request(3, 1, false, &[&COUNT])),
        ("Metadata 12, topics", request(3, 12, true, &[&COMPACT])),
        ("ShareFetch 1, group", request(78, 1, true, &[&COMPACT])),
        ("ShareFetch 1, topics", request(78, 1, true, &[&[0, 0], &[0; 24], &COMPACT])),
        ("ShareAcknowledge 1, topics", request(79, 1, true, &[&[0, 0], &[0; 4], &COMPACT])),
        ("FindCoordinator 4, keys", request(10, 4, true, &[&[0], &COMPACT])),
        ("ApiVersions 3, software", request(18, 3, true, &[&COMPACT])),
        ("header, client id", [&head(0, 9, false)[..8], &[0x7f, 0xff]].concat()),
        ("header, negative client id", [&head(0, 9, false)[..8], &[0x80, 0]].concat()),
        ("header, tags", [&head(0, 9, false)[..], &COMPACT].concat()),
        ("header, size of a tag", [&head(1, 12, false)[..], &[1, 0], &COMPACT].concat()),
    ]
}

/// The request cut off in every place, and with each of these bytes in every place behind key and version.
pub(crate) fn mutilated(frame: &[u8]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..frame.len()).map(|length| frame[..length].to_vec()).collect();
    for nonsense in [&COUNT[..], &COMPACT[..], &[0xff; 4], &[0x80]] {
        for at in (8..frame.len()).step_by(2) {
            let mut altered = frame.to_vec();
            let end = (at + nonsense.len()).min(frame.len());
            altered.splice(at..end, nonsense.iter().copied());
            all.push(altered);
        }
    }
    all
}
