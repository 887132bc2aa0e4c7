//! The records of an entry, which nothing or only each of them seals any more.

use super::data_keys::KEPT;
use super::record::{Origin, PlainRecord, StoredEnvelope, foreign};
use super::unopened::{Cause, Unopened};
use super::{Opened, Opening};
use crate::client::Place;
use crate::tools::offsets;
use proxy_crypto::EnvelopeHeader;
use proxy_records::{BatchHeader, Codec, ForeignValue, Kind, Records, kind};

impl Opening {
    /// Gets the data keys of all records of the section, so that nothing waits while records are handed out.
    pub(super) async fn fetch_keys(&mut self, topic: &str, header: &BatchHeader) {
        let mut wanted: Vec<Vec<u8>> = Vec::new();
        for record in Records::new(&self.section, header.record_count).map_while(Result::ok) {
            let Ok(Kind::Value(bytes) | Kind::Headers(bytes)) = kind(&record) else { continue };
            let Ok(envelope) = EnvelopeHeader::parse(bytes) else { continue };
            let is_wanted = |other: &Vec<u8>| {
                EnvelopeHeader::parse(other).is_ok_and(|other| {
                    other.wrapped() == envelope.wrapped()
                        && other.provider() == envelope.provider()
                        && other.key() == envelope.key()
                })
            };
            // Most records have the key of the one before. More than are kept are got when it is their turn.
            if wanted.len() < KEPT && !wanted.iter().rev().any(is_wanted) {
                wanted.push(bytes.to_vec());
            }
        }
        for bytes in wanted {
            if let Ok(envelope) = EnvelopeHeader::parse(&bytes) {
                // What is wrong is remembered, and told with the record.
                let _ = self.keys.get(&envelope, topic).await;
            }
        }
    }

    /// Hands out the records of the section.
    pub(super) fn records<E>(
        &mut self,
        place: &Place,
        header: &BatchHeader,
        (codec, origin): (Codec, Origin),
        each: &mut impl FnMut(Opened<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let log_append_time = header.attributes.has_log_append_time();
        for record in Records::new(&self.section, header.record_count) {
            let Ok(record) = record else {
                let (_, last) = offsets::of_batch(header);
                each(Err(Unopened { first: last, last, records: 0, cause: Cause::Malformed }))?;
                break;
            };
            let offset = header.base_offset.saturating_add(i64::from(record.offset_delta));
            let own = header.base_timestamp.wrapping_add(record.timestamp_delta);
            let mut plain = PlainRecord {
                offset,
                timestamp: Some(if log_append_time { header.max_timestamp } else { own }),
                log_append_time,
                key: record.key,
                value: record.value,
                headers: record.headers,
                codec,
                sealed: origin == Origin::Sealed,
                clear: false,
                unsealed: false,
            };
            let found = if origin == Origin::Sealed { None } else { Some(kind(&record)) };
            let opened = match found {
                None => Ok(()),
                // Nothing but a stub whose envelope is lost is stored so in an encrypted topic.
                Some(Ok(Kind::Clear)) if record.is_bare() => Err(Cause::Stub),
                Some(Ok(Kind::Clear)) => {
                    self.plain.clear();
                    let (legacy, out) = (self.legacy.as_ref(), &mut self.plain);
                    let opened = legacy.map_or(Ok(ForeignValue::Clear), |legacy| legacy.open(&record, out));
                    opened.and_then(|opened| foreign(opened, &record, &self.plain, origin, &mut plain))
                }
                Some(Ok(Kind::Marker)) if record.value.is_none() => {
                    plain.unsealed = true;
                    record.headers.rest().map(|rest| plain.headers = rest).map_err(|_| Cause::Malformed)
                }
                Some(Ok(Kind::Value(envelope))) => {
                    let timestamp = (!log_append_time).then_some(own);
                    self.plain.clear();
                    let stored = StoredEnvelope { topic: &place.topic, envelope, record: &record, timestamp };
                    stored.value(&self.keys, &mut self.opener, &mut self.plain).map(|headers| {
                        plain.value = Some(&self.plain);
                        plain.sealed = true;
                        plain.headers = headers;
                    })
                }
                Some(Ok(Kind::Headers(envelope))) => {
                    let timestamp = (!log_append_time).then_some(own);
                    let stored = StoredEnvelope { topic: &place.topic, envelope, record: &record, timestamp };
                    let out = (&mut self.plain, &mut self.headers);
                    stored.value_and_headers(&self.keys, &mut self.opener, out).map(|sent| {
                        plain.key = sent.key;
                        plain.value = sent.value;
                        plain.sealed = true;
                        plain.headers = sent.headers;
                    })
                }
                Some(Ok(Kind::Unknown)) => Err(Cause::Unknown),
                Some(Ok(Kind::Marker | Kind::Batch(_))) => Err(Cause::Misplaced),
                Some(Err(_)) => Err(Cause::Malformed),
            };
            each(match opened {
                Ok(()) => Ok(plain),
                Err(cause) => Err(Unopened { first: offset, last: offset, records: 1, cause }),
            })?;
        }
        Ok(())
    }
}
