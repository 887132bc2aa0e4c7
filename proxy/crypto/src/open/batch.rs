//! Opens a batch.

use super::OpenError;
use crate::aad;
use crate::dek::Dek;
use crate::envelope::{EnvelopeHeader, Format};
use crate::message_key::{OpeningKey, TAG_LEN};
use crate::seal::BatchContext;

/// Opens the value of an envelope record in place. The records section as the producer sent it then stands at the start
/// of `sealed`, with the length that this gives. After an error the content of `sealed` means nothing.
pub fn open_batch(
    dek: &Dek,
    envelope: &EnvelopeHeader<'_>,
    context: &BatchContext<'_>,
    sealed: &mut [u8],
) -> Result<usize, OpenError> {
    if envelope.format() != Format::Batch {
        return Err(OpenError::Format);
    }
    if sealed.len() < TAG_LEN {
        return Err(OpenError::Truncated);
    }
    let key = OpeningKey::derive(dek, envelope.salt(), envelope.commitment(), Format::Batch)
        .map_err(|_| OpenError::Tag)?
        .ok_or(OpenError::Commitment)?;
    let mut associated = Vec::with_capacity(envelope.bytes().len() + context.topic.len() + 64);
    aad::batch(&mut associated, envelope.bytes(), envelope.nonce_range(), context)?;
    key.open(*envelope.nonce(), &associated, sealed).map_err(|_| OpenError::Tag)
}
