//! The outer LZ4 frame of the batch format, written around a record that is not in memory as one piece.

use crate::codec::CodecError;
use crate::codec::lz4::{BLOCK_LEN, BlockSize, Descriptor, END_MARK, Lz4, stored_len};

/// A frame whose first block is one stored record.
pub(super) struct Lz4Layout {
    block_size: BlockSize,
    first_block: [u8; BLOCK_LEN],
}

impl Lz4Layout {
    /// A frame for a first record of `len` bytes, unless no block holds it.
    pub(super) fn around(len: usize) -> Option<Self> {
        let block_size = BlockSize::holding(len)?;
        Some(Self { block_size, first_block: stored_len(len)?.to_le_bytes() })
    }

    /// Appends what stands before the record.
    pub(super) fn write_start(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&Descriptor::independent(self.block_size));
        out.extend_from_slice(&self.first_block);
    }

    /// Appends what stands behind the record: `stubs` in blocks, and the end of the frame.
    pub(super) fn write_rest(
        &self,
        stubs: &[u8],
        lz4: &mut Lz4,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        for block in stubs.chunks(self.block_size.bytes()) {
            lz4.block(block, out)?;
        }
        out.extend_from_slice(&END_MARK);
        Ok(())
    }
}
