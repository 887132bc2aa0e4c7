//! What a data owner says.
#![allow(
    unreachable_pub,
    reason = "the derived resource type refers to its spec as if it were in a module of its own"
)]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::legacy::LegacyFormat;
use crate::references::{KafkaRef, KeyRef};
use crate::status::TopicEncryptionPolicyStatus;

/// Which topics of a Kafka cluster are encrypted, and with which keys. This alone is enough to get a fleet of encrypting
/// proxies in front of the cluster: clients then use the bootstrap address in its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "encryption.strimzi.io",
    version = "v1alpha1",
    kind = "TopicEncryptionPolicy",
    doc = "Which topics of a Kafka cluster are encrypted, and with which keys.",
    plural = "topicencryptionpolicies",
    shortname = "tep",
    category = "strimzi-encryption",
    namespaced,
    status = "TopicEncryptionPolicyStatus",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "Programmed", type_ = "string", json_path = ".status.proxies.summary"),
    printcolumn(name = "Kafka", type_ = "string", json_path = ".spec.kafkaRef.name"),
    printcolumn(name = "Bootstrap", type_ = "string", json_path = ".status.bootstrapServers"),
    printcolumn(name = "Rules", type_ = "integer", json_path = ".status.rules"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Key providers", type_ = "string", json_path = ".status.keyProviders", priority = 1),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    )
)]
pub struct TopicEncryptionPolicySpec {
    /// The Kafka cluster, by its `Kafka` resource.
    pub kafka_ref: KafkaRef,
    /// What happens to which topics. Their order has no meaning: an exact name beats a prefix, a longer prefix a shorter
    /// one, and `any` comes last.
    #[schemars(length(min = 1, max = 64))]
    pub rules: Vec<PolicyRule>,
}

