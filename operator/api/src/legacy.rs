//! What other programs encrypted before.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::references::KeyRef;

/// A format in which another program encrypted records that topics still hold. It is only read: what is written is always
/// encrypted with the key of the rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.format != 'TopicEncryptionV1' || has(self.key)").message("key is required for format: TopicEncryptionV1").field_path(".key"))]
#[x_kube(validation = Rule::new("self.format != 'TopicEncryptionV1' || !(has(self.provider) || has(self.keys))").message("provider and keys must not be given for format: TopicEncryptionV1: name the key as key.name and key.provider"))]
#[x_kube(validation = Rule::new("self.format != 'KroxyliciousV2' || !has(self.key)").message("key must not be given for format: KroxyliciousV2: its records name their keys, and keys says which they may name").field_path(".key"))]
pub struct LegacyFormat {
    /// Which program wrote them: `TopicEncryptionV1` is strimzi/topic-encryption, `KroxyliciousV2` the record encryption of
    /// Kroxylicious.
    pub format: LegacyFormatName,
    /// For `TopicEncryptionV1`: the key that the topics were encrypted with. It lies in a `local` provider, since that program
    /// encrypts with the key itself. It must not be the key of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyRef>,
    /// For `KroxyliciousV2`: the name of a key provider of the `EncryptionProxy`, `vault` or `awsKms`, or `local` for keys that
    /// Kroxylicious had in memory; `default` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-zA-Z0-9._-]+$"))]
    pub provider: Option<String>,
    /// For `KroxyliciousV2`: the keys that records of these topics may name, as they name them: keys of Transit, ids of AWS
    /// KMS, UUIDs. Any key of the provider where it is left out; then whoever can write to brokers can have other topics' records
    /// read here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253), regex(pattern = r"^[a-zA-Z0-9._:/-]+$")))]
    pub keys: Vec<String>,
}

/// The name of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LegacyFormatName {
    /// Format 1 of strimzi/topic-encryption.
    TopicEncryptionV1,
    /// Version 2 of Kroxylicious' record encryption.
    KroxyliciousV2,
}
