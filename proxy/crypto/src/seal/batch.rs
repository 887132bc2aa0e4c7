//! Batch format: the whole records section is sealed once.

use std::fmt;

use super::{BatchContext, Message, SealError};
use crate::aad;
use crate::envelope::{BatchFacts, Format};
use crate::keys::DataKey;
use crate::message_key::TAG_LEN;

/// Seals one batch. Its message key serves no other.
pub struct BatchSealer {
    message: Message,
    budget: usize,
}

impl BatchSealer {
    /// Makes a message key for a batch whose records section has `bytes` bytes, and charges the data key.
    pub fn new(key: &DataKey, bytes: usize) -> Result<Self, SealError> {
        let charge = u64::try_from(bytes).map_err(|_| SealError::Spent)?;
        let message = Message::new(key, Format::Batch, 1, charge)?;
        Ok(Self { message, budget: bytes })
    }

    /// The record key of the envelope record: different in every batch, so that compaction keeps all.
    pub fn unique_key(&self) -> [u8; 16] {
        let mut unique = [0; 16];
        unique.copy_from_slice(self.message.salt.first_chunk::<16>().unwrap_or(&[0; 16]));
        unique
    }

    /// Bytes of the envelope header.
    pub fn header_len(&self) -> usize {
        self.message.template.header_len()
    }

    /// Appends the envelope header, so that the batch can be laid out, and measured, before it is sealed.
    pub fn header(&self, facts: &BatchFacts, out: &mut Vec<u8>) {
        self.message.template.write_batch(facts, out);
    }

    /// Seals the records section in place and gives the tag that stands after it. `header` is what
    /// [`header`](Self::header) wrote, and goes with the batch unchanged.
    pub fn seal(
        mut self,
        header: &[u8],
        context: &BatchContext<'_>,
        plaintext: &mut [u8],
    ) -> Result<[u8; TAG_LEN], SealError> {
        let template = &self.message.template;
        if !template.is_of(header) {
            return Err(SealError::Header);
        }
        if plaintext.len() > self.budget {
            return Err(SealError::Spent);
        }
        let mut associated = Vec::with_capacity(header.len() + context.topic.len() + 64);
        aad::batch(&mut associated, header, &template.nonce(), context).map_err(|_| SealError::TooLong)?;
        let (nonce, tag) =
            self.message.sealing.seal(&associated, plaintext).map_err(|_| SealError::Encrypt)?;
        // The only message of its key has counter zero, as the header says already.
        debug_assert_eq!(nonce, [0; 12]);
        Ok(tag)
    }
}

impl fmt::Debug for BatchSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchSealer").finish_non_exhaustive()
    }
}

#[cfg(test)]
impl BatchSealer {
    /// A sealer whose output is known beforehand.
    pub(crate) fn with_salt(key: &DataKey, salt: [u8; 32]) -> Self {
        Self { message: Message::with_salt(key, Format::Batch, salt).unwrap(), budget: usize::MAX }
    }
}
