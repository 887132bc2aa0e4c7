//! Snappy as Kafka uses it: the Java library's block framing, or one bare block as some clients send.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::{CodecError, append};
use crate::varint::Cursor;

const MAGIC: &[u8; 8] = b"\x82SNAPPY\0";

/// The framing's version and the oldest compatible one, both 1.
const VERSIONS: &[u8; 8] = &[0, 0, 0, 1, 0, 0, 0, 1];

/// The Java library's default block size.
const BLOCK: usize = 32 * 1024;

/// No snappy element makes more than 64 bytes out of 3; a larger claim would only make us clear memory.
const MAX_RATIO: usize = 22;

pub(super) struct Snappy {
    encoder: Encoder,
    decoder: Decoder,
}

impl Snappy {
    pub(super) fn new() -> Self {
        Self { encoder: Encoder::new(), decoder: Decoder::new() }
    }

    pub(super) fn decompress(
        &mut self,
        input: &[u8],
        cap: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        if !input.starts_with(MAGIC) {
            return self.block(input, cap, out);
        }
        let mut rest = Cursor(input);
        while !rest.0.is_empty() {
            // Streams may follow each other, each with its own preamble.
            if rest.0.starts_with(MAGIC) {
                rest.take(MAGIC.len().saturating_add(VERSIONS.len())).map_err(|_| CodecError::Corrupt)?;
                continue;
            }
            let len = rest.0.first_chunk().map(|len| u32::from_be_bytes(*len)).ok_or(CodecError::Corrupt)?;
            let len = usize::try_from(len).map_err(|_| CodecError::Corrupt)?;
            let block = rest.take(4).and_then(|_| rest.take(len)).map_err(|_| CodecError::Corrupt)?;
            self.block(block, cap, out)?;
        }
        Ok(())
    }

    pub(super) fn compress(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(VERSIONS);
        for block in input.chunks(BLOCK) {
            let len_at = out.len();
            out.extend_from_slice(&[0; 4]);
            let len = append(out, max_compress_len(block.len()), |room| self.encoder.compress(block, room))
                .map_err(|_| CodecError::Compress)?;
            let len = u32::try_from(len).map_err(|_| CodecError::Compress)?;
            if let Some(field) = out.get_mut(len_at..).and_then(|field| field.first_chunk_mut()) {
                *field = len.to_be_bytes();
            }
        }
        Ok(())
    }

    fn block(&mut self, block: &[u8], cap: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let len = decompress_len(block).map_err(|_| CodecError::Corrupt)?;
        if len > block.len().saturating_mul(MAX_RATIO) {
            return Err(CodecError::Corrupt);
        }
        if len > cap.saturating_sub(out.len()) {
            return Err(CodecError::TooLarge(cap));
        }
        append(out, len, |room| self.decoder.decompress(block, room)).map_err(|_| CodecError::Corrupt)?;
        Ok(())
    }
}
