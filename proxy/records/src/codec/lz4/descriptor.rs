//! What stands before the blocks of an LZ4 frame: magic number, flags, block size, and a checksum of these.

use twox_hash::XxHash32;

use crate::codec::CodecError;
use crate::varint::Cursor;

/// The first four bytes of a frame.
const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

const VERSION_MASK: u8 = 0xc0;
const VERSION: u8 = 0x40;
const INDEPENDENT: u8 = 0x20;
const BLOCK_CHECKSUMS: u8 = 0x10;
const CONTENT_SIZE: u8 = 0x08;
const CONTENT_CHECKSUM: u8 = 0x04;
const DICTIONARY: u8 = 0x01;

/// The largest content of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BlockSize {
    Kb64,
    Kb256,
    Mb1,
    Mb4,
}

impl BlockSize {
    /// The smallest size that holds `len` bytes.
    pub(crate) fn holding(len: usize) -> Option<Self> {
        [Self::Kb64, Self::Kb256, Self::Mb1, Self::Mb4].into_iter().find(|size| len <= size.bytes())
    }

    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Kb64 => 64 * 1024,
            Self::Kb256 => 256 * 1024,
            Self::Mb1 => 1024 * 1024,
            Self::Mb4 => 4 * 1024 * 1024,
        }
    }

    fn from_id(id: u8) -> Option<Self> {
        Some(match id {
            4 => Self::Kb64,
            5 => Self::Kb256,
            6 => Self::Mb1,
            7 => Self::Mb4,
            _ => return None,
        })
    }
}

/// What a reader needs to know about a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Descriptor {
    pub(crate) block_size: BlockSize,
    pub(crate) independent: bool,
    pub(crate) block_checksums: bool,
    pub(crate) content_checksum: bool,
    pub(crate) content_size: Option<u64>,
}

impl Descriptor {
    /// Bytes of what [`Self::independent`] returns.
    pub(crate) const LEN: usize = 7;

    /// The start of a frame of independent blocks without checksums or content size.
    pub(crate) const fn independent(block_size: BlockSize) -> [u8; Self::LEN] {
        // The last byte is the second of the XXH32 of the two before it.
        let (size, checksum) = match block_size {
            BlockSize::Kb64 => (0x40, 0x82),
            BlockSize::Kb256 => (0x50, 0xfb),
            BlockSize::Mb1 => (0x60, 0x51),
            BlockSize::Mb4 => (0x70, 0x73),
        };
        [0x04, 0x22, 0x4d, 0x18, VERSION | INDEPENDENT, size, checksum]
    }

    /// Reads a frame's start and moves `rest` to its first block.
    pub(crate) fn read(rest: &mut Cursor<'_>) -> Result<Self, CodecError> {
        let corrupt = |_| CodecError::Corrupt;
        if rest.take(MAGIC.len()).map_err(corrupt)? != MAGIC {
            return Err(CodecError::Corrupt);
        }
        let start = rest.0;
        let flags = rest.byte().map_err(corrupt)?;
        let size = rest.byte().map_err(corrupt)?;
        if flags & VERSION_MASK != VERSION || flags & DICTIONARY != 0 {
            return Err(CodecError::Corrupt);
        }
        let content_size = if flags & CONTENT_SIZE == 0 {
            None
        } else {
            rest.take(8).map_err(corrupt)?.first_chunk().map(|size| u64::from_le_bytes(*size))
        };
        let described = start.get(..start.len().saturating_sub(rest.0.len())).unwrap_or_default();
        if rest.byte().map_err(corrupt)? != XxHash32::oneshot(0, described).to_le_bytes()[1] {
            return Err(CodecError::Corrupt);
        }
        Ok(Self {
            block_size: BlockSize::from_id(size >> 4 & 0x07).ok_or(CodecError::Corrupt)?,
            independent: flags & INDEPENDENT != 0,
            block_checksums: flags & BLOCK_CHECKSUMS != 0,
            content_checksum: flags & CONTENT_CHECKSUM != 0,
            content_size,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_descriptors_have_the_right_checksum() {
        for size in [BlockSize::Kb64, BlockSize::Kb256, BlockSize::Mb1, BlockSize::Mb4] {
            let bytes = Descriptor::independent(size);
            let read = Descriptor::read(&mut Cursor(&bytes)).unwrap();
            assert_eq!((read.block_size, read.independent), (size, true));
            assert!(!read.block_checksums && !read.content_checksum && read.content_size.is_none());
        }
    }

    #[test]
    fn picks_the_smallest_block() {
        assert_eq!(BlockSize::holding(0), Some(BlockSize::Kb64));
        assert_eq!(BlockSize::holding(65_537), Some(BlockSize::Kb256));
        assert_eq!(BlockSize::holding(4 * 1024 * 1024), Some(BlockSize::Mb4));
        assert_eq!(BlockSize::holding(4 * 1024 * 1024 + 1), None);
    }
}
