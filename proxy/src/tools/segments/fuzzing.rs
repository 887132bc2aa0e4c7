//! Segment files, and what the tools make of the entries in them.

use super::Segments;
use crate::client::Place;
use crate::fuzzing::{Sequence, batch};
use crate::tools::look::Looker;
use crate::tools::{PieceKind, Versions};
use proxy_records::Codec;
use std::cell::RefCell;
use std::io::{Seek as _, Write as _};

thread_local! {
    static FILE: RefCell<tempfile::NamedTempFile> = RefCell::new(tempfile::NamedTempFile::new().unwrap());
}

pub(crate) fn fuzz_segments(data: &[u8]) {
    FILE.with_borrow_mut(|file| {
        file.as_file().set_len(0).unwrap();
        file.rewind().unwrap();
        file.write_all(data).unwrap();
        let place = Place { topic: "payments".into(), partition: 3 };
        let mut segments = Segments::find(&[file.path().to_owned()], Some(&place)).unwrap();
        let mut looker = Looker::new(Versions::Guessed, true);
        let mut entries = 0;
        while let Some(piece) = segments.next().unwrap() {
            let (read, total) = segments.progress();
            assert!(read <= total && total == data.len() as u64, "no byte is read twice");
            let mut records = 0_u64;
            looker.look(&piece, |run| records = records.saturating_add(run.records));
            let whole = matches!(piece.kind, PieceKind::Batch | PieceKind::OldMessage);
            assert!(!whole || piece.bytes.len() > 12, "an entry has at least a head");
            entries += 1;
        }
        assert!(entries <= data.len() / 12 + 1, "every entry has its bytes");
    });
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let sets = sets();
    let preallocated = [&sets[0][..], &[0; 64]].concat();
    let cut = sets[0].get(..sets[0].len() - 9).unwrap_or_default().to_vec();
    sets.into_iter().chain([preallocated, cut]).collect()
}

fn sets() -> Vec<Vec<u8>> {
    vec![
        batch(&[Some(b"value"), None], Codec::Zstd, Sequence::NONE),
        batch(&[Some(b"")], Codec::None, Sequence::NONE),
    ]
}
