//! Requests as bytes, made by hand.

/// The largest count that fits.
const COUNT: [u8; 4] = i32::MAX.to_be_bytes();
const ONE: [u8; 4] = 1_i32.to_be_bytes();
const TOPIC: &[u8] = &[0, 1, b't'];
/// The largest compact count.
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
    [produce(), fetch(), others(), headers()].concat()
}

fn request(key: i16, version: i16, flexible: bool, parts: &[&[u8]]) -> Vec<u8> {
    [head(key, version, flexible), parts.concat()].concat()
}

fn produce() -> Vec<(&'static str, Vec<u8>)> {
    // Acks and timeout, behind a transactional id that is null.
    let old = |parts: &[&[u8]]| {
        request(0, 3, false, &[&[0xff, 0xff, 0xff, 0xff, 0, 0, 0x75, 0x30], &parts.concat()])
    };
    let new = |version, parts: &[&[u8]]| {
        request(0, version, true, &[&[0, 0xff, 0xff, 0, 0, 0x75, 0x30], &parts.concat()])
    };
    let id = [1; 16];
    vec![
        ("Produce 3, transactional id", request(0, 3, false, &[&[0x7f, 0xff]])),
        ("Produce 3, topics", old(&[&COUNT])),
        ("Produce 3, partitions", old(&[&ONE, TOPIC, &COUNT])),
        ("Produce 3, records", old(&[&ONE, TOPIC, &ONE, &[0; 4], &COUNT])),
        ("Produce 9, topics", new(9, &[&COMPACT])),
        ("Produce 9, topic name", new(9, &[&[2], &COMPACT])),
        ("Produce 9, partitions", new(9, &[&[2, 2, b't'], &COMPACT])),
        ("Produce 13, partitions", new(13, &[&[2], &id, &COMPACT])),
        ("Produce 13, records", new(13, &[&[2], &id, &[2, 0, 0, 0, 0], &COMPACT])),
        ("Produce 13, tags", new(13, &[&[1], &COMPACT])),
    ]
}

fn fetch() -> Vec<(&'static str, Vec<u8>)> {
    // Replica, wait, least bytes, most bytes, isolation; then session id and epoch; no replica since version 15.
    let by_name = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0];
    let by_id = [&by_name[4..], &[0; 8]].concat();
    let old = |parts: &[&[u8]]| request(1, 4, false, &[&by_name, &parts.concat()]);
    let middle = |parts: &[&[u8]]| request(1, 12, true, &[&by_name, &[0; 8], &parts.concat()]);
    let new = |parts: &[&[u8]]| request(1, 17, true, &[&by_id, &parts.concat()]);
    vec![
        ("Fetch 4, topics", old(&[&COUNT])),
        ("Fetch 4, partitions", old(&[&ONE, TOPIC, &COUNT])),
        ("Fetch 12, topics", middle(&[&COMPACT])),
        ("Fetch 12, partitions", middle(&[&[2, 2, b't'], &COMPACT])),
        ("Fetch 17, topics", new(&[&COMPACT])),
        ("Fetch 17, partitions", new(&[&[2], &[1; 16], &COMPACT])),
        ("Fetch 17, forgotten topics", new(&[&[1], &COMPACT])),
    ]
}

fn others() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("Metadata 1, topics", request(3, 1, false, &[&COUNT])),
        ("Metadata 12, topics", request(3, 12, true, &[&COMPACT])),
        ("ShareFetch 1, group", request(78, 1, true, &[&COMPACT])),
        ("ShareFetch 1, topics", request(78, 1, true, &[&[0; 26], &COMPACT])),
        ("ShareAcknowledge 1, topics", request(79, 1, true, &[&[0; 6], &COMPACT])),
        ("FindCoordinator 4, keys", request(10, 4, true, &[&[0], &COMPACT])),
        ("ApiVersions 3, software", request(18, 3, true, &[&COMPACT])),
    ]
}

fn headers() -> Vec<(&'static str, Vec<u8>)> {
    let produce = head(0, 9, false);
    vec![
        ("header, client id", [&produce[..8], &[0x7f, 0xff]].concat()),
        ("header, negative client id", [&produce[..8], &[0x80, 0]].concat()),
        ("header, tags", [&produce[..], &COMPACT].concat()),
        ("header, size of a tag", [&produce[..], &[1, 0], &COMPACT].concat()),
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
