//! "Did you mean": the known name that an unknown one resembles.

/// Names further apart than this are not a slip of the keyboard.
const MOST_EDITS: usize = 2;

/// The nearest of the known names, if one is near enough.
pub(super) fn did_you_mean(name: &str, known: &[&'static str]) -> Option<&'static str> {
    // Distance is quadratic in the length, and no known name is this long.
    if name.len() > 40 {
        return None;
    }
    let lower = name.to_lowercase();
    let distance = |candidate: &str| edits(&lower, &candidate.to_lowercase());
    // Short names resemble each other by accident.
    let most = MOST_EDITS.min(name.chars().count() / 2);
    known
        .iter()
        .copied()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(edits, _)| *edits <= most)
        .min()
        .map(|(_, name)| name)
}

/// The number of characters to insert, remove or replace (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = row[j] + usize::from(a != *b);
            next.push(replaced.min(row[j + 1] + 1).min(next[j] + 1));
        }
        row = next;
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_near_names() {
        let known = &["bind", "brokerPorts", "tls"];
        assert_eq!(did_you_mean("brokerports", known), Some("brokerPorts"));
        assert_eq!(did_you_mean("brokerPort", known), Some("brokerPorts"));
        assert_eq!(did_you_mean("bnd", known), Some("bind"));
        assert_eq!(did_you_mean("ca", known), None);
        assert_eq!(did_you_mean("listeners", known), None);
        assert_eq!(did_you_mean(&"b".repeat(1000), known), None);
    }
}
