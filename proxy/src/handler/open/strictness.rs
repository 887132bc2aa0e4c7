//! What the policy says about a fetched partition.

use super::{Failure, Place};
use crate::handler::Code;
use crate::live::{Histories, LoadedPolicy, Passing};
use crate::metrics::labels::Refusal;
use proxy_config::{Decision, Format, Legacy, OnPlaintext, OnUnreadable, Pattern, TopicId, Winner};
use proxy_records::{ClearContent, OpenedStats};
use std::sync::Arc;

/// The first version of Fetch whose answers carry record headers, thus envelopes.
const FIRST_VERSION: i16 = 4;

/// What the rule of the topic says about what is not encrypted.
#[derive(Clone)]
pub(super) struct Strictness {
    /// Clear records at smaller offsets are delivered, others are an error.
    pub(super) clear_below: i64,
    /// That error.
    pub(super) clear_refused: Failure,
    /// The topic is or was encrypted: a record without key, value and headers is a stub without its envelope.
    pub(super) stubs_are_orphans: bool,
    /// Null values that lie in clear are delivered as they are, marked or not: where the rule's format seals them, they are
    /// clear records.
    pub(super) tombstones_pass: bool,
    /// Tombstones are sealed by themselves, so that only those without an envelope are clear records beside sealed ones.
    pub(super) tombstones_have_envelopes: bool,
    /// What stands in the place of records whose key is gone.
    pub(super) on_unreadable: OnUnreadable,
    /// What other programs encrypted there. It opens whatever the rule says of clear records.
    pub(super) legacy: Option<Arc<Legacy>>,
}

const ALL: i64 = i64::MAX;
const NONE: i64 = i64::MIN;

impl Strictness {
    const LENIENT: Self = Self {
        clear_below: ALL,
        clear_refused: Failure::PLAINTEXT,
        stubs_are_orphans: false,
        tombstones_pass: true,
        tombstones_have_envelopes: false,
        on_unreadable: OnUnreadable::Error,
        legacy: None,
    };

    /// Under a rule that lets history pass.
    fn until(histories: &Histories, pattern: &Pattern, place: &Place<'_>) -> Self {
        let id = place.id.map(TopicId);
        match histories.passing(pattern, place.topic, id, place.partition) {
            Passing::All => Self::LENIENT,
            // An end that a broker made up must not be taken for one of the marks.
            Passing::Below(end) => Self { clear_below: end.clamp(0, ALL - 1), ..Self::LENIENT },
            Passing::BelowForNow(end) => Self {
                clear_below: end.clamp(0, ALL - 1),
                clear_refused: Failure::HISTORY_UNKNOWN,
                ..Self::LENIENT
            },
            Passing::Unknown => {
                Self { clear_below: NONE, clear_refused: Failure::HISTORY_UNKNOWN, ..Self::LENIENT }
            }
        }
    }

    /// Whether what the rule says about clear records is about this batch. Where there is no record there is nothing to refuse.
    pub(super) fn concerns(&self, content: ClearContent) -> bool {
        match content {
            ClearContent::Nothing => false,
            ClearContent::Tombstones => !self.tombstones_pass,
            ClearContent::Data => true,
        }
    }

    /// The same about a batch with envelopes or markers: nobody vouches for null values where no record of the batch is sealed.
    /// Where one is, the batch is what a proxy wrote in record format, under another rule. Where tombstones are sealed by
    /// themselves, a record without key and value still has a marker.
    pub(super) fn concerns_some(&self, stats: &OpenedStats) -> bool {
        let null = if self.tombstones_have_envelopes {
            stats.unsealed_tombstones > 0
        } else {
            let is_vouched = self.tombstones_pass || stats.encrypted > 0;
            !is_vouched && (stats.markers > 0 || stats.tombstones > 0)
        };
        stats.clear > 0 || null
    }

    /// Whether clear records are delivered, by the highest of their offsets. It is only asked for where it matters; where
    /// there is none to trust, they are corrupt.
    pub(super) fn check(&self, last_offset: impl FnOnce() -> Option<i64>) -> Result<(), Failure> {
        match self.clear_below {
            ALL => Ok(()),
            NONE => Err(self.clear_refused),
            end => match last_offset() {
                Some(last) if last < end => Ok(()),
                Some(_) => Err(self.clear_refused),
                None => Err(Failure::CORRUPT),
            },
        }
    }

