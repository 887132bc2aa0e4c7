//! A program as the text of a `policy.yaml`, and back.

use std::collections::BTreeSet;

use operator_api::{
    EnvelopeKeys, LegacyFormat, OnPlaintext, OnUnreadable, RecordFormat, RecordKeys, UnmatchedTopics,
};
use proxy_config::{KeyRef, KnownKeys, Pattern, PseudonymKey, Rotations, SealedHeaders};
use serde::{Deserialize, Serialize};

use super::{Encrypt, MergedRule, Program, Treatment};
use crate::policies::history::{self, TopicHistoryText};
use crate::policies::legacy;
use crate::policies::text::{self, KeyText, PatternText, TextError};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FileText {
    #[serde(default)]
    unmatched_topics: UnmatchedTopics,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    read_keys: Vec<KeyText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    envelope_keys: Option<EnvelopeKeys>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former_keys: Vec<KeyText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rotations: Vec<RotationText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<TopicHistoryText>,
    rules: Vec<RuleText>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleText {
    topics: Vec<PatternText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encryption: Option<EncryptionText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<KeyText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<RecordFormat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_plaintext: Option<OnPlaintext>,
    // From here on, left out where it is the default: older proxies refuse fields that they do not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_unreadable: Option<OnUnreadable>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record_keys: Option<RecordKeys>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    legacy: Vec<LegacyFormat>,
}

#[derive(Serialize, Deserialize)]
struct RotationText {
    #[serde(flatten)]
    key: KeyText,
    mark: String,
}

impl RotationText {
    fn new((key, mark): (&KeyRef, &str)) -> Self {
        Self { key: KeyText(key.clone()), mark: mark.to_owned() }
    }
}

#[derive(Serialize, Deserialize)]
enum EncryptionText {
    Pending,
    Retired,
    Disabled,
}

impl Program {
    /// The text of a `policy.yaml` that means this: the same for the same program. Patterns of one policy that are treated
    /// alike make one rule.
    pub fn to_yaml(&self) -> String {
        let mut groups: Vec<(&MergedRule, Vec<Pattern>)> = Vec::new();
        for rule in self.rules() {
            let alike = |first: &MergedRule| first.treatment == rule.treatment && first.source == rule.source;
            match groups.iter_mut().find(|(first, _)| alike(first)) {
                Some((_, patterns)) => patterns.push(rule.pattern.clone()),
                None => groups.push((rule, vec![rule.pattern.clone()])),
            }
        }
        let file = FileText {
            unmatched_topics: self.unmatched,
            read_keys: self.read_keys.iter().cloned().map(KeyText).collect(),
            envelope_keys: self.known_keys.only.then_some(EnvelopeKeys::Known),
            former_keys: self.known_keys.former.iter().cloned().map(KeyText).collect(),
            rotations: self.rotations.marks().map(RotationText::new).collect(),
            history: history::text(&self.history),
            rules: groups
                .into_iter()
                .map(|(first, patterns)| rule_text(&first.treatment, patterns))
                .collect(),
        };
        text::write(&file)
    }

    /// Reads a `policy.yaml` that the operator wrote, for instance to learn what proxies were told last.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let file: FileText = serde_yaml::from_str(text).map_err(TextError::Form)?;
        let read_keys: BTreeSet<_> = file.read_keys.into_iter().map(|KeyText(key)| key).collect();
        let history = history::read(file.history);
        let known_keys = KnownKeys {
            only: file.envelope_keys == Some(EnvelopeKeys::Known),
            former: file.former_keys.into_iter().map(|KeyText(key)| key).collect(),
        };
        let rotations = Rotations::new(file.rotations.into_iter().map(|each| (each.key.0, each.mark)));
        let unmatched = file.unmatched_topics;
        let mut program = Self { unmatched, read_keys, known_keys, rotations, history, ..Self::default() };
        for (rule_index, rule) in file.rules.iter().enumerate() {
            let treatment = treatment(rule)
                .map_err(|problem| TextError::Rule { field: format!("rules[{rule_index}]"), problem })?;
            for (index, PatternText(pattern)) in rule.topics.iter().enumerate() {
                let rule =
                    MergedRule { pattern: pattern.clone(), treatment: treatment.clone(), source: None };
                if program.rules.insert(pattern.clone(), rule).is_some() {
                    let field = format!("rules[{rule_index}].topics[{index}]");
                    return Err(TextError::Duplicate { field, pattern: pattern.clone() });
                }
            }
        }
        Ok(program)
    }
}

