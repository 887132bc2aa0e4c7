//! What the command line's tools need of `proxy.yaml`.

use std::collections::BTreeMap;
use std::path::Path;

use super::{KeyProvider, KeyTimes, PolicyFiles, ProxyConfig, Upstream, key_provider};
use crate::error::{ConfigErrors, Mistakes};
use crate::file::{MAX_FILE_BYTES, read_text};
use crate::name::{ClusterName, ProviderName};
use crate::reader::Field;
use crate::yaml;

/// The parts of a `proxy.yaml` that say where brokers and keys are. A file may hold no more than that, so that stored data can
/// be opened where no proxy runs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolsConfig {
    /// The name of the Kafka cluster, part of the context in which data keys are wrapped.
    pub cluster: ClusterName,
    /// The brokers.
    pub upstream: Option<Upstream>,
    /// Where key-encryption keys are; at least one.
    pub key_providers: BTreeMap<ProviderName, KeyProvider>,
    /// How long keys live.
    pub keys: KeyTimes,
    /// The files of the policy.
    pub policy: Option<PolicyFiles>,
}

impl ToolsConfig {
    /// Parses the text of a file in the directory `base_dir`, to which its relative paths refer.
    pub fn parse(text: &str, base_dir: &Path) -> Result<Self, ConfigErrors> {
        let node = yaml::parse(text, MAX_FILE_BYTES)?;
        let mistakes = Mistakes::default();
        let config = Self::read(&Field::root(&node, &mistakes), base_dir);
        mistakes.or_value(config)
    }

    /// Reads and parses a file.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let base_dir = path.parent().unwrap_or_else(|| Path::new(""));
        Self::parse(&read_text(path)?, base_dir).map_err(|errors| errors.in_file(path))
    }

    fn read(root: &Field<'_>, base_dir: &Path) -> Option<Self> {
        let fields = root.fields(ProxyConfig::FIELDS)?;
        let cluster = fields.required("cluster").and_then(|field| field.parsed(ClusterName::new));
        let upstream = fields.optional("upstream").map(|field| Upstream::read(field, base_dir));
        let key_providers =
            fields.required("keyProviders").and_then(|field| key_provider::read_all(field, base_dir));
        let keys = fields.optional("keys").and_then(KeyTimes::read).unwrap_or_default();
        let policy = fields.optional("policy").map(|field| PolicyFiles::read(field, base_dir));
        Some(Self {
            cluster: cluster?,
            upstream: upstream.unwrap_or_default(),
            key_providers: key_providers?,
            keys,
            policy: policy.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_the_cluster_are_enough() {
        let text = "cluster: c\nkeyProviders: {default: {local: {directory: keys}}}";
        let config = ToolsConfig::parse(text, Path::new("/etc")).unwrap();
        assert_eq!((config.cluster.as_str(), config.upstream, config.policy), ("c", None, None));
        assert!(ToolsConfig::parse("cluster: c", Path::new("/etc")).is_err());
    }

    #[test]
    fn mistakes_are_told_as_those_of_the_proxy() {
        let text = "cluster: c\nkeyProviders: {default: {local: {directory: keys}}}\nupstrem: {}";
        assert!(ToolsConfig::parse(text, Path::new("/etc")).unwrap_err().to_string().contains("upstrem"));
        let text = "cluster: c\nkeyProviders: {default: {local: {directory: keys}}}\nupstream: {}";
        assert!(
            ToolsConfig::parse(text, Path::new("/etc")).unwrap_err().to_string().contains("bootstrapServers")
        );
    }
}
