//! The rules of one policy, read: which patterns it claims, and what is wrong with it.

use std::collections::{BTreeMap, HashMap};

use operator_api::{Encryption, KeyRef as KeySpec, OnPlaintext, OnUnreadable, PolicyRule, RecordFormat};
use proxy_config::{
    InvalidPseudonymKey, KeyRef, Pattern, ProviderName, PseudonymKey, SealedHeaders, internal_topics,
    is_internal_topic,
};

use super::legacy;
use super::pattern_map::text;
use super::program::{Encrypt, Treatment};
use super::submission::ProviderKind;
use super::text::{key, pattern};
use super::verdict::{Problem, Warning, WarningKind};
use crate::local_keys::LONGEST_NAME;

/// A pattern that a policy wants to decide about.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    /// Its place, such as `rules[0].topics[1]`.
    pub(super) field: String,
    /// The rule it stands in.
    pub(super) rule: usize,
    /// Which topics.
    pub(super) pattern: Pattern,
    /// What should happen to them; `Retired` if they should be encrypted by a rule that cannot be carried out.
    pub(super) treatment: Treatment,
}

/// The rules of one policy, read.
#[derive(Debug, Default)]
pub(super) struct PolicyReading {
    pub(super) claims: Vec<Claim>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}

impl PolicyReading {
    /// Reads as much as there is sense in, even of a policy with mistakes: its topics must not be clear.
    pub(super) fn read(rules: &[PolicyRule], providers: &BTreeMap<ProviderName, ProviderKind>) -> Self {
        let mut read = Self::default();
        let mut places: HashMap<Pattern, String> = HashMap::new();
        for (index, rule) in rules.iter().enumerate() {
            let treatment = read.treatment(index, rule, providers);
            for (topic, spec) in rule.topics.iter().enumerate() {
                let field = format!("rules[{index}].topics[{topic}]");
                let pattern = match pattern(spec) {
                    Ok(pattern) => pattern,
                    Err(error) if error.field.is_empty() => {
                        read.problem(field, error.problem);
                        continue;
                    }
                    Err(error) => {
                        read.problem(format!("{field}.{}", error.field), error.problem);
                        continue;
                    }
                };
                // Such a policy is refused, so both claims go on to say which topics are.
                if let Some(first) = places.get(&pattern) {
                    let message = format!("is the same pattern as {first}, {pattern}: remove one of them");
                    read.problem(field.clone(), message);
                } else {
                    places.insert(pattern.clone(), field.clone());
                }
                if read.takes_effect(&field, &pattern) {
                    read.claims.push(Claim { field, rule: index, pattern, treatment: treatment.clone() });
                }
            }
        }
        read
    }

    fn treatment(
        &mut self,
        index: usize,
        rule: &PolicyRule,
        providers: &BTreeMap<ProviderName, ProviderKind>,
    ) -> Treatment {
        let field = format!("rules[{index}].key");
        match (rule.encryption, &rule.key) {
            (Some(Encryption::Disabled), None) => match beside_disabled(rule) {
                None => Treatment::Clear,
                Some(field) => {
                    let message = "must not be given together with encryption: Disabled";
                    self.problem(format!("rules[{index}].{field}"), message);
                    Treatment::retired(None)
                }
            },
            (None, Some(spec)) => {
                let Some(key) = self.key(&field, spec, providers) else {
                    return Treatment::retired(key(spec).ok());
                };
                let legacy = match legacy::read(&rule.legacy, Some(&key), Some(providers)) {
                    Ok(legacy) => legacy,
                    Err((field, message)) => {
                        self.problem(format!("rules[{index}].{field}"), message);
                        return Treatment::retired(Some(key));
                    }
                };
                let Some(headers) = self.headers(index, rule) else {
                    return Treatment::retired(Some(key));
                };
                let pseudonym_key = match pseudonym_key(rule) {
                    Ok(pseudonym_key) => pseudonym_key,
                    Err((field, message)) => {
                        self.problem(format!("rules[{index}].{field}"), message);
                        return Treatment::retired(Some(key));
                    }
                };
                if rule.on_plaintext == OnPlaintext::Pass {
                    self.warn(
                        WarningKind::PlaintextPasses,
                        format!("rules[{index}].onPlaintext"),
                        "Pass delivers records that were written in clear: say Reject once the topics hold none",
                    );
                }
                if rule.on_unreadable != OnUnreadable::Error {
                    let message = format!(
                        "{} lets consumers go past records whose key is gone, also where it was taken away by mistake: they do not \
                         come back to them",
                        rule.on_unreadable.as_str()
                    );
                    self.warn(
                        WarningKind::UnreadableSkipped,
                        format!("rules[{index}].onUnreadable"),
                        message,
                    );
                }
                Treatment::Encrypt(Encrypt {
                    key,
                    format: rule.format,
                    on_plaintext: rule.on_plaintext,
                    on_unreadable: rule.on_unreadable,
                    headers,
                    pseudonym_key,
                    legacy,
                })
            }
            (None, None) => {
                self.problem(field, "is required: name the key, or say encryption: Disabled");
                Treatment::retired(None)
            }
            (Some(Encryption::Disabled), Some(spec)) => {
                self.problem(field, "must not be given together with encryption: Disabled");
                Treatment::retired(key(spec).ok())
            }
        }
    }

