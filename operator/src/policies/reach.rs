//! Whether a pattern can ever win.

use proxy_config::{Pattern, TopicName, TopicPrefix, is_internal_topic};

use super::pattern_map::{PatternMap, text};

/// What names of topics are made of.
const CHARACTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
/// Kafka's bound.
const LONGEST_NAME: usize = 249;

/// Whether there could be a topic for which no narrower pattern of the map wins over this one.
pub(super) fn can_win<T>(map: &PatternMap<T>, pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Name(name) => !is_internal_topic(name.as_str()),
        Pattern::Prefix(_) | Pattern::Any => leaves_room(map, text(pattern)),
    }
}

/// Whether some topic that begins so is matched by no name and no longer prefix. Ends early almost always: patterns that
/// leave no room need one for each character.
fn leaves_room<T>(map: &PatternMap<T>, start: &str) -> bool {
    let itself = TopicName::new(start)
        .is_ok_and(|name| !is_internal_topic(start) && map.get(&Pattern::Name(name)).is_none());
    itself
        || start.len() < LONGEST_NAME
            && CHARACTERS.chars().any(|next| {
                let longer = format!("{start}{next}");
                TopicPrefix::new(longer.as_str())
                    .is_ok_and(|prefix| map.get(&Pattern::Prefix(prefix)).is_none())
                    && leaves_room(map, &longer)
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Pattern {
        Pattern::Name(TopicName::new(text).unwrap())
    }

    fn prefix(text: &str) -> Pattern {
        Pattern::Prefix(TopicPrefix::new(text).unwrap())
    }

    fn wins(patterns: &[Pattern], pattern: &Pattern) -> bool {
        let map: PatternMap<()> = patterns.iter().cloned().map(|pattern| (pattern, ())).collect();
        can_win(&map, pattern)
    }

    #[test]
    fn a_prefix_with_narrower_patterns_still_wins_for_other_topics() {
        assert!(wins(&[prefix("a"), prefix("a."), name("a")], &prefix("a")));
        assert!(wins(&[prefix("a"), Pattern::Any], &Pattern::Any));
    }

    #[test]
    fn a_prefix_whose_every_topic_has_a_narrower_pattern_never_wins() {
        let longest = "x".repeat(LONGEST_NAME);
        assert!(wins(&[prefix(&longest)], &prefix(&longest)));
        assert!(!wins(&[prefix(&longest), name(&longest)], &prefix(&longest)));
        let mut all: Vec<_> = CHARACTERS.chars().map(|next| prefix(&format!("a{next}"))).collect();
        assert!(wins(&all, &prefix("a")));
        all.push(name("a"));
        assert!(!wins(&all, &prefix("a")));
    }

    #[test]
    fn the_name_of_an_internal_topic_never_wins() {
        assert!(!wins(&[], &name("__consumer_offsets")));
        assert!(wins(&[], &prefix("__consumer_offsets")));
    }
}
