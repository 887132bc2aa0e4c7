//! What a data key is bound to where it is wrapped.

use crate::name::{ClusterName, KeyName, ProviderName};

const LABEL: &[u8] = b"strimzi topic encryption kms context";

/// Cluster, provider and key: a wrapped data key of one context does not unwrap in another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KmsContext {
    /// The Kafka cluster.
    pub cluster: ClusterName,
    /// The key provider.
    pub provider: ProviderName,
    /// The key-encryption key.
    pub key: KeyName,
}

impl KmsContext {
    /// The context as associated data: the label, then each name with its length before it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let names = [self.cluster.as_str(), self.provider.as_str(), self.key.as_str()];
        let mut bytes = LABEL.to_vec();
        for name in names {
            // A name has at most 253 bytes.
            let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_character_between_names_changes_the_bytes() {
        let context = |cluster: &str, provider: &str, key: &str| {
            KmsContext {
                cluster: ClusterName::new(cluster).unwrap(),
                provider: ProviderName::new(provider).unwrap(),
                key: KeyName::new(key).unwrap(),
            }
            .to_bytes()
        };
        assert_ne!(context("ab", "c", "d"), context("a", "bc", "d"));
        assert_eq!(context("c", "p", "k").strip_prefix(LABEL), Some(&b"\0\x01c\0\x01p\0\x01k"[..]));
    }
}
