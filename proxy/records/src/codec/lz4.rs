//! LZ4 frames around the library's block functions.
//!
//! The library's own frame types take a frame that ends early for a complete one, allocate anew for every frame, and cannot
//! say "this block is stored", which the batch format needs (see `batch_format`). A frame is a dozen bytes around blocks,
//! so that part is written here and the blocks stay with the library.

mod content;
mod descriptor;

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use twox_hash::XxHash32;

use content::Content;
pub(crate) use descriptor::{BlockSize, Descriptor};

use super::{CodecError, append};
use crate::varint::Cursor;

/// Set in a block's length when its bytes are not compressed.
const STORED: u32 = 1 << 31;

/// First number of frames that carry something else; the last differs in the lowest four bits.
const SKIPPABLE: u32 = 0x184D_2A50;

/// Ends the blocks of a frame.
pub(crate) const END_MARK: [u8; 4] = [0; 4];

/// Bytes of a block's length field.
pub(crate) const BLOCK_LEN: usize = 4;

/// The compressor's table, reused.
#[derive(Default)]
pub(crate) struct Lz4 {
    table: CompressTable,
}

impl Lz4 {
    /// Appends a frame of independent 64 KiB blocks, which is what Kafka's own reader accepts.
    pub(super) fn compress(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.extend_from_slice(&Descriptor::independent(BlockSize::Kb64));
        for block in input.chunks(BlockSize::Kb64.bytes()) {
            self.block(block, out)?;
        }
        out.extend_from_slice(&END_MARK);
        Ok(())
    }

    /// Appends one block, stored if compression does not shorten it.
    pub(crate) fn block(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        let len_at = out.len();
        out.extend_from_slice(&[0; BLOCK_LEN]);
        let len = append(out, get_maximum_output_size(block.len()), |room| {
            compress_into_with_table(block, room, &mut self.table)
        })
        .map_err(|_| CodecError::Compress)?;
        let field = if len < block.len() {
            u32::try_from(len).map_err(|_| CodecError::Compress)?
        } else {
            out.truncate(len_at.saturating_add(BLOCK_LEN));
            out.extend_from_slice(block);
            stored_len(block.len()).ok_or(CodecError::Compress)?
        };
        if let Some(slot) = out.get_mut(len_at..).and_then(|rest| rest.first_chunk_mut()) {
            *slot = field.to_le_bytes();
        }
        Ok(())
    }
}

/// The length field of a block that is not compressed.
pub(crate) fn stored_len(len: usize) -> Option<u32> {
    u32::try_from(len).ok().filter(|len| len & STORED == 0).map(|len| len | STORED)
}

/// The bytes of the first block if they are stored, and where in `input` they begin.
pub(crate) fn first_stored_block(input: &[u8]) -> Option<(usize, &[u8])> {
    let mut rest = Cursor(input);
    Descriptor::read(&mut rest).ok()?;
    let field = u32::from_le_bytes(*rest.0.first_chunk()?);
    rest.take(BLOCK_LEN).ok()?;
    let len = usize::try_from(field & !STORED).ok()?;
    let start = input.len().checked_sub(rest.0.len())?;
    (field & STORED != 0).then(|| rest.take(len).ok().map(|block| (start, block)))?
}

/// Appends the content of all frames in `input` to the empty `out`.
pub(super) fn decompress(input: &[u8], cap: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let mut rest = Cursor(input);
    let mut content = Content::new(out, cap);
    while !rest.0.is_empty() {
        if rest.0.first_chunk().is_some_and(|magic| u32::from_le_bytes(*magic) & !0xf == SKIPPABLE) {
            skip(&mut rest)?;
        } else {
            frame(&mut rest, &mut content)?;
        }
    }
    content.end();
    Ok(())
}

fn frame(rest: &mut Cursor<'_>, content: &mut Content<'_>) -> Result<(), CodecError> {
    let descriptor = Descriptor::read(rest)?;
    let frame_start = content.len();
    loop {
        let field = word(rest)?;
        if field == 0 {
            break;
        }
        let len = usize::try_from(field & !STORED).map_err(|_| CodecError::Corrupt)?;
        let block = rest.take(len).map_err(|_| CodecError::Corrupt)?;
        if descriptor.block_checksums && word(rest)? != XxHash32::oneshot(0, block) {
            return Err(CodecError::Corrupt);
        }
        if field & STORED == 0 {
            content.expand(block, &descriptor, frame_start)?;
        } else if len > descriptor.block_size.bytes() {
            return Err(CodecError::Corrupt);
        } else {
            content.append(block)?;
        }
    }
    if descriptor.content_checksum {
        // Not verified, as in Kafka's own reader: the batch has a CRC of its own.
        word(rest)?;
    }
    let len = u64::try_from(content.len().saturating_sub(frame_start)).ok();
    if descriptor.content_size.is_some() && descriptor.content_size != len {
        return Err(CodecError::Corrupt);
    }
    Ok(())
}

/// Steps over a frame that carries no content.
fn skip(rest: &mut Cursor<'_>) -> Result<(), CodecError> {
    word(rest)?;
    let len = usize::try_from(word(rest)?).map_err(|_| CodecError::Corrupt)?;
    rest.take(len).map_err(|_| CodecError::Corrupt)?;
    Ok(())
}

fn word(rest: &mut Cursor<'_>) -> Result<u32, CodecError> {
    let word = rest.0.first_chunk().map(|word| u32::from_le_bytes(*word)).ok_or(CodecError::Corrupt)?;
    rest.take(4).map_err(|_| CodecError::Corrupt)?;
    Ok(word)
}
