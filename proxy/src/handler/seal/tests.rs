//! What a batch may grow to.

use super::*;
use crate::fuzzing::{Sequence, batch};
use crate::live::testing::local_keys;
use crate::pieces::Pieces;
use proxy_records::{Scratch, Surround};
use std::sync::Arc;

const MIB: usize = 1024 * 1024;
const AGAIN: Refused = (Code::NotEnoughReplicas, Refusal::TooLarge);

struct Bench {
    key: Arc<DataKey>,
    workbench: Workbench,
    pieces: Pieces,
    max_bytes: Option<usize>,
    max_section: usize,
    max_side: usize,
}

impl Bench {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (keys, _) = local_keys(directory.path());
        let (scratch, surround) = (Scratch::new(64 * MIB), Surround::default());
        Self {
            key: keys.data_key("default", "payments").await.unwrap(),
            workbench: Workbench { scratch, surround, header: Vec::new() },
            pieces: Pieces::default(),
            max_bytes: None,
            max_section: 16 * MIB,
            max_side: usize::MAX,
        }
    }

    fn seal(&mut self, format: Format, batch: &mut [u8]) -> Result<Sealed, Refused> {
        let target = Target {
            topic: "t",
            partition: 0,
            key: &self.key,
            format,
            headers: &SealedHeaders::default(),
            pseudonyms: None,
            max_bytes: self.max_bytes,
            max_section: self.max_section,
            max_side: self.max_side,
        };
        let records = 0..batch.len();
        seal(batch, records, &target, &mut self.workbench, &mut self.pieces)
    }

    /// What the side buffer holds, and what it could.
    fn side(&mut self) -> (usize, usize) {
        let side = self.pieces.side_buffer();
        (side.len(), side.capacity())
    }
}

/// Records of a dozen bytes, which compress to almost nothing.
fn tiny(records: usize) -> Vec<u8> {
    batch(&vec![Some(&b""[..]); records], Codec::Zstd, Sequence::NONE)
}

#[tokio::test]
async fn tiny_records_grow_as_far_as_allowed_and_no_further() {
    let mut bench = Bench::new().await;
    let mut batch = tiny(20_000);
    assert!(bench.seal(Format::Record, &mut batch).is_ok());
    bench.max_section = MIB;
    assert_eq!(bench.seal(Format::Record, &mut batch).err(), Some(TOO_LARGE));
    assert!(bench.seal(Format::Record, &mut tiny(2_000)).is_ok());
}

/// In batch format it is the stubs that grow.
#[tokio::test]
async fn too_many_records_are_refused_before_they_are_decompressed() {
    let mut bench = Bench::new().await;
    for (format, max_bytes, max_section) in
        [(Format::Batch, Some(MIB), 64 * MIB), (Format::Batch, None, MIB), (Format::Record, None, 2 * MIB)]
    {
        (bench.max_bytes, bench.max_section) = (max_bytes, max_section);
        let mut batch = tiny(300_000);
        assert_eq!(bench.seal(format, &mut batch).err(), Some(TOO_LARGE));
        assert!(bench.workbench.scratch.decompressed().is_empty());
        // What is damaged comes again as it is.
        *batch.last_mut().unwrap() ^= 1;
        let refused = bench.seal(format, &mut batch).err();
        assert_eq!(refused, Some((Code::CorruptMessage, Refusal::Corrupt)));
    }
    let mut batch = tiny(300_000);
    (bench.max_bytes, bench.max_section) = (None, 64 * MIB);
    let sealed = bench.seal(Format::Batch, &mut batch).ok().unwrap();
    // No batch is refused for its number that would have fitted.
    assert!(sealed.length > 300_000 * SMALLEST_STUB, "{} bytes", sealed.length);
}

#[tokio::test]
async fn a_refused_batch_leaves_nothing_behind() {
    let mut bench = Bench::new().await;
    assert!(bench.seal(Format::Record, &mut tiny(10)).is_ok());
    let (before, _) = bench.side();
    bench.max_bytes = Some(1_000);
    assert_eq!(bench.seal(Format::Record, &mut tiny(50_000)).err(), Some(TOO_LARGE));
    let (after, capacity) = bench.side();
    assert_eq!(after, before);
    assert!(capacity <= before + SPARE, "{capacity} bytes");
}

#[tokio::test]
async fn the_batches_of_a_request_have_room_together() {
    for format in [Format::Batch, Format::Record] {
        let mut bench = Bench::new().await;
        assert!(bench.seal(format, &mut tiny(2_000)).is_ok());
        let (one, _) = bench.side();
        // Ciphertext does not compress to the same size each time.
        bench.max_side = one + one / 2;
        let mut second = tiny(2_000);
        assert_eq!(bench.seal(format, &mut second).err(), Some(AGAIN));
        assert_eq!(bench.side().0, one);
        // It comes again as it is.
        assert_eq!(second, tiny(2_000));
        bench.pieces.clear();
        assert!(bench.seal(format, &mut second).is_ok());
        bench.pieces.clear();
        bench.max_side = one / 2;
        assert_eq!(bench.seal(format, &mut tiny(2_000)).err(), Some(TOO_LARGE));
    }
}
