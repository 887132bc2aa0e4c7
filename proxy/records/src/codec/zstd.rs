//! Zstandard, one or more frames, decoded in one go.
//!
//! Decoding as a stream would set aside a window of up to 128 MiB, as the input asks; decoding into a buffer of known size
//! needs none. The size comes from the frames' own block structure and never exceeds the cap.

use zstd_safe::{CCtx, DCtx, compress_bound, decompress_bound, get_error_name};

use super::{CodecError, append};

/// The level of the fastest strategy: what is compressed here is mostly ciphertext.
const LEVEL: i32 = 1;

#[derive(Default)]
pub(super) struct Zstd {
    compressor: Option<CCtx<'static>>,
    decompressor: Option<DCtx<'static>>,
}

impl Zstd {
    pub(super) fn decompress(
        &mut self,
        input: &[u8],
        cap: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        let bound = decompress_bound(input).map_err(|_| CodecError::Corrupt)?;
        let room = usize::try_from(bound).unwrap_or(usize::MAX).min(cap);
        // Memory that is never written to is never given by the system, so a false claim costs little.
        out.reserve_exact(room);
        let context = self.decompressor.get_or_insert_with(DCtx::create);
        match context.decompress(out, input) {
            // The vector may have had more room than the cap allows.
            Ok(len) if len > cap => Err(CodecError::TooLarge(cap)),
            Ok(_) => Ok(()),
            Err(code) if is_too_small(code) && u64::try_from(room).is_ok_and(|room| room < bound) => {
                Err(CodecError::TooLarge(cap))
            }
            Err(_) => Err(CodecError::Corrupt),
        }
    }

    pub(super) fn compress(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        let context = self.compressor.get_or_insert_with(CCtx::create);
        append(out, compress_bound(input.len()), |room| context.compress(room, input, LEVEL))
            .map_err(|_| CodecError::Compress)?;
        Ok(())
    }

    pub(super) fn trim(&mut self, max: usize) {
        self.compressor.take_if(|context| context.sizeof() > max);
        self.decompressor.take_if(|context| context.sizeof() > max);
    }
}

fn is_too_small(code: usize) -> bool {
    // The binding has no error kinds, and the numbers are not stable; the library's own name of the error is.
    get_error_name(code) == "Destination buffer is too small"
}
