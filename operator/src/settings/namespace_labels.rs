//! Labels by which namespaces are chosen.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Labels that a namespace must have, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceLabels(BTreeMap<String, String>);

/// Why a text is no list of labels. What is left out of it would let more namespaces in, so none of it is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamespaceLabelsError {
    /// A part is no pair.
    #[error("METRICS_NAMESPACE_LABELS: '{0}' is not of the form name=value")]
    Pair(String),
    /// Two parts have the same name, of which a namespace has one value.
    #[error("METRICS_NAMESPACE_LABELS: the label {0} is there twice")]
    Twice(String),
}

impl NamespaceLabels {
    /// By name.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl FromStr for NamespaceLabels {
    type Err = NamespaceLabelsError;

    /// Parses `name=value,…`; nothing is no label.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut labels = BTreeMap::new();
        if text.trim().is_empty() {
            return Ok(Self(labels));
        }
        for pair in text.split(',').map(str::trim) {
            let (name, value) = pair
                .split_once('=')
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| NamespaceLabelsError::Pair(pair.to_owned()))?;
            if labels.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(NamespaceLabelsError::Twice(name.to_owned()));
            }
        }
        Ok(Self(labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pairs_and_nothing() {
        let read = |text: &str| {
            let labels = text.parse::<NamespaceLabels>().unwrap();
            labels.labels().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(read("a=b"), ["a=b"]);
        assert_eq!(
            read(" kubernetes.io/metadata.name=monitoring, team= "),
            ["kubernetes.io/metadata.name=monitoring", "team=",]
        );
        assert!(read("").is_empty() && read(" ").is_empty());
    }

    #[test]
    fn a_part_that_would_be_left_out_is_refused() {
        for (text, part) in [("a=b,c", "c"), ("c", "c"), ("a=b,", ""), ("a=b,=c", "=c")] {
            let refused = text.parse::<NamespaceLabels>();
            assert_eq!(refused, Err(NamespaceLabelsError::Pair(part.to_owned())), "{text}");
        }
        let twice = "a=b,a=c".parse::<NamespaceLabels>();
        assert_eq!(twice, Err(NamespaceLabelsError::Twice("a".to_owned())));
    }
}
