//! Which version of Strimzi's API to use.

/// Versions that we can read, the best first. What they differ in is nothing that we read.
const KNOWN: [&str; 2] = ["v1", "v1beta2"];

/// Those of the served versions that we can read, the best first; none if Strimzi is not there or is of another age.
pub fn known_versions<'a>(served: &[&'a str]) -> Vec<&'a str> {
    KNOWN.iter().filter_map(|known| served.iter().copied().find(|served| served == known)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1_is_preferred_where_both_are_served() {
        assert_eq!(known_versions(&["v1beta2", "v1"]), ["v1", "v1beta2"]);
        assert_eq!(known_versions(&["v1"]), ["v1"]);
    }

    #[test]
    fn v1beta2_serves_for_older_versions() {
        assert_eq!(known_versions(&["v1beta1", "v1beta2"]), ["v1beta2"]);
    }

    #[test]
    fn without_the_kinds_there_is_no_version() {
        assert_eq!(known_versions(&[]), [""; 0]);
        assert_eq!(known_versions(&["v2", "v1alpha1"]), [""; 0]);
    }
}
