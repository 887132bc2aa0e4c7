//! The policies that a connection lives under, in files of its own. Under none of them topics that begin with `enc.` are
//! written in clear.

use super::script::Script;
use proxy_config::{ConfigPath, PolicyFiles};
use std::path::Path;
use tempfile::TempDir;

/// Those that an input may begin with.
pub(super) const AT_THE_START: u8 = 11;
/// With those that may only follow.
pub(super) const IN_ALL: u8 = 13;
/// Is no policy.
const BROKEN: u8 = 12;

const POLICIES: [&str; IN_ALL as usize] = [
    "rules: [{topics: [{prefix: enc.}], key: {name: k}, format: Batch}]",
    // The pseudonym key is what the key management system wraps.
    "rules: [{topics: [{prefix: enc.}], key: {name: k}, format: Record}, {topics: [{name: enc.b}], key: {name: k}, \
     format: Record, recordKeys: {pseudonymKey: CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQ==}}]",
    "rules: [{topics: [{prefix: enc.}], key: {name: k}, onPlaintext: Reject}]\nunmatchedTopics: Reject",
    "rules: [{topics: [{prefix: enc.}], key: {name: k}, onPlaintext: PassUntil}]",
    "rules: [{topics: [{prefix: enc.}], key: {name: k}, format: Record, onUnreadable: Tombstone}]",
    "rules: [{topics: [{prefix: enc.}], key: {name: k}, format: Batch, onUnreadable: Skip}]",
    "rules: [{topics: [{prefix: enc.}], encryption: Pending, key: {name: k}}]",
    "rules: [{topics: [{prefix: enc.}], key: {name: k}, legacy: [{format: TopicEncryptionV1, key: {name: old}}, \
     {format: KroxyliciousV2}]}, {topics: [{name: enc.b}], encryption: Retired}]",
    "rules: [{topics: [{prefix: enc.}], encryption: Retired}]",
    "rules: [{topics: [{prefix: enc.}, {prefix: clear.}], key: {name: k}, onPlaintext: Reject}, \
     {topics: [{name: enc.a}], key: {name: other}, format: Record}]",
    "rules: [{topics: [{any: true}], key: {name: k}}, {topics: [{prefix: clear.}], encryption: Disabled}]\n\
     unmatchedTopics: Reject",
    // What was encrypted is remembered.
    "rules: []",
    "rules: [{topics: [{prefix: enc.}], encryption: Disabled, key: {name: k}}]",
];

/// Where the policy of one connection is, and what was ever encrypted.
pub(super) struct Directory(TempDir);

impl Directory {
    /// In memory where there is such a place, since what is to last is synchronised.
    pub(super) fn new(script: &Script) -> Self {
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let directory = Self(directory);
        // Inputs from before there were more of them keep their meaning.
        directory.write(match script.policy % 16 {
            new @ 8..AT_THE_START => new,
            old => old % 8,
        });
        directory
    }

    pub(super) fn files(&self) -> PolicyFiles {
        PolicyFiles {
            file: ConfigPath::new("policy.yaml", self.0.path()),
            state_file: Some(ConfigPath::new("policy.yaml.state", self.0.path())),
            history_settles: PolicyFiles::HISTORY_SETTLES,
        }
    }

    /// Puts another policy there, and tells whether it is one.
    pub(super) fn replace(&self, policy: u8) -> bool {
        let policy = policy % IN_ALL;
        self.write(policy);
        policy != BROKEN
    }

    fn write(&self, policy: u8) {
        std::fs::write(Path::join(self.0.path(), "policy.yaml"), POLICIES[usize::from(policy)]).unwrap();
    }
}
