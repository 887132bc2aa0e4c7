//! Seals what producers send.

mod batch;
mod headers;
mod records;

pub use self::batch::BatchSealer;
pub use self::headers::{HeadersSealer, PlainRecord, SealedParts};
pub use self::records::RecordsSealer;

use crate::dek::RandomError;
use crate::envelope::{Format, Template};
use crate::keys::DataKey;
use crate::message_key::{SALT_LEN, SealingKey};

/// What of a stored batch is authenticated beside its ciphertext and envelope header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchContext<'a> {
    /// The name of the topic.
    pub topic: &'a str,
    /// The index of the partition.
    pub partition: i32,
    /// Of the batch header.
    pub producer_id: i64,
    /// Of the batch header.
    pub producer_epoch: i16,
    /// Of the batch header.
    pub base_sequence: i32,
    /// Of the batch header.
    pub last_offset_delta: i32,
}

/// A header of a record: its name, and its value or null.
pub type RecordHeader<'a> = (&'a [u8], Option<&'a [u8]>);

/// Why something was not sealed. Nothing of it may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The data key reached its limit between its choice and its use. The next one is to be had from `Keys::data_key`.
    #[error("data key has no budget left")]
    Spent,
    /// No randomness for the salt.
    #[error("failed to make a salt")]
    Random(#[source] RandomError),
    /// The wrapped data key does not fit into an envelope header.
    #[error("wrapped data key does not fit into an envelope header")]
    WrappedKey,
    /// The envelope header is not the one that this sealer wrote.
    #[error("envelope header is of another sealer")]
    Header,
    /// The topic or the record key is longer than the format allows.
    #[error("topic or record key is too long")]
    TooLong,
    /// The cryptographic library refused.
    #[error("failed to encrypt")]
    Encrypt,
}

/// What is left of what a sealer was made for.
struct Budget {
    messages: u64,
    bytes: u64,
}

impl Budget {
    fn take(&mut self, bytes: usize) -> Result<(), SealError> {
        let bytes = u64::try_from(bytes).map_err(|_| SealError::Spent)?;
        self.messages = self.messages.checked_sub(1).ok_or(SealError::Spent)?;
        self.bytes = self.bytes.checked_sub(bytes).ok_or(SealError::Spent)?;
        Ok(())
    }
}

/// A message key with everything that its envelope headers have in common.
struct Message {
    salt: [u8; SALT_LEN],
    sealing: SealingKey,
    template: Template,
}

impl Message {
    /// Charges the data key and derives a message key from fresh random bytes.
    fn new(key: &DataKey, format: Format, messages: u64, bytes: u64) -> Result<Self, SealError> {
        if !key.charge(messages, bytes) {
            return Err(SealError::Spent);
        }
        let mut salt = [0; SALT_LEN];
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| SealError::Random(RandomError))?;
        Self::with_salt(key, format, salt)
    }

    /// Only tests choose the salt.
    fn with_salt(key: &DataKey, format: Format, salt: [u8; SALT_LEN]) -> Result<Self, SealError> {
        let (sealing, commitment) =
            SealingKey::derive(key.dek(), &salt, format).map_err(|_| SealError::Encrypt)?;
        let names = (key.provider(), key.key(), key.wrapped());
        let template = Template::new(format, names, &salt, &commitment).map_err(|_| SealError::WrappedKey)?;
        Ok(Self { salt, sealing, template })
    }
}
