//! Opens the records of one batch, with the keys at hand. Nothing here waits.

use super::NeededKey;
use super::keys::{KnownKey, RefusedKey, find};
use crate::legacy;
use crate::live::Unread;
use proxy_config::Legacy;
use proxy_crypto::{EnvelopeHeader, Format, OpenError, RecordOpener, StoredRecord};
use proxy_records::{ForeignValue, OpenedKey, OpenedRecord, OpenedValue, Record};

/// What the records of a batch are opened with, and what was left out of them.
pub(super) struct RecordsOpener<'a> {
    pub(super) keys: &'a [KnownKey],
    pub(super) refused: &'a [RefusedKey],
    /// Whether records that have a key become tombstones where their value cannot be read.
    pub(super) tombstones: bool,
    /// What was left out for each of the refused keys, by its place.
    pub(super) unread: Vec<(usize, Unread)>,
    pub(super) topic: &'a str,
    pub(super) opener: RecordOpener,
    /// What other programs encrypted there, and their keys at hand.
    pub(super) legacy: Option<&'a Legacy>,
    pub(super) legacy_keys: &'a [legacy::KnownKey],
    pub(super) base_offset: i64,
    /// Of the last record that was another program's.
    pub(super) offset: Option<i64>,
}

pub(super) enum RecordFailure {
    NeedKey(NeededKey),
    Legacy(legacy::Unopened),
    Open,
}

impl proxy_records::RecordOpener for RecordsOpener<'_> {
    type Error = RecordFailure;

    fn open(
        &mut self,
        header: &[u8],
        key: Option<&[u8]>,
        sealed: &[u8],
        timestamp: Option<i64>,
        out: &mut Vec<u8>,
    ) -> Result<OpenedValue, RecordFailure> {
        let envelope = EnvelopeHeader::parse(header).map_err(|_| RecordFailure::Open)?;
        if let Some(dek) = find(self.keys, &envelope) {
            return self
                .opener
                .open(&dek, &envelope, self.topic, key, timestamp, sealed, out)
                .map(|()| OpenedValue::Plain)
                .map_err(|_: OpenError| RecordFailure::Open);
        }
        let at = self.refused(&envelope)?;
        Ok(if self.give_up(at, self.tombstones && key.is_some()) {
            OpenedValue::Null
        } else {
            OpenedValue::Removed
        })
    }

    fn open_with_headers(
        &mut self,
        header: &[u8],
        record: &Record<'_>,
        timestamp: Option<i64>,
        plain: &mut Vec<u8>,
        headers: &mut Vec<u8>,
    ) -> Result<OpenedRecord, RecordFailure> {
        let envelope = EnvelopeHeader::parse(header).map_err(|_| RecordFailure::Open)?;
        let Some(dek) = find(self.keys, &envelope) else {
            let at = self.refused(&envelope)?;
            // That a key was erased stands there in clear, and a reader must learn it.
            // But not whose, where a pseudonym stands in the key's place: no client may take that for a key.
            let has_key = record.key.is_some() && envelope.format() != Format::Pseudonyms;
            let is_null = has_key && (self.tombstones || record.value.is_none());
            return Ok(if self.give_up(at, is_null) { OpenedRecord::Null } else { OpenedRecord::Removed });
        };
        let stored = StoredRecord {
            topic: self.topic,
            key: record.key,
            timestamp,
            value: record.value,
            headers: record.headers.iter().map_while(Result::ok),
        };
        let opened = self.opener.open_with_headers(&dek, &envelope, &stored, plain);
        let opened = opened.map_err(|_: OpenError| RecordFailure::Open)?;
        record.headers.replace(opened.headers, headers).map_err(|_| RecordFailure::Open)?;
        let at = proxy_crypto::OpenedRecord::KEY_AT;
        let key = opened.key.map_or(OpenedKey::Stored, |key| OpenedKey::Sealed(at..at + key.len()));
        // The value stands at the end.
        let length = opened.value.map(<[u8]>::len);
        let value = length.map(|length| plain.len().saturating_sub(length)..plain.len());
        Ok(OpenedRecord::Plain { key, value })
    }

    fn open_foreign(
        &mut self,
        record: &Record<'_>,
        out: &mut Vec<u8>,
    ) -> Result<ForeignValue, RecordFailure> {
        let Some(legacy) = self.legacy else { return Ok(ForeignValue::Clear) };
        legacy::open(legacy, self.legacy_keys, record, out).map_err(|refusal| {
            self.offset = Some(self.base_offset.saturating_add(i64::from(record.offset_delta)));
            match refusal {
                legacy::Refusal::NeedKey(wanted) => RecordFailure::NeedKey(NeededKey::Legacy(wanted)),
                legacy::Refusal::Unopened(unopened) => RecordFailure::Legacy(unopened),
            }
        })
    }
}

impl RecordsOpener<'_> {
    /// The place of the envelope's key among the refused ones; else it is needed first.
    fn refused(&self, envelope: &EnvelopeHeader<'_>) -> Result<usize, RecordFailure> {
        let refused = self.refused.iter().position(|refused| refused.is(envelope));
        refused.ok_or_else(|| RecordFailure::NeedKey(NeededKey::Envelope(envelope.bytes().to_vec())))
    }

    /// Counts a record that cannot be read, and tells whether it is null or left out.
    fn give_up(&mut self, at: usize, is_null: bool) -> bool {
        let place = self.unread.iter().position(|(other, _)| *other == at);
        let place = place.unwrap_or(self.unread.len());
        if place == self.unread.len() {
            self.unread.push((at, Unread::default()));
        }
        let mut nowhere = Unread::default();
        let unread = self.unread.get_mut(place).map_or(&mut nowhere, |(_, unread)| unread);
        if is_null {
            unread.tombstones += 1;
        } else {
            unread.skipped += 1;
        }
        is_null
    }
}
