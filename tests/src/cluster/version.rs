//! The versions of brokers that the rig has.

use std::fmt::{self, Display, Formatter};

/// The rig's own list, which says what is fetched for which target.
const VERSIONS: &str = include_str!("../../rig/brokers/versions");

/// A version of the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerVersion(&'static str);

impl BrokerVersion {
    /// All of them, oldest first.
    pub fn all() -> Vec<Self> {
        Self::listed().map(|(version, _)| version).collect()
    }

    /// Those of the diagonal that each run of the tests has.
    pub fn diagonal() -> Vec<Self> {
        Self::listed().filter(|(_, target)| *target == "test").map(|(version, _)| version).collect()
    }

    /// Such as `4.3.1`.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    fn listed() -> impl Iterator<Item = (Self, &'static str)> {
        let lines = VERSIONS.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.split_once(' ')).map(|(version, target)| (Self(version), target))
    }
}

impl Display for BrokerVersion {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}