    /// Looks the topic up in the policy that the whole answer is opened under.
    pub(super) fn of(
        policy: Option<&LoadedPolicy>,
        histories: &Histories,
        place: &Place<'_>,
    ) -> Result<Self, Failure> {
        let unavailable = Failure { code: Code::KafkaStorageError, refusal: Refusal::KeyUnavailable };
        let policy = policy.ok_or(unavailable)?;
        let explanation = policy.effective.explain(place.topic);
        let strictness = match explanation.decision {
            Decision::Encrypt(rule) => Self {
                stubs_are_orphans: true,
                tombstones_pass: rule.format != Format::Batch && rule.pseudonym_key.is_none(),
                tombstones_have_envelopes: rule.pseudonym_key.is_some(),
                // Of a share group every record must be delivered or refused, since it was handed over.
                on_unreadable: place.fetch_version.map_or(OnUnreadable::Error, |_| rule.on_unreadable),
                ..match (rule.on_plaintext, explanation.winner) {
                    (OnPlaintext::Pass, _) => Self::LENIENT,
                    (OnPlaintext::PassUntil, Some(Winner::Rule { pattern, .. })) => {
                        Self::until(histories, pattern, place)
                    }
                    (OnPlaintext::PassUntil | OnPlaintext::Reject, _) => {
                        Self { clear_below: NONE, ..Self::LENIENT }
                    }
                }
            },
            Decision::Retired(OnPlaintext::Reject) => {
                Self { clear_below: NONE, stubs_are_orphans: true, ..Self::LENIENT }
            }
            // Others may write there already.
            Decision::Pending(_) | Decision::Retired(OnPlaintext::Pass | OnPlaintext::PassUntil) => {
                let end =
                    place.id.and_then(|id| histories.known_end(place.topic, TopicId(id), place.partition));
                Self { clear_below: end.unwrap_or(ALL), stubs_are_orphans: true, ..Self::LENIENT }
            }
            Decision::Disabled | Decision::Unmatched(_) => Self::LENIENT,
            // Nothing is encrypted there, and no client's data either.
            Decision::Internal => return Ok(Self::LENIENT),
        };
        // A broker strips the headers for these versions, so that envelopes cannot be told from data: on no topic.
        if place.fetch_version.is_some_and(|version| version < FIRST_VERSION) {
            return Err(Failure { code: Code::UnsupportedVersion, refusal: Refusal::UnsupportedVersion });
        }
        Ok(Self { legacy: explanation.legacy.cloned(), ..strictness })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_config::{EffectivePolicy, Ledger, Policy, ProviderName, TopicHistory, TopicName};
    use std::time::{Duration, SystemTime};

    const POLICY: &str = r#"{"rules": [
        {"topics": [{"prefix": "sealed."}], "key": {"name": "a"}, "onPlaintext": "Reject"},
        {"topics": [{"prefix": "whole."}], "key": {"name": "a"}, "onPlaintext": "Reject", "format": "Batch"},
        {"topics": [{"prefix": "keys."}], "key": {"name": "a"}, "onPlaintext": "Reject", "format": "Record",
         "recordKeys": {"pseudonymKey": "AAAA"}},
        {"topics": [{"prefix": "later."}], "encryption": "Pending", "key": {"name": "a"}},
        {"topics": [{"prefix": "refused."}], "encryption": "Retired"},
        {"topics": [{"prefix": "damaged."}], "encryption": "Retired", "key": {"name": "a"}, "onPlaintext": "Reject"},
        {"topics": [{"prefix": "open."}], "encryption": "Disabled"}]}"#;

    fn of(topic: &str, fetch_version: Option<i16>) -> Result<(bool, bool), Failure> {
        let place = Place { topic, id: None, partition: 0, fetch_version };
        under_policy(&Histories::new(None, Duration::ZERO), &place)
            .map(|strict| (strict.clear_below == NONE, strict.stubs_are_orphans))
    }

    fn under_policy(histories: &Histories, place: &Place<'_>) -> Result<Strictness, Failure> {
        let providers = [ProviderName::new("default").unwrap()].into();
        let ledger = Policy::parse(
            r#"{"rules": [{"topics": [{"prefix": "former."}], "key": {"name": "a"}}]}"#,
            &providers,
        );
        let ledger = Ledger::default().updated(&ledger.unwrap());
        let policy = Policy::parse(POLICY, &providers).unwrap();
        let loaded = LoadedPolicy {
            effective: EffectivePolicy::new(policy, ledger),
            hash: String::new(),
            generation: 1,
            loaded_at: SystemTime::UNIX_EPOCH,
        };
        Strictness::of(Some(&loaded), histories, place)
    }

    #[test]
    fn an_end_that_is_known_counts_after_and_before_the_rule_too() {
        for topic in ["former.a", "later.a", "refused.a"] {
            let histories = Histories::new(None, Duration::ZERO);
            let until = TopicHistory::new(TopicName::new(topic).unwrap(), vec![Some(7)]);
            histories.learn(TopicId([1; 16]), until).unwrap();
            let below = |id: u8, partition| {
                let place = Place { topic, id: Some([id; 16]), partition, fetch_version: Some(17) };
                under_policy(&histories, &place).unwrap().clear_below
            };
            assert_eq!((below(1, 0), below(1, 1), below(2, 0)), (7, 0, 0), "{topic}");
        }
    }

    #[test]
    fn clear_records_are_refused_by_rule_and_stubs_wherever_data_was_encrypted() {
        for (topic, expected) in [
            ("sealed.a", (true, true)),
            ("former.a", (false, true)),
            ("later.a", (false, true)),
            ("refused.a", (false, true)),
            ("damaged.a", (true, true)),
            ("open.a", (false, false)),
            ("other", (false, false)),
            ("__consumer_offsets", (false, false)),
        ] {
            for version in [Some(4), Some(17), None] {
                assert_eq!(of(topic, version).unwrap(), expected, "{topic} {version:?}");
            }
        }
    }

    #[test]
    fn tombstones_are_clear_records_only_where_the_format_seals_them() {
        let histories = Histories::new(None, Duration::ZERO);
        let concerned = |topic: &str| {
            let place = Place { topic, id: None, partition: 0, fetch_version: Some(17) };
            let strictness = under_policy(&histories, &place).unwrap();
            let contents = [ClearContent::Nothing, ClearContent::Tombstones, ClearContent::Data];
            contents.map(|content| strictness.concerns(content))
        };
        assert_eq!(concerned("sealed.a"), [false, false, true]);
        assert_eq!(concerned("whole.a"), [false, true, true]);
        assert_eq!(concerned("keys.a"), [false, true, true]);
        let concerned = |topic: &str| {
            let place = Place { topic, id: None, partition: 0, fetch_version: Some(17) };
            let strictness = under_policy(&histories, &place).unwrap();
            [0, 1].map(|encrypted| {
                let [marked, deleted, clear] = [1, 2, 3].map(|which| OpenedStats {
                    encrypted,
                    markers: usize::from(which == 1),
                    tombstones: usize::from(which == 2),
                    unsealed_tombstones: usize::from(which == 2),
                    clear: usize::from(which == 3),
                    ..OpenedStats::default()
                });
                [marked, deleted, clear].map(|stats| strictness.concerns_some(&stats))
            })
        };
        // By themselves, and beside a sealed record.
        assert_eq!(concerned("sealed.a"), [[false, false, true]; 2]);
        assert_eq!(concerned("whole.a"), [[true, true, true], [false, false, true]]);
        // A record without key and value has a marker there.
        assert_eq!(concerned("keys.a"), [[false, true, true]; 2]);
    }

    #[test]
    fn records_without_headers_go_out_from_internal_topics_only() {
        for topic in ["sealed.a", "former.a", "open.a", "other"] {
            assert_eq!(of(topic, Some(3)).unwrap_err().code, Code::UnsupportedVersion, "{topic}");
        }
        assert!(of("__consumer_offsets", Some(3)).is_ok());
    }

    #[test]
    fn below_an_end_only_offsets_to_trust_pass() {
        let below = Strictness { clear_below: 7, ..Strictness::LENIENT };
        assert_eq!(below.check(|| Some(6)), Ok(()));
        assert_eq!(below.check(|| Some(7)), Err(Failure::PLAINTEXT));
        assert_eq!(below.check(|| None), Err(Failure::CORRUPT));
        assert_eq!(Strictness::LENIENT.check(|| None), Ok(()));
        let none = Strictness { clear_below: NONE, ..Strictness::LENIENT };
        assert_eq!(none.check(|| Some(0)), Err(Failure::PLAINTEXT));
    }

    #[test]
    fn nothing_goes_out_before_a_policy_is_loaded() {
        let place = Place { topic: "other", id: None, partition: 0, fetch_version: Some(17) };
        assert_eq!(
            Strictness::of(None, &Histories::new(None, Duration::ZERO), &place).err().unwrap().code,
            Code::KafkaStorageError
        );
    }
}
