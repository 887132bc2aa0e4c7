//! One record: what was sealed of it, and what its producer sent.

use super::Cause;
use super::data_keys::DataKeys;
use crate::tools::old_messages::Message;
use proxy_crypto::{Dek, EnvelopeHeader, Format, RecordOpener, StoredRecord};
use proxy_records::{Codec, ForeignValue, Headers, Record};

/// A record as its producer sent it, with the broker's offset.
#[expect(clippy::struct_excessive_bools, reason = "what is known of it, each by itself")]
pub(in crate::tools) struct PlainRecord<'a> {
    pub(in crate::tools) offset: i64,
    /// Milliseconds since 1970; the oldest messages have none.
    pub(in crate::tools) timestamp: Option<i64>,
    /// Whether the timestamp is the broker's.
    pub(in crate::tools) log_append_time: bool,
    pub(in crate::tools) key: Option<&'a [u8]>,
    pub(in crate::tools) value: Option<&'a [u8]>,
    pub(in crate::tools) headers: Headers<'a>,
    /// Of the batch as the producer sent it.
    pub(in crate::tools) codec: Codec,
    /// The value was sealed, so it is what a holder of the key wrote.
    pub(in crate::tools) sealed: bool,
    /// Anybody could have written it, so a rule with `onPlaintext: Reject` refuses it, but for a tombstone of a format that leaves
    /// these as they are.
    pub(in crate::tools) clear: bool,
    /// A null value as record format has it, in which nothing is sealed: anybody could have written it too, and a rule whose format
    /// seals null values refuses it.
    pub(in crate::tools) unsealed: bool,
}

/// What records are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A batch that was sealed as a whole. Its records may have any headers, those of our name too: they are the client's.
    Sealed,
    /// A batch in which some values are sealed one by one, by us or by another program.
    Mixed,
    /// A batch with no envelope anywhere.
    Clear,
}

/// A record as a broker has it, with an envelope of ours.
pub(super) struct StoredEnvelope<'a, 'r> {
    pub(super) topic: &'a str,
    pub(super) envelope: &'a [u8],
    pub(super) record: &'a Record<'r>,
    /// Its own, where the broker's time has not replaced it.
    pub(super) timestamp: Option<i64>,
}

/// What its producer sent.
pub(super) struct SentRecord<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: Headers<'a>,
}

impl<'r> StoredEnvelope<'_, 'r> {
    /// Opens the value, and gives the headers without the envelope's.
    pub(super) fn value(
        &self,
        keys: &DataKeys,
        opener: &mut RecordOpener,
        plain: &mut Vec<u8>,
    ) -> Result<Headers<'r>, Cause> {
        let Self { topic, record, timestamp, .. } = self;
        let envelope = self.envelope()?;
        let sealed = record.value.ok_or(Cause::Misplaced)?;
        let dek = key(keys, &envelope)?;
        opener.open(dek, &envelope, topic, record.key, *timestamp, sealed, plain).map_err(Cause::Open)?;
        record.headers.rest().map_err(|_| Cause::Malformed)
    }

    /// Opens the value together with those of headers, and gives the key, the value, and all headers.
    pub(super) fn value_and_headers<'o>(
        &self,
        keys: &DataKeys,
        opener: &mut RecordOpener,
        (plain, headers): (&'o mut Vec<u8>, &'o mut Vec<u8>),
    ) -> Result<SentRecord<'o>, Cause>
    where
        'r: 'o,
    {
        let envelope = self.envelope()?;
        let dek = key(keys, &envelope)?;
        let own = self.record.headers.rest().map_err(|_| Cause::Malformed)?;
        own.check().map_err(|_| Cause::Malformed)?;
        let stored = StoredRecord {
            topic: self.topic,
            key: self.record.key,
            timestamp: self.timestamp,
            value: self.record.value,
            headers: own.iter().map_while(Result::ok),
        };
        let parts = opener.open_with_headers(dek, &envelope, &stored, plain).map_err(Cause::Open)?;
        let headers = own.replace(parts.headers, headers).map_err(|_| Cause::Malformed)?;
        let key = if envelope.format() == Format::Pseudonyms { parts.key } else { self.record.key };
        Ok(SentRecord { key, value: parts.value, headers })
    }

    fn envelope(&self) -> Result<EnvelopeHeader<'_>, Cause> {
        EnvelopeHeader::parse(self.envelope).map_err(Cause::Envelope)
    }
}

fn key<'a>(keys: &'a DataKeys, envelope: &EnvelopeHeader<'_>) -> Result<&'a Dek, Cause> {
    match keys.find(envelope) {
        Some(Ok(dek)) => Ok(dek),
        Some(Err(cause)) => Err(cause.clone()),
        // A batch of so many keys was never sealed by a proxy.
        None => Err(Cause::Malformed),
    }
}

/// Takes what was, or was not, encrypted by another program.
pub(super) fn foreign<'a>(
    opened: ForeignValue,
    record: &Record<'a>,
    value: &'a [u8],
    origin: Origin,
    plain: &mut PlainRecord<'a>,
) -> Result<(), Cause> {
    if opened == ForeignValue::Clear {
        let is_tombstone = record.key.is_some() && record.value.is_none();
        plain.clear = origin == Origin::Clear || !is_tombstone;
        plain.unsealed = is_tombstone;
        return Ok(());
    }
    plain.value = Some(value);
    plain.sealed = true;
    if opened == ForeignValue::OpenedWithMarker {
        plain.headers = record.headers.rest().map_err(|_| Cause::Malformed)?;
    }
    Ok(())
}

impl<'a> From<Message<'a>> for PlainRecord<'a> {
    fn from(message: Message<'a>) -> Self {
        Self {
            offset: message.offset,
            timestamp: message.timestamp,
            log_append_time: false,
            key: message.key,
            value: message.value,
            headers: Headers::NONE,
            codec: Codec::None,
            sealed: false,
            clear: true,
            unsealed: false,
        }
    }
}
