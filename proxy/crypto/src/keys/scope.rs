//! Which topics a call of a provider is for, as the audit log tells it.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::context::KmsContext;

/// So many stand in a line; the others are counted.
const LISTED: usize = 16;
/// What a topic's name may have, and what a pattern says of it.
const LONGEST: usize = 260;

/// Topics or patterns of them, as far as they stand in a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Topics {
    pub(super) listed: String,
    /// Those that are not listed.
    pub(super) more: u64,
    count: usize,
}

/// The topics that keys serve, by provider and key.
#[derive(Default)]
pub(super) struct Scopes(ArcSwap<HashMap<String, HashMap<String, Arc<Topics>>>>);

impl Topics {
    /// One topic, which a client chose and a broker has.
    pub(super) fn of(topic: &str) -> Self {
        let mut topics = Self::default();
        topics.add(&format!("name {topic}"));
        topics
    }

    fn add(&mut self, pattern: &str) {
        if self.count >= LISTED {
            self.more = self.more.saturating_add(1);
            return;
        }
        if self.count > 0 {
            self.listed.push_str(", ");
        }
        self.listed.extend(pattern.chars().take(LONGEST));
        self.count = self.count.saturating_add(1);
    }
}

impl Scopes {
    /// Takes patterns with provider and key, in place of those of before.
    pub(super) fn replace<P: Into<String>, K: Into<String>>(
        &self,
        patterns: impl IntoIterator<Item = (P, K, String)>,
    ) {
        let mut scopes: HashMap<String, HashMap<String, Topics>> = HashMap::new();
        for (provider, key, pattern) in patterns {
            scopes.entry(provider.into()).or_default().entry(key.into()).or_default().add(&pattern);
        }
        let shared = |keys: HashMap<String, Topics>| {
            keys.into_iter().map(|(key, topics)| (key, Arc::new(topics))).collect::<HashMap<_, _>>()
        };
        let scopes = scopes.into_iter().map(|(provider, keys)| (provider, shared(keys))).collect();
        self.0.store(Arc::new(scopes));
    }

    /// What a key serves; none where no rule names it.
    pub(super) fn of(&self, context: &KmsContext) -> Option<Arc<Topics>> {
        self.0.load().get(context.provider.as_str())?.get(context.key.as_str()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{ClusterName, KeyName, ProviderName};

    fn context(provider: &str, key: &str) -> KmsContext {
        KmsContext {
            cluster: ClusterName::new("c").unwrap(),
            provider: ProviderName::new(provider).unwrap(),
            key: KeyName::new(key).unwrap(),
        }
    }

    #[test]
    fn a_key_serves_the_patterns_of_its_own_rules() {
        let scopes = Scopes::default();
        assert_eq!(scopes.of(&context("p", "k")), None);
        let pattern = |provider: &str, key: &str, pattern: &str| {
            (provider.to_owned(), key.to_owned(), pattern.to_owned())
        };
        scopes.replace([
            pattern("p", "k", "name a"),
            pattern("q", "k", "any"),
            pattern("p", "k", "prefix b."),
        ]);
        let listed = |provider: &str| scopes.of(&context(provider, "k")).unwrap().listed.clone();
        assert_eq!((listed("p"), listed("q")), ("name a, prefix b.".to_owned(), "any".to_owned()));
        scopes.replace([pattern("p", "other", "any")]);
        assert_eq!(scopes.of(&context("p", "k")), None, "of an earlier policy");
    }

    #[test]
    fn however_much_there_is_a_line_is_short() {
        let scopes = Scopes::default();
        scopes.replace((0..1000).map(|index| ("p", "k", format!("name {index:0>9999}"))));
        let topics = scopes.of(&context("p", "k")).unwrap();
        assert_eq!((topics.listed.matches("name ").count(), topics.more), (LISTED, 984));
        assert!(topics.listed.len() < LISTED * (LONGEST + 2));
        assert_eq!(Topics::of(&"é".repeat(9999)).listed.chars().count(), LONGEST);
        assert_eq!(Topics::of("orders").listed, "name orders");
    }
}
