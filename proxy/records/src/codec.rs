//! The four codecs of Kafka, with reusable contexts and a cap on what they may produce.
//!
//! The cap is enforced while decoding: a few kilobytes of input can stand for hundreds of megabytes.

mod gzip;
pub(crate) mod lz4;
mod snappy;
mod zstd;

#[cfg(test)]
mod tests;

use thiserror::Error;

/// What compresses a records section, by the lowest three bits of the attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Not compressed.
    None,
    /// Deflate with gzip's framing.
    Gzip,
    /// Snappy blocks, in the framing of the Java library or as one bare block.
    Snappy,
    /// LZ4 frames.
    Lz4,
    /// Zstandard frames.
    Zstd,
}

/// Why bytes were not decompressed or compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodecError {
    /// An id that Kafka has not given to any codec.
    #[error("unknown codec {0}")]
    Unknown(i16),
    /// The input is not what the codec writes, or ends too early.
    #[error("compressed data is corrupt")]
    Corrupt,
    /// The output would be larger than allowed.
    #[error("decompressed data is larger than {0} bytes")]
    TooLarge(usize),
    /// The library refused to compress.
    #[error("failed to compress")]
    Compress,
}

impl Codec {
    pub(crate) fn from_id(id: i16) -> Result<Self, CodecError> {
        Ok(match id {
            0 => Self::None,
            1 => Self::Gzip,
            2 => Self::Snappy,
            3 => Self::Lz4,
            4 => Self::Zstd,
            other => return Err(CodecError::Unknown(other)),
        })
    }

    pub(crate) fn id(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }
}

/// Contexts of all codecs, made when first needed. One for each worker.
pub struct Codecs {
    max_decompressed: usize,
    lz4: lz4::Lz4,
    snappy: snappy::Snappy,
    zstd: zstd::Zstd,
}

impl Codecs {
    /// Contexts that decompress to at most `max_decompressed` bytes.
    pub fn new(max_decompressed: usize) -> Self {
        Self {
            max_decompressed,
            lz4: lz4::Lz4::default(),
            snappy: snappy::Snappy::new(),
            zstd: zstd::Zstd::default(),
        }
    }

    /// What these contexts decompress at most.
    pub(crate) fn max_decompressed(&self) -> usize {
        self.max_decompressed
    }

    /// Replaces the content of `out` by the decompressed `input`.
    pub fn decompress(&mut self, codec: Codec, input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        let cap = self.max_decompressed;
        out.clear();
        match codec {
            Codec::None if input.len() > cap => return Err(CodecError::TooLarge(cap)),
            Codec::None => out.extend_from_slice(input),
            Codec::Gzip => gzip::decompress(input, cap, out)?,
            Codec::Snappy => self.snappy.decompress(input, cap, out)?,
            Codec::Lz4 => lz4::decompress(input, cap, out)?,
            Codec::Zstd => self.zstd.decompress(input, cap, out)?,
        }
        Ok(())
    }

    /// Appends the compressed `input` to `out`, in the framing that Kafka's clients read.
    pub fn compress(&mut self, codec: Codec, input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        match codec {
            Codec::None => out.extend_from_slice(input),
            Codec::Gzip => gzip::compress(input, out)?,
            Codec::Snappy => self.snappy.compress(input, out)?,
            Codec::Lz4 => self.lz4.compress(input, out)?,
            Codec::Zstd => self.zstd.compress(input, out)?,
        }
        Ok(())
    }

    /// Gives back contexts that have grown beyond `max` bytes.
    pub(crate) fn trim(&mut self, max: usize) {
        self.zstd.trim(max);
    }
}

/// Lengthens `out` by `len` bytes, has them written, and keeps as many as were.
fn append<E>(
    out: &mut Vec<u8>,
    len: usize,
    write: impl FnOnce(&mut [u8]) -> Result<usize, E>,
) -> Result<usize, E> {
    let start = out.len();
    out.resize(start.saturating_add(len), 0);
    let written = match out.get_mut(start..) {
        Some(room) => write(room),
        None => Ok(0),
    };
    out.truncate(start.saturating_add(written.as_ref().copied().unwrap_or(0).min(len)));
    written
}
