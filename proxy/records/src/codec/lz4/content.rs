//! What the blocks of LZ4 frames are decompressed to.

use lz4_flex::block::{DecompressError, decompress_into_with_dict};

use super::Descriptor;
use crate::codec::CodecError;

/// How far back a linked block may refer.
const WINDOW: usize = 64 * 1024;

/// No byte of a compressed block makes more than this many.
const MAX_RATIO: usize = 255;

/// Room beyond a block's content, so that the library takes its fast path, with its longest steps, up to the end.
const SLACK: usize = 64;

/// What is decompressed so far, and room behind it that no block has filled yet. The room stays from block to block: a batch
/// may have hundreds of thousands of them, and memory that is cleared for each would be most of the work.
pub(super) struct Content<'a> {
    bytes: &'a mut Vec<u8>,
    len: usize,
    cap: usize,
}

impl<'a> Content<'a> {
    /// Nothing yet, in the empty `bytes`.
    pub(super) fn new(bytes: &'a mut Vec<u8>, cap: usize) -> Self {
        Self { bytes, len: 0, cap }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Takes the room away.
    pub(super) fn end(self) {
        self.bytes.truncate(self.len);
    }

    /// Decompresses one block.
    pub(super) fn expand(
        &mut self,
        block: &[u8],
        descriptor: &Descriptor,
        frame_start: usize,
    ) -> Result<(), CodecError> {
        let left = self.left();
        let most = block.len().saturating_mul(MAX_RATIO).saturating_add(SLACK);
        let room = descriptor.block_size.bytes().min(left).min(most);
        let start = self.len;
        let end = start.saturating_add(room);
        let window =
            if descriptor.independent { start } else { frame_start.max(start.saturating_sub(WINDOW)) };
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let (before, behind) = self.bytes.split_at_mut_checked(start).ok_or(CodecError::Corrupt)?;
        let (dictionary, room_bytes) =
            before.get(window..).zip(behind.get_mut(..room)).ok_or(CodecError::Corrupt)?;
        let written =
            decompress_into_with_dict(block, room_bytes, dictionary).map_err(|error| match error {
                DecompressError::OutputTooSmall { .. } if room == left => CodecError::TooLarge(self.cap),
                _ => CodecError::Corrupt,
            })?;
        self.len = start.saturating_add(written);
        Ok(())
    }

    /// Takes over a block that is stored.
    pub(super) fn append(&mut self, block: &[u8]) -> Result<(), CodecError> {
        if block.len() > self.left() {
            return Err(CodecError::TooLarge(self.cap));
        }
        let behind = self.bytes.get_mut(self.len..).unwrap_or_default();
        let (over, beyond) = block.split_at(behind.len().min(block.len()));
        if let Some(behind) = behind.get_mut(..over.len()) {
            behind.copy_from_slice(over);
        }
        self.bytes.extend_from_slice(beyond);
        self.len = self.len.saturating_add(block.len());
        Ok(())
    }

    fn left(&self) -> usize {
        self.cap.saturating_sub(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::lz4::BlockSize;
    use crate::varint::Cursor;

    /// "aaaaaa": one literal, then five bytes that are copied from it.
    const SIX: [u8; 5] = [0x11, b'a', 1, 0, 0];

    fn descriptor() -> Descriptor {
        Descriptor::read(&mut Cursor(&Descriptor::independent(BlockSize::Mb4))).unwrap()
    }

    #[test]
    fn a_block_gets_the_room_that_it_can_fill() {
        let (mut bytes, descriptor) = (Vec::new(), descriptor());
        let mut content = Content::new(&mut bytes, usize::MAX);
        content.expand(&SIX, &descriptor, 0).unwrap();
        assert_eq!(content.bytes.len(), SIX.len() * MAX_RATIO + SLACK);
        content.end();
        assert_eq!(bytes, b"aaaaaa");
    }

    #[test]
    fn room_that_is_left_is_not_cleared_again() {
        let (mut bytes, descriptor) = (Vec::new(), descriptor());
        let mut content = Content::new(&mut bytes, usize::MAX);
        content.expand(&SIX, &descriptor, 0).unwrap();
        let room = content.bytes.len();
        content.bytes[100..].fill(b'x');
        for _ in 0..10 {
            content.expand(&SIX, &descriptor, 0).unwrap();
            content.append(b"b").unwrap();
        }
        assert!(content.bytes[100..room].iter().all(|byte| *byte == b'x'));
        assert_eq!(content.bytes.len(), room + 9 * 7 + 6);
        content.end();
        assert_eq!(bytes, [b"aaaaaa".as_slice(), &b"aaaaaab".repeat(10)].concat());
    }

    #[test]
    fn stored_blocks_fill_the_room_and_go_beyond() {
        let (mut bytes, descriptor) = (Vec::new(), descriptor());
        let mut content = Content::new(&mut bytes, 10_000);
        content.expand(&SIX, &descriptor, 0).unwrap();
        let long: Vec<u8> = (0..=255).cycle().take(5_000).collect();
        content.append(&long).unwrap();
        assert_eq!(content.append(&long), Err(CodecError::TooLarge(10_000)));
        content.end();
        assert_eq!(bytes, [b"aaaaaa".as_slice(), &long].concat());
    }
}
