//! Records that are not to be copied just so.

use super::super::opening::{PlainRecord, Unopened};
use super::{CopyError, Plan};
use crate::client::{Place, Topic};
use crate::handler::seal::has_envelope;
use proxy_config::{Boundary, Decision, EffectivePolicy, Format, History, OnPlaintext, TopicId};
use std::collections::BTreeMap;

/// What becomes of what the source does not vouch for.
#[derive(Debug, Clone)]
pub(super) struct Care {
    /// Before which offset of each partition the source's rule lets records in clear pass; none where it lets all pass.
    clear_until: Option<BTreeMap<i32, i64>>,
    tombstones: Tombstones,
    seals: bool,
    /// Otherwise it would become authentic unseen.
    seal_clear: bool,
    pub(super) skip_unopened: bool,
}

/// Which null values in clear the source vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tombstones {
    /// All: its rule leaves them as they are, so one in clear is no other than one beside sealed records.
    All,
    /// Those beside sealed records, and those that are marked.
    BesideSealed,
    /// Those that have envelopes of their own: its rule seals each that has a key.
    Enveloped,
    /// None: its rule's format seals them.
    None,
}

impl Care {
    /// Where the target is in clear too, nothing looks more authentic than it did.
    pub(super) fn of(policy: &EffectivePolicy, plan: &Plan, source: &Topic, seals: bool) -> Self {
        let (clear_until, tombstones) = match policy.decide(&plan.source) {
            Decision::Encrypt(rule) => {
                let until = match rule.on_plaintext {
                    OnPlaintext::Pass => None,
                    OnPlaintext::PassUntil => Some(ends(&plan.history, source)),
                    OnPlaintext::Reject => Some(BTreeMap::new()),
                };
                let tombstones = match rule.format {
                    _ if rule.pseudonym_key.is_some() => Tombstones::Enveloped,
                    Format::Batch => Tombstones::None,
                    Format::Auto | Format::Record => Tombstones::All,
                };
                (until, tombstones)
            }
            _ => (None, Tombstones::BesideSealed),
        };
        let (seal_clear, skip_unopened) = (plan.seal_clear || !seals, plan.skip_unopened);
        Self { clear_until, tombstones, seals, seal_clear, skip_unopened }
    }

    /// Whether anybody could have written what the rule would have sealed.
    pub(super) fn is_clear(&self, record: &PlainRecord<'_>) -> bool {
        let is_tombstone = record.key.is_some() && record.value.is_none();
        match self.tombstones {
            Tombstones::All => record.clear && !is_tombstone,
            Tombstones::BesideSealed => record.clear,
            Tombstones::Enveloped => record.clear || record.unsealed && record.key.is_some(),
            Tombstones::None => record.clear || record.unsealed,
        }
    }

    pub(super) fn permits(&self, place: &Place, record: &PlainRecord<'_>) -> Result<(), CopyError> {
        if self.seals && has_envelope(&record.headers) {
            return Err(CopyError::Envelope(place.clone(), record.offset));
        }
        if !self.is_clear(record) {
            return Ok(());
        }
        let ends = self.clear_until.as_ref();
        let passes =
            ends.is_none_or(|ends| ends.get(&place.partition).is_some_and(|end| record.offset < *end));
        match (passes, self.seal_clear) {
            (false, _) => Err(CopyError::ClearRefused(place.clone(), record.offset)),
            (true, false) => Err(CopyError::ClearRecord(place.clone(), record.offset)),
            (true, true) => Ok(()),
        }
    }

    pub(super) fn stop(&self, place: &Place, unopened: Unopened) -> CopyError {
        if self.skip_unopened {
            CopyError::NotLost(place.clone(), unopened)
        } else {
            CopyError::Unopened(place.clone(), unopened)
        }
    }
}

