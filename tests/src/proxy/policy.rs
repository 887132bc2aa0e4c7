//! A policy file, made of rules.

use serde_json::{Map, Value, json};

/// Some topics.
#[derive(Debug, Clone)]
pub struct Pattern(Value);

/// A rule of a policy.
#[derive(Debug, Clone)]
pub struct Rule(Map<String, Value>);

/// What `policy.yaml` says.
#[derive(Debug, Clone, Default)]
pub struct PolicyFile {
    rules: Vec<Rule>,
    read_keys: Vec<String>,
    unmatched: Option<String>,
    history: Option<Value>,
    others: Map<String, Value>,
}

impl Pattern {
    /// One topic.
    pub fn name(name: &str) -> Self {
        Self(json!({"name": name}))
    }

    /// All topics that begin so.
    pub fn prefix(prefix: &str) -> Self {
        Self(json!({"prefix": prefix}))
    }

    /// All topics.
    pub fn any() -> Self {
        Self(json!({"any": true}))
    }
}

impl Rule {
    /// Topics that are encrypted with this key of the default provider.
    pub fn encrypt(topics: impl IntoIterator<Item = Pattern>, key: &str) -> Self {
        Self::of(topics).field("key", json!({"name": key}))
    }

    /// Topics that are clear, explicitly.
    pub fn disabled(topics: impl IntoIterator<Item = Pattern>) -> Self {
        Self::of(topics).field("encryption", "Disabled")
    }

    /// Topics that are to be encrypted with this key as soon as a later policy says how.
    pub fn pending(topics: impl IntoIterator<Item = Pattern>, key: &str) -> Self {
        Self::encrypt(topics, key).field("encryption", "Pending")
    }

    /// Topics that are only read.
    pub fn retired(topics: impl IntoIterator<Item = Pattern>) -> Self {
        Self::of(topics).field("encryption", "Retired")
    }

    /// `Auto`, `Batch` or `Record`.
    #[must_use]
    pub fn format(self, format: &str) -> Self {
        self.field("format", format)
    }

    /// `Pass`, `PassUntil` or `Reject`.
    #[must_use]
    pub fn on_plaintext(self, what: &str) -> Self {
        self.field("onPlaintext", what)
    }

    /// `Error`, `Skip` or `Tombstone`.
    #[must_use]
    pub fn on_unreadable(self, what: &str) -> Self {
        self.field("onUnreadable", what)
    }

    /// In record format, with values of headers sealed whose names payloads have, and of `secret`.
    #[must_use]
    pub fn seal_headers(self) -> Self {
        self.format("Record").field("headers", vec!["secret", "trace", "nothing", "only", "größe"])
    }

    /// In record format, with pseudonyms in place of records' keys, under a [key](super::Proxy::pseudonym_key) for them.
    #[must_use]
    pub fn pseudonyms(self, key: &str) -> Self {
        self.format("Record").field("recordKeys", json!({"pseudonymKey": key}))
    }

    /// Any field.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    fn of(topics: impl IntoIterator<Item = Pattern>) -> Self {
        let topics: Vec<Value> = topics.into_iter().map(|pattern| pattern.0).collect();
        Self(Map::new()).field("topics", topics)
    }
}

impl PolicyFile {
    /// A policy of these rules.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self { rules: rules.into_iter().collect(), ..Self::default() }
    }

    /// With a key of the default provider that is tried though no rule names it.
    #[must_use]
    pub fn read_key(mut self, name: &str) -> Self {
        self.read_keys.push(name.to_owned());
        self
    }

    /// With one rule more.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// With what is known of where history ends.
    #[must_use]
    pub fn history(mut self, history: Value) -> Self {
        self.history = Some(history);
        self
    }

    /// Any field.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.others.insert(name.to_owned(), value.into());
        self
    }

    /// `Passthrough` or `Reject`.
    #[must_use]
    pub fn unmatched_topics(mut self, what: &str) -> Self {
        self.unmatched = Some(what.to_owned());
        self
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let rules: Vec<&Map<String, Value>> = self.rules.iter().map(|rule| &rule.0).collect();
        let mut policy = json!({ "rules": rules });
        if !self.read_keys.is_empty() {
            policy["readKeys"] = self.read_keys.iter().map(|name| json!({"name": name})).collect();
        }
        if let Some(unmatched) = &self.unmatched {
            policy["unmatchedTopics"] = unmatched.as_str().into();
        }
        if let Some(history) = &self.history {
            policy["history"] = history.clone();
        }
        for (name, value) in &self.others {
            policy[name] = value.clone();
        }
        policy.to_string()
    }

    /// The keys that it names, each once.
    pub fn keys(&self) -> Vec<String> {
        let of_rules = self.rules.iter().filter_map(|rule| Some(rule.0.get("key")?["name"].as_str()?.into()));
        let mut keys: Vec<String> = of_rules.chain(self.read_keys.iter().cloned()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}
