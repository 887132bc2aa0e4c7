//! Which version of Strimzi's API to use.

/// Versions that we can read, the best first. What they differ in is nothing that we read.
const KNOWN: [&str; 2] = ["v1", "v1beta2"];

/// The best of the served versions, by discovery; none if Strimzi is not there or is of another age.
pub fn choose_version<'a>(served: &[&'a str]) -> Option<&'a str> {
    KNOWN.iter().find_map(|known| served.iter().copied().find(|served| served == known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1_is_preferred_where_both_are_served() {
        assert_eq!(choose_version(&["v1beta2", "v1"]), Some("v1"));
        assert_eq!(choose_version(&["v1"]), Some("v1"));
    }

    #[test]
    fn v1beta2_serves_for_older_versions() {
        assert_eq!(choose_version(&["v1beta1", "v1beta2"]), Some("v1beta2"));
    }

    #[test]
    fn without_the_kinds_there_is_no_version() {
        assert_eq!(choose_version(&[]), None);
        assert_eq!(choose_version(&["v2", "v1alpha1"]), None);
    }
}