/// Where history ends, of the partitions of which that is known.
fn ends(history: &History, source: &Topic) -> BTreeMap<i32, i64> {
    let Ok(id) = uuid::Uuid::parse_str(&source.id) else { return BTreeMap::new() };
    let id = TopicId(id.into_bytes());
    let end = |partition: &i32| match history.boundary(&source.name, id, *partition) {
        Boundary::At(end) => Some((*partition, end)),
        _ => None,
    };
    source.partitions.iter().filter_map(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_config::{TopicHistory, TopicName};
    use proxy_records::{Codec, ENVELOPE_HEADER_NAME, Headers, Record, Records, write_record};

    const REJECT: Care = Care {
        clear_until: Some(BTreeMap::new()),
        tombstones: Tombstones::All,
        seals: true,
        seal_clear: true,
        skip_unopened: true,
    };

    fn record(clear: bool, value: Option<&'static [u8]>) -> PlainRecord<'static> {
        PlainRecord {
            offset: 7,
            timestamp: Some(0),
            log_append_time: false,
            key: Some(b"k"),
            value,
            headers: Headers::NONE,
            codec: Codec::None,
            sealed: !clear,
            clear,
            unsealed: false,
        }
    }

    #[test]
    fn a_tombstone_is_in_clear_only_where_the_format_seals_it() {
        let place = Place { topic: "t".into(), partition: 3 };
        let permits = |tombstones, record| match (Care { tombstones, ..REJECT }).permits(&place, &record) {
            Ok(()) => true,
            Err(CopyError::ClearRefused(_, 7)) => false,
            Err(error) => panic!("{error}"),
        };
        let bare = || PlainRecord { key: None, ..record(true, None) };
        // A marked one, or one beside sealed records.
        let unsealed = || PlainRecord { unsealed: true, ..record(false, None) };
        let of = |tombstones| {
            [record(true, None), record(true, Some(b"")), bare(), unsealed(), record(false, None)]
                .map(|record| permits(tombstones, record))
        };
        assert_eq!(of(Tombstones::All), [true, false, false, true, true]);
        assert_eq!(of(Tombstones::BesideSealed), [false, false, false, true, true]);
        assert_eq!(of(Tombstones::Enveloped), [false, false, false, false, true]);
        // One without a key has a marker there.
        assert!(permits(Tombstones::Enveloped, PlainRecord { key: None, ..unsealed() }));
        assert_eq!(of(Tombstones::None), [false, false, false, false, true]);
    }

    #[test]
    fn an_envelope_that_is_not_sealed_once_more_is_named() {
        let mut envelope = vec![1, 2, 1, 1, 1, b'p', 1, b'k', 0, 1, 0];
        envelope.resize(envelope.len() + 32 + 16 + 12 + 8, 0);
        let stored = Record {
            attributes: 0,
            timestamp_delta: 0,
            offset_delta: 0,
            key: None,
            value: None,
            headers: Headers::NONE,
        };
        let mut section = Vec::new();
        write_record(&stored, Some((ENVELOPE_HEADER_NAME.as_bytes(), Some(&envelope))), &mut section)
            .unwrap();
        let headers = Records::new(&section, 1).next().unwrap().unwrap().headers;
        let record = PlainRecord { headers, ..record(false, Some(b"v")) };
        let place = Place { topic: "payments".into(), partition: 3 };
        let error = REJECT.permits(&place, &record).unwrap_err();
        assert!(matches!(error, CopyError::Envelope(_, 7)), "{error}");
        let error = error.to_string();
        assert!(error.contains("payments") && error.contains('3') && error.contains("offset 7"), "{error}");
        let clear = Care { seals: false, ..REJECT };
        assert!(clear.permits(&place, &record).is_ok(), "nothing is sealed");
    }

    #[test]
    fn history_ends_where_the_proxy_noted_it_and_nowhere_else() {
        let id = uuid::Uuid::from_bytes([7; 16]);
        let mut history = History::default();
        let name = TopicName::new("t").unwrap();
        assert!(history.add(TopicId([7; 16]), TopicHistory::new(name, vec![Some(5), None])));
        let topic = |id: String| Topic { name: "t".into(), id, partitions: vec![0, 1, 2] };
        // A partition that came later has no history.
        assert_eq!(ends(&history, &topic(id.to_string())), BTreeMap::from([(0, 5), (2, 0)]));
        let other = uuid::Uuid::from_bytes([8; 16]);
        assert!(ends(&history, &topic(other.to_string())).is_empty(), "a topic that was created again");
    }
}
