//! The fast path: an envelope found without decompression, and without looking at the stubs.

use super::{Location, SealedBatch, sealed};
use crate::codec::{Codec, lz4};
use crate::header::{BATCH_HEADER_LEN, BatchHeader};
use crate::record::Record;
use crate::varint::Cursor;

/// The batch envelope, if record 0 is one and lies in `batch` as plain bytes.
pub(super) fn find(batch: &[u8], header: &BatchHeader, codec: Codec) -> Option<SealedBatch> {
    let section = batch.get(BATCH_HEADER_LEN..)?;
    let (start, block) = match codec {
        Codec::None => (0, section),
        Codec::Lz4 => lz4::first_stored_block(section)?,
        _ => return None,
    };
    let offset = BATCH_HEADER_LEN.checked_add(start)?;
    let record = Record::read(&mut Cursor(block)).ok()?;
    sealed(header, block, offset, &record, Location::InPlace)
}
