//! Files of segments, and names of folders.

use super::folders::folder_place;
use super::*;
use std::path::Path;

#[test]
fn folders_are_named_as_brokers_name_them() {
    let place = |name: &str| folder_place(Path::new(name)).map(|place| place.to_string());
    assert_eq!(place("/data/a-topic-3").as_deref(), Some("a-topic-3"));
    for other in ["/data/\u{1b}[2Jtopic-0", "/data/-0", "/data/a topic-0", "/data/..-0/x"] {
        assert_eq!(place(other), None, "{other:?}");
    }
}

fn entry(length: i32, magic: u8) -> Vec<u8> {
    let mut bytes = 5_i64.to_be_bytes().to_vec();
    bytes.extend(length.to_be_bytes());
    bytes.resize(12 + usize::try_from(length.max(5)).unwrap(), 0);
    bytes[16] = magic;
    bytes
}

fn kinds(bytes: &[u8]) -> Vec<PieceKind> {
    let folder = tempfile::tempdir().unwrap();
    let partition = folder.path().join("a-topic-3");
    std::fs::create_dir(&partition).unwrap();
    std::fs::write(partition.join("00000000000000000000.log"), bytes).unwrap();
    let mut segments = Segments::find(&[folder.path().to_owned()], None).unwrap();
    let mut kinds = Vec::new();
    while let Some(piece) = segments.next().unwrap() {
        assert_eq!(piece.place.to_string(), "a-topic-3");
        kinds.push(piece.kind);
    }
    let (read, total) = segments.progress();
    assert_eq!(read, total);
    kinds
}

#[test]
fn entries_come_one_by_one_and_a_cut_or_empty_end_is_told() {
    let mut file = entry(49, 2);
    file.extend(entry(14, 1));
    assert_eq!(kinds(&file), [PieceKind::Batch, PieceKind::OldMessage]);
    file.extend(&entry(60, 2)[..40]);
    assert_eq!(kinds(&file)[2..], [PieceKind::Truncated(40)]);
    file.truncate(61);
    file.extend([0; 5]);
    assert_eq!(kinds(&file)[1..], [PieceKind::Truncated(5)]);
    file.extend([0; 500]);
    assert_eq!(kinds(&file)[1..], [PieceKind::Truncated(505)]);
}

#[test]
fn what_is_no_entry_ends_the_file() {
    for (bytes, error) in [
        (entry(13, 0), EntriesError::Length(13)),
        (entry(-1, 2), EntriesError::Length(-1)),
        (entry(60, 9), EntriesError::Magic(9)),
    ] {
        let left = bytes.len() as u64;
        assert_eq!(kinds(&[entry(49, 2), bytes].concat())[1..], [PieceKind::Unreadable(error, left)]);
    }
    let mut huge = entry(60, 2);
    huge[8..12].copy_from_slice(&i32::MAX.to_be_bytes());
    assert!(matches!(kinds(&huge)[..], [PieceKind::Unreadable(EntriesError::Length(i32::MAX), _)]));
}

#[test]
fn folders_tell_topic_and_partition() {
    let place = |name: &str| folder_place(Path::new(name)).map(|place| place.to_string());
    assert_eq!(place("/data/a.b-c-12").as_deref(), Some("a.b-c-12"));
    for other in ["/data/a", "/data/a-", "/data/-1", "/data/a-1x"] {
        assert_eq!(place(other), None, "{other}");
    }
}
