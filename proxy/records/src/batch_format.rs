//! The batch format: a whole records section as the value of one record.
//!
//! The ciphertext stays where it is in the request; [`Surround`] makes the bytes before and behind it.
//! From 64 records on the stubs are worth compressing, the ciphertext never is. So the outer LZ4 frame is laid out by
//! hand: its first block holds record 0 and is marked as stored, the following blocks hold the stubs. A compressor from a
//! library would copy the ciphertext, look for repetitions in it, and cut it into blocks of its own choice, and a reader
//! could then not decrypt it in place.

mod lz4_layout;
mod restore;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use restore::{OriginalBatch, emptied_header, restored_header};

use self::lz4_layout::Lz4Layout;
use crate::codec::lz4::Lz4;
use crate::codec::{Codec, CodecError};
use crate::envelope::ENVELOPE_HEADER_NAME;
use crate::header::{BATCH_HEADER_LEN, BatchHeader, MIN_LENGTH};
use crate::produced::Produced;
use crate::record::{FieldLen, Headers, Outline, RecordError};
use crate::scratch::RETAINED;

/// Bytes of the authentication tag behind the ciphertext.
pub const TAG_LEN: usize = 16;

/// Bytes of the key that keeps the log cleaner from discarding an envelope.
pub const UNIQUE_KEY_LEN: usize = 16;

/// From this many records on, compressed stubs save more than they cost.
const COMPRESS_FROM: i32 = 64;

/// Why a batch cannot be surrounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SurroundError {
    /// The stored batch would not fit a 31-bit length.
    #[error("batch is too large to be stored encrypted")]
    TooLarge,
    /// The library refused to compress the stubs.
    #[error("failed to compress stubs: {0}")]
    Stubs(#[source] CodecError),
}

impl From<RecordError> for SurroundError {
    fn from(_: RecordError) -> Self {
        // Writing a record fails for its size alone.
        Self::TooLarge
    }
}

/// What a broker gets around the ciphertext: prefix ‖ ciphertext ‖ suffix is the stored batch. Reusable.
///
/// First [`Self::prepare`], which tells the stored size before anything is encrypted; then the caller encrypts the records
/// section in place; then [`Self::finish`] puts in the tag and the CRC.
#[derive(Default)]
pub struct Surround {
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    stored: Option<BatchHeader>,
    lz4: Lz4,
}

impl Surround {
    /// Lays out the batch for a ciphertext as long as the records section that the client sent.
    ///
    /// `stubs` are those of the same batch, from the scratch it was validated with. Returns the exact size of the stored
    /// batch.
    pub fn prepare(
        &mut self,
        produced: &Produced,
        stubs: &[u8],
        unique_key: &[u8; UNIQUE_KEY_LEN],
        envelope_header: &[u8],
    ) -> Result<usize, SurroundError> {
        self.prefix.clear();
        self.suffix.clear();
        self.stored = None;
        let ciphertext_len = produced.header.batch_len().saturating_sub(BATCH_HEADER_LEN);
        let envelope = Outline {
            timestamp_delta: produced.first_timestamp_delta,
            offset_delta: 0,
            key: Some(unique_key),
            value: Some(FieldLen::of(ciphertext_len.saturating_add(TAG_LEN))?),
            first: Some((ENVELOPE_HEADER_NAME.as_bytes(), Some(envelope_header))),
            headers: Headers::NONE,
        };
        let outer = (produced.header.record_count >= COMPRESS_FROM)
            .then(|| Lz4Layout::around(envelope.len().unwrap_or(usize::MAX)))
            .flatten();

        self.prefix.extend_from_slice(&[0; BATCH_HEADER_LEN]);
        if let Some(outer) = &outer {
            outer.write_start(&mut self.prefix);
        }
        envelope.write_to_value(0, &mut self.prefix)?;
        self.suffix.extend_from_slice(&[0; TAG_LEN]);
        envelope.write_headers(&mut self.suffix)?;
        match &outer {
            Some(outer) => {
                outer.write_rest(stubs, &mut self.lz4, &mut self.suffix).map_err(SurroundError::Stubs)?;
            }
            None => self.suffix.extend_from_slice(stubs),
        }

        let len =
            [self.prefix.len(), ciphertext_len, self.suffix.len()].into_iter().fold(0, usize::saturating_add);
        let section_len = len.saturating_sub(BATCH_HEADER_LEN);
        i32::try_from(section_len)
            .ok()
            .and_then(|section| section.checked_add(MIN_LENGTH))
            .ok_or(SurroundError::TooLarge)?;
        let codec = if outer.is_some() { Codec::Lz4 } else { Codec::None };
        let mut stored = produced.header;
        stored.attributes = stored.attributes.with_codec(codec);
        self.stored = Some(stored);
        Ok(len)
    }

    /// Completes the prepared bytes: the tag, and the CRC over all of the batch.
    pub fn finish(&mut self, ciphertext: &[u8], tag: &[u8; TAG_LEN]) {
        if let Some(slot) = self.suffix.first_chunk_mut() {
            *slot = *tag;
        }
        if let (Some(mut stored), Some((slot, before))) = (self.stored, self.prefix.split_first_chunk_mut()) {
            *slot = stored.complete(&[before, ciphertext, &self.suffix]);
        }
    }

    /// What stands before the ciphertext.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// What stands behind the ciphertext.
    pub fn suffix(&self) -> &[u8] {
        &self.suffix
    }

    /// Gives back what a large batch needed beyond 1 MiB. Call it when the parts are written.
    pub fn trim(&mut self) {
        for part in [&mut self.prefix, &mut self.suffix] {
            if part.capacity() > RETAINED {
                *part = Vec::new();
            }
        }
    }

    /// Moves prefix and suffix out, for writing them later.
    pub fn take(&mut self) -> (Vec<u8>, Vec<u8>) {
        self.stored = None;
        (std::mem::take(&mut self.prefix), std::mem::take(&mut self.suffix))
    }
}