/// What happens to some topics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.encryption) || has(self.key)").message("key is required: name the key-encryption key as key.name, or say encryption: Disabled to leave these topics clear").field_path(".key"))]
#[x_kube(validation = Rule::new("!(has(self.encryption) && has(self.legacy))").message("legacy must not be given together with encryption: Disabled").field_path(".legacy"))]
#[x_kube(validation = Rule::new("!(has(self.encryption) && has(self.key))").message("key must not be given together with encryption: Disabled: leave out one of the two").field_path(".key"))]
#[x_kube(validation = Rule::new("!has(self.headers) || self.format == 'Record'").message("headers must only be given together with format: Record, since format: Batch encrypts all headers").field_path(".headers"))]
#[x_kube(validation = Rule::new("!(has(self.encryption) && has(self.headers))").message("headers must not be given together with encryption: Disabled").field_path(".headers"))]
#[x_kube(validation = Rule::new("!has(self.recordKeys) || self.format == 'Record'").message("recordKeys must only be given together with format: Record, since format: Batch encrypts all keys of records").field_path(".recordKeys"))]
#[x_kube(validation = Rule::new("!(has(self.encryption) && has(self.recordKeys))").message("recordKeys must not be given together with encryption: Disabled").field_path(".recordKeys"))]
pub struct PolicyRule {
    /// Which topics.
    #[schemars(length(min = 1, max = 64))]
    pub topics: Vec<TopicPattern>,
    /// The key-encryption key (KEK), by its name at a key provider. That of a `local` provider lies in a Secret: whoever may
    /// read the Secret holds the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyRef>,
    /// How records are stored. `Batch` encrypts whole batches, keys and headers included, and does not suit compacted
    /// topics. `Record` encrypts each value by itself, and values of those headers that `headers` names; keys and other headers
    /// stay as they are, but for what `recordKeys` says. `Auto` takes `Batch` where a topic is known not to be compacted, else `Record`.
    #[serde(default)]
    pub format: RecordFormat,
    /// What becomes of plaintext records that a consumer meets: `Pass` delivers them, for a migration; `Reject` answers with
    /// an error; `PassUntil` delivers what was there when encryption began, by offset, and answers with an error from there on.
    #[serde(default)]
    pub on_plaintext: OnPlaintext,
    /// What a consumer gets in the place of records whose key is gone from its provider, as it is once it was destroyed: `Error`
    /// stops it; `Skip` leaves them out, as if compaction had removed them; `Tombstone` delivers the record's key with a null
    /// value where keys are stored in clear (format `Record`), and leaves out the rest. Consumers do not come back to what was
    /// left out, also where the key was taken away by mistake. A key that is disabled or denied, a provider that does not answer,
    /// damaged records and share groups always get an error.
    #[serde(default)]
    pub on_unreadable: OnUnreadable,
    /// With format `Record`: exact names of headers whose values are encrypted with the records' values; all other headers stay
    /// as they are, and so do all names. Say it only once every proxy and tool that reads these topics is of a version
    /// that knows this field: earlier ones answer such records with an error. Taking a name away lets later values of it stay clear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 255)), extend("x-kubernetes-list-type" = "set"))]
    pub headers: Vec<String>,
    /// With format `Record`: brokers store pseudonyms in the place of records' keys, which are encrypted with the records' values. Best said
    /// before the first record: with it, without it and with another pseudonym key, one key of records is several to compaction.
    /// Say it only once every proxy and tool that reads these topics is of a version that knows this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_keys: Option<RecordKeys>,
    /// What other programs encrypted in these topics before, and is still there: it is decrypted too, whatever `onPlaintext` says.
    /// Meant for a migration: remove an entry once nothing in its format is left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    #[x_kube(validation = Rule::new("self.all(entry, self.exists_one(other, other.format == entry.format))").message("give each format once"))]
    pub legacy: Vec<LegacyFormat>,
    /// `Disabled` makes an explicit hole: these topics stay plaintext, whatever a wider rule says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

/// Which topics: exactly one of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.name), has(self.prefix), has(self.any)].filter(given, given).size() == 1").message("give exactly one of name, prefix and any"))]
pub struct TopicPattern {
    /// One topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 249), regex(pattern = r"^[a-zA-Z0-9._-]+$"))]
    pub name: Option<String>,
    /// All topics whose names begin so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 249), regex(pattern = r"^[a-zA-Z0-9._-]+$"))]
    pub prefix: Option<String>,
    /// `true` for all topics that nothing else matches. Kafka's internal topics are never among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self").message("any can only be true; leave it out otherwise"))]
    pub any: Option<bool>,
}

/// What becomes of the keys of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordKeys {
    /// The key that makes the pseudonyms, wrapped by the rule's `key`, as `topic-encryption-proxy keys pseudonym` prints it: base64 of 1 to
    /// 4096 bytes. It is of no use without the provider of `key`, so it is no secret. Wrap it again (`--rewrap`) when `key` changes, and before
    /// the version that wrapped it is destroyed, or nothing can be written to these topics; what was written stays readable.
    #[schemars(length(min = 4, max = 5464), regex(pattern = r"^[A-Za-z0-9+/]+={0,2}$"))]
    pub pseudonym_key: String,
}

/// How records are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RecordFormat {
    /// `Batch` where a topic is known not to be compacted, else `Record`.
    #[default]
    Auto,
    /// Whole batches.
    Batch,
    /// Each value by itself.
    Record,
}

/// What becomes of plaintext records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnPlaintext {
    /// They are delivered.
    #[default]
    Pass,
    /// They are delivered up to where encryption began, and an error from there on.
    PassUntil,
    /// They are an error.
    Reject,
}

/// What consumers get in the place of records whose key is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnUnreadable {
    /// An error.
    #[default]
    Error,
    /// Nothing.
    Skip,
    /// The key with a null value, where it is in clear.
    Tombstone,
}

impl OnUnreadable {
    /// As it stands in a policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "Error",
            Self::Skip => "Skip",
            Self::Tombstone => "Tombstone",
        }
    }
}

/// Whether topics are encrypted; that they are is said by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Encryption {
    /// They stay plaintext.
    Disabled,
}
