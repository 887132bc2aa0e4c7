//! The policy as a file.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::known_keys::{KnownKeys, key_set};
use super::ledger::KeyRef;
use super::rotations::Rotations;
use super::rule::Rule;
use super::{History, Policy, UnmatchedTopics, check_patterns};
use crate::error::{ConfigErrors, Mistakes};
use crate::file::{MAX_FILE_BYTES, read_text};
use crate::name::ProviderName;
use crate::reader::Field;
use crate::yaml;

/// The form of the file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyText<'a> {
    unmatched_topics: UnmatchedTopics,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    read_keys: &'a BTreeSet<KeyRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    envelope_keys: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    former_keys: &'a BTreeSet<KeyRef>,
    #[serde(skip_serializing_if = "Rotations::is_empty")]
    rotations: &'a Rotations,
    #[serde(skip_serializing_if = "History::is_empty")]
    history: &'a History,
    rules: &'a [Rule],
}

impl Policy {
    /// Parses the text of a policy, whose rules may use the given key providers.
    pub fn parse(text: &str, providers: &BTreeSet<ProviderName>) -> Result<Self, ConfigErrors> {
        let node = yaml::parse(text, MAX_FILE_BYTES)?;
        let mistakes = Mistakes::default();
        let policy = Self::read(&Field::root(&node, &mistakes), providers);
        let policy = mistakes.or_value(policy)?;
        Ok(Self { text_bytes: text.len(), ..policy })
    }

    /// Reads and parses a file.
    pub fn load(path: &Path, providers: &BTreeSet<ProviderName>) -> Result<Self, ConfigErrors> {
        Self::parse(&read_text(path)?, providers).map_err(|errors| errors.in_file(path))
    }

    /// The text of a file that means this, with every default written out.
    pub fn to_yaml(&self) -> String {
        yaml::write(self)
    }

    fn read(root: &Field<'_>, providers: &BTreeSet<ProviderName>) -> Option<Self> {
        let fields = root.fields(&[
            "unmatchedTopics",
            "readKeys",
            "envelopeKeys",
            "formerKeys",
            "rotations",
            "history",
            "rules",
        ])?;
        let unmatched = fields.optional("unmatchedTopics").and_then(|field| {
            field
                .choice(&[("Passthrough", UnmatchedTopics::Passthrough), ("Reject", UnmatchedTopics::Reject)])
        });
        let read_keys = fields.optional("readKeys").and_then(|field| key_set(field, Some(providers)));
        let known_keys = KnownKeys::read(&fields);
        let rotations = fields.optional("rotations").and_then(Rotations::read);
        let history = fields.optional("history").and_then(History::read);
        // Required though it may be empty: a file cut off before its rules must not pass for a policy without
        // any.
        let items = fields.required("rules").and_then(Field::items)?;
        let rules: Vec<_> = items.iter().map(|item| Rule::read(item, providers)).collect();
        check_patterns(rules.iter().map(Option::as_ref), root.mistakes());
        let policy = Self::indexed(unmatched.unwrap_or_default(), rules.into_iter().collect::<Option<_>>()?);
        let policy = policy.with_read_keys(read_keys.unwrap_or_default()).with_known_keys(known_keys);
        Some(policy.with_rotations(rotations.unwrap_or_default()).with_history(history.unwrap_or_default()))
    }
}

impl Serialize for Policy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { unmatched, read_keys, known_keys, rotations, history, rules, .. } = self;
        let KnownKeys { only, former } = known_keys;
        let text = PolicyText {
            unmatched_topics: *unmatched,
            read_keys,
            envelope_keys: only.then_some("Known"),
            former_keys: former,
            rotations,
            history,
            rules,
        };
        text.serialize(serializer)
    }
}