fn rule_text(treatment: &Treatment, patterns: Vec<Pattern>) -> RuleText {
    let topics = patterns.into_iter().map(PatternText).collect();
    let plain = RuleText {
        topics,
        encryption: None,
        key: None,
        format: None,
        on_plaintext: None,
        on_unreadable: None,
        headers: Vec::new(),
        record_keys: None,
        legacy: Vec::new(),
    };
    match treatment {
        Treatment::Encrypt(Encrypt {
            key,
            format,
            on_plaintext,
            on_unreadable,
            headers,
            pseudonym_key,
            legacy,
        }) => {
            let record_keys = |key: &PseudonymKey| RecordKeys { pseudonym_key: key.to_string() };
            RuleText {
                key: Some(KeyText(key.clone())),
                format: Some(*format),
                on_plaintext: Some(*on_plaintext),
                on_unreadable: Some(*on_unreadable).filter(|each| *each != OnUnreadable::Error),
                headers: headers.names().map(str::to_owned).collect(),
                record_keys: pseudonym_key.as_ref().map(record_keys),
                legacy: legacy::entries(legacy),
                ..plain
            }
        }
        Treatment::Pending { key, legacy } => RuleText {
            encryption: Some(EncryptionText::Pending),
            key: Some(KeyText(key.clone())),
            legacy: legacy::entries(legacy),
            ..plain
        },
        Treatment::Retired { key, on_plaintext } => RuleText {
            encryption: Some(EncryptionText::Retired),
            key: key.clone().map(KeyText),
            on_plaintext: Some(*on_plaintext).filter(|each| *each != OnPlaintext::Pass),
            ..plain
        },
        Treatment::Clear => RuleText { encryption: Some(EncryptionText::Disabled), ..plain },
    }
}

fn treatment(rule: &RuleText) -> Result<Treatment, &'static str> {
    let key = rule.key.clone().map(|KeyText(key)| key);
    let is_retired = matches!(rule.encryption, Some(EncryptionText::Retired));
    let how = rule.format.is_some()
        || (rule.on_plaintext.is_some() && !is_retired)
        || rule.on_unreadable.is_some()
        || !rule.headers.is_empty()
        || rule.record_keys.is_some();
    if rule.encryption.is_some() && how {
        return Err(
            "must not have format, onPlaintext, onUnreadable, headers or recordKeys beside encryption",
        );
    }
    let headers = rule.headers.iter().map(String::as_str);
    let headers = SealedHeaders::of(headers).map_err(|_| "has no valid headers")?;
    let pseudonym_key = rule.record_keys.as_ref().map(|keys| keys.pseudonym_key.parse()).transpose();
    let pseudonym_key = pseudonym_key.map_err(|_| "has no valid recordKeys")?;
    // Whatever stands there was written by an operator.
    let legacy = legacy::read(&rule.legacy, key.as_ref(), None).map_err(|_| "has no valid legacy")?;
    if matches!(rule.encryption, Some(EncryptionText::Retired | EncryptionText::Disabled))
        && !legacy.is_empty()
    {
        return Err("must not have legacy beside this encryption");
    }
    match (&rule.encryption, key) {
        (None, Some(key)) => Ok(Treatment::Encrypt(Encrypt {
            key,
            format: rule.format.unwrap_or_default(),
            on_plaintext: rule.on_plaintext.unwrap_or_default(),
            on_unreadable: rule.on_unreadable.unwrap_or_default(),
            headers,
            pseudonym_key,
            legacy,
        })),
        (Some(EncryptionText::Pending), Some(key)) => Ok(Treatment::Pending { key, legacy }),
        (Some(EncryptionText::Retired), key) => {
            Ok(Treatment::Retired { key, on_plaintext: rule.on_plaintext.unwrap_or_default() })
        }
        (Some(EncryptionText::Disabled), None) => Ok(Treatment::Clear),
        (Some(EncryptionText::Disabled), Some(_)) => Err("must not have a key beside encryption: Disabled"),
        (None | Some(EncryptionText::Pending), None) => Err("must have a key"),
    }
}