    /// Headers that the rule encrypts; `None` where that is a mistake, so that nothing is written that it does not protect.
    fn headers(&mut self, index: usize, rule: &PolicyRule) -> Option<SealedHeaders> {
        let field = format!("rules[{index}].headers");
        if !rule.headers.is_empty() && rule.format != RecordFormat::Record {
            self.problem(field, "must only be given together with format: Record");
            return None;
        }
        match SealedHeaders::of(rule.headers.iter().map(String::as_str)) {
            Ok(headers) => Some(headers),
            Err(error) => {
                self.problem(field, error.to_string());
                None
            }
        }
    }

    fn key(
        &mut self,
        field: &str,
        spec: &KeySpec,
        providers: &BTreeMap<ProviderName, ProviderKind>,
    ) -> Option<KeyRef> {
        let key = match key(spec) {
            Ok(key) => key,
            Err(error) => {
                self.problem(format!("{field}.{}", error.field), error.problem);
                return None;
            }
        };
        let problem = match providers.get(&key.provider) {
            None => {
                let known: Vec<_> = providers.keys().map(ProviderName::as_str).collect();
                let problem = format!(
                    "no key provider is named {}: the EncryptionProxy has {}",
                    key.provider,
                    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                );
                Some(("provider", problem))
            }
            Some(ProviderKind::Local) if key.name.as_str().contains('/') => {
                Some(("name", "must not have a '/', since local keys are entries of a Secret".to_owned()))
            }
            Some(ProviderKind::Local) if key.name.as_str().len() > LONGEST_NAME => {
                Some(("name", format!("must have at most {LONGEST_NAME} characters for a local key")))
            }
            Some(ProviderKind::Local | ProviderKind::Remote) => None,
        };
        let Some((part, problem)) = problem else { return Some(key) };
        self.problem(format!("{field}.{part}"), problem);
        None
    }

    /// Whether a rule can apply to a pattern at all; says so if it names internal topics.
    fn takes_effect(&mut self, field: &str, pattern: &Pattern) -> bool {
        let internal = |start: &str| internal_topics().find(|topic| topic.starts_with(start));
        match pattern {
            Pattern::Name(name) if is_internal_topic(name.as_str()) => {
                let message = format!("{name} is an internal topic of Kafka, which no rule applies to");
                self.warn(WarningKind::InternalTopic, format!("{field}.name"), message);
                return false;
            }
            Pattern::Prefix(prefix) => {
                if let Some(topic) = internal(text(pattern)) {
                    let message = format!(
                        "topics that begin with {prefix} include {topic}, an internal topic of Kafka, which no rule \
                         applies to"
                    );
                    self.warn(WarningKind::InternalTopic, format!("{field}.prefix"), message);
                }
            }
            Pattern::Name(_) | Pattern::Any => {}
        }
        true
    }

    fn problem(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { field: field.into(), message: message.into() });
    }

    fn warn(&mut self, kind: WarningKind, field: String, message: impl Into<String>) {
        self.warnings.push(Warning { kind, field, message: message.into() });
    }
}

/// The key for pseudonyms, if the rule has one, or the field with what is wrong about it.
fn pseudonym_key(rule: &PolicyRule) -> Result<Option<PseudonymKey>, (&'static str, String)> {
    let Some(spec) = &rule.record_keys else { return Ok(None) };
    if rule.format != RecordFormat::Record {
        return Err(("recordKeys", "must only be given together with format: Record".to_owned()));
    }
    let parsed: Result<PseudonymKey, InvalidPseudonymKey> = spec.pseudonym_key.parse();
    parsed.map(Some).map_err(|error| ("recordKeys.pseudonymKey", error.to_string()))
}

/// A field that says something of topics that are to be clear.
fn beside_disabled(rule: &PolicyRule) -> Option<&'static str> {
    let given = [
        ("legacy", !rule.legacy.is_empty()),
        ("headers", !rule.headers.is_empty()),
        ("recordKeys", rule.record_keys.is_some()),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(field, _)| field)
}
