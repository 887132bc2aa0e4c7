//! Opens the values of records.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::OpenError;
use crate::aad;
use crate::dek::Dek;
use crate::envelope::{EnvelopeHeader, Format};
use crate::message_key::{COMMITMENT_LEN, OpeningKey, SALT_LEN, TAG_LEN};

/// Opens values one after the other. Those of one produced batch share a message key, which is derived once.
#[derive(Default)]
pub struct RecordOpener {
    derived: Option<Derived>,
    pub(super) associated: Vec<u8>,
}

struct Derived {
    format: Format,
    dek: Dek,
    salt: [u8; SALT_LEN],
    commitment: [u8; COMMITMENT_LEN],
    key: OpeningKey,
}

impl RecordOpener {
    /// An opener that has derived no key yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a value and appends it to `out`. After an error `out` holds what it held before.
    ///
    /// `timestamp` is the record's own in milliseconds, `None` where the broker's time has replaced it.
    #[expect(clippy::too_many_arguments, reason = "each is a part of one stored record")]
    pub fn open(
        &mut self,
        dek: &Dek,
        envelope: &EnvelopeHeader<'_>,
        topic: &str,
        record_key: Option<&[u8]>,
        timestamp: Option<i64>,
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        if envelope.format() != Format::Record {
            return Err(OpenError::Format);
        }
        if sealed.len() < TAG_LEN {
            return Err(OpenError::Truncated);
        }
        aad::record(&mut self.associated, envelope.bytes(), envelope.nonce_range(), topic, record_key)?;
        self.open_associated(dek, envelope, timestamp, sealed, out)
    }

    /// Opens ciphertext and tag with the associated data at hand.
    pub(super) fn open_associated(
        &mut self,
        dek: &Dek,
        envelope: &EnvelopeHeader<'_>,
        timestamp: Option<i64>,
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let sealed_timestamp = envelope.record_timestamp().ok_or(OpenError::Format)?;
        let key = key(&mut self.derived, dek, envelope)?;
        let start = out.len();
        out.extend_from_slice(sealed);
        let message = out.get_mut(start..).ok_or(OpenError::Tag)?;
        let Ok(length) = key.open(*envelope.nonce(), &self.associated, message) else {
            out.truncate(start);
            return Err(OpenError::Tag);
        };
        if timestamp.is_some_and(|timestamp| timestamp != sealed_timestamp) {
            out.truncate(start);
            return Err(OpenError::Timestamp);
        }
        out.truncate(start + length);
        Ok(())
    }
}

/// The message key of the envelope, from before where data key, salt and commitment are the same.
fn key<'a>(
    slot: &'a mut Option<Derived>,
    dek: &Dek,
    envelope: &EnvelopeHeader<'_>,
) -> Result<&'a OpeningKey, OpenError> {
    let known = slot.take().filter(|derived| {
        derived.format == envelope.format()
            && derived.salt == *envelope.salt()
            && derived.dek.same_as(dek)
            && verify_slices_are_equal(&derived.commitment, envelope.commitment()).is_ok()
    });
    let derived = if let Some(derived) = known {
        derived
    } else {
        let format = envelope.format();
        let key = OpeningKey::derive(dek, envelope.salt(), envelope.commitment(), format)
            .map_err(|_| OpenError::Tag)?
            .ok_or(OpenError::Commitment)?;
        Derived { format, dek: dek.clone(), salt: *envelope.salt(), commitment: *envelope.commitment(), key }
    };
    Ok(&slot.insert(derived).key)
}

impl fmt::Debug for RecordOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordOpener").finish_non_exhaustive()
    }
}
