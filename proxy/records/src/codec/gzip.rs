//! Gzip, one or more members.

use std::io::{Read, Write};

use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};

use super::CodecError;

/// Appends the decompressed members of `input` to the empty `out`.
pub(super) fn decompress(input: &[u8], cap: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    // One byte more than allowed tells "exactly the cap" from "beyond the cap".
    let limit = u64::try_from(cap).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(input).take(limit).read_to_end(out).map_err(|_| CodecError::Corrupt)?;
    if out.len() > cap {
        return Err(CodecError::TooLarge(cap));
    }
    Ok(())
}

/// Appends one member. The fast level: what is compressed here is mostly ciphertext.
pub(super) fn compress(input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
    let mut encoder = GzEncoder::new(out, Compression::fast());
    encoder.write_all(input).map_err(|_| CodecError::Compress)?;
    encoder.finish().map_err(|_| CodecError::Compress)?;
    Ok(())
}
