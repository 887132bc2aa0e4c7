//! Names and labels of what the operator makes for one Kafka cluster.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use thiserror::Error;

use crate::cluster::KafkaKey;

/// Who applies.
pub const FIELD_MANAGER: &str = "topic-encryption-operator";
/// The group, as a prefix of labels and annotations.
pub const DOMAIN: &str = "encryption.strimzi.io";
/// Which Kafka cluster an object serves.
pub const KAFKA_LABEL: &str = "encryption.strimzi.io/kafka";
/// What makes the kubelet look at the pod's volumes: it changes with their content.
pub const NUDGE_ANNOTATION: &str = "encryption.strimzi.io/config-hash";
/// Stops reconciliation of the object it is on.
pub const PAUSE_ANNOTATION: &str = "encryption.strimzi.io/pause-reconciliation";
/// The number of the last change of the ledger, on Secrets that outlast it.
pub const LEDGER_SERIAL_ANNOTATION: &str = "encryption.strimzi.io/ledger-serial";
/// What is asked of the operator once.
pub const FORCE_RENEW_ANNOTATION: &str = "encryption.strimzi.io/force-renew";
/// Until when clients are told to trust authorities that issue no more.
pub const FORMER_UNTIL_ANNOTATION: &str = "encryption.strimzi.io/former-until";
/// Has data keys replaced, whenever its value changes.
pub const ROTATE_ANNOTATION: &str = "encryption.strimzi.io/rotate-data-keys";
/// The Secret into which every local key was copied, as whoever changes `local.secretRef` says on the `EncryptionProxy`.
pub const KEYS_COPIED_ANNOTATION: &str = "encryption.strimzi.io/keys-copied-to";
/// Entries that whoever may write the Secret of local keys destroyed on purpose, on that Secret.
pub const KEYS_DESTROYED_ANNOTATION: &str = "encryption.strimzi.io/keys-destroyed";

const APP: &str = "topic-encryption-proxy";
/// What a DNS label, and so the name of a Service, may have.
const MAX_NAME: usize = 63;
/// With the longest name that a listener may have.
const LONGEST_SUFFIX: &str = "-encryption-elevenchars";

/// A name from which no names can be made.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error(
    "the name of the Kafka resource has {length} characters, but names of Services made from it may have {MAX_NAME}: \
     at most {} are possible",
    MAX_NAME - LONGEST_SUFFIX.len()
)]
pub struct NameTooLong {
    length: usize,
}

/// The names of what belongs to one Kafka cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    kafka: String,
}

impl Names {
    /// Checks that every name fits.
    pub fn new(key: &KafkaKey) -> Result<Self, NameTooLong> {
        let kafka = key.name.clone();
        if kafka.len() + LONGEST_SUFFIX.len() > MAX_NAME {
            return Err(NameTooLong { length: kafka.len() });
        }
        Ok(Self { kafka })
    }

    /// The fleet: Deployment, ServiceAccount, PodDisruptionBudget, NetworkPolicy.
    pub fn fleet(&self) -> String {
        self.with("")
    }

    /// The ConfigMap of the proxies.
    pub fn config(&self) -> String {
        self.with("-config")
    }

    /// The ConfigMap that remembers what was ever encrypted.
    pub fn ledger(&self) -> String {
        self.with("-ledger")
    }

    /// The Secret of `local` keys.
    pub fn keys(&self) -> String {
        self.with("-keys")
    }

    /// The Secret of the operator's own authority.
    pub fn authority(&self) -> String {
        self.with("-ca")
    }

    /// The ConfigMap of whom clients trust.
    pub fn authority_bundle(&self) -> String {
        self.with("-ca-cert")
    }

    /// The Secret of the proxies' certificate.
    pub fn certificate(&self) -> String {
        self.with("-tls")
    }

    /// The Secret in service-binding form.
    pub fn client(&self) -> String {
        self.with("-client")
    }

    /// The Service of the first internal listener, and of all other internal ones.
    pub fn bootstrap(&self) -> String {
        self.with("-bootstrap")
    }

    /// The Service of a listener that is not internal. Listener names have 11 characters at most.
    pub fn listener(&self, listener: &str) -> String {
        self.with(&format!("-{listener}"))
    }

    fn with(&self, suffix: &str) -> String {
        format!("{}-encryption{suffix}", self.kafka)
    }

    /// The labels of every object.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.selector_labels();
        labels.insert("app.kubernetes.io/part-of".to_owned(), "topic-encryption".to_owned());
        labels.insert("app.kubernetes.io/managed-by".to_owned(), FIELD_MANAGER.to_owned());
        labels.insert(KAFKA_LABEL.to_owned(), self.kafka.clone());
        labels
    }

    /// The labels by which pods are chosen: few, and for ever.
    pub fn selector_labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("app.kubernetes.io/name".to_owned(), APP.to_owned()),
            ("app.kubernetes.io/instance".to_owned(), self.kafka.clone()),
        ])
    }

    /// The same as a selector of objects.
    pub fn selector(&self) -> LabelSelector {
        LabelSelector { match_labels: Some(self.selector_labels()), match_expressions: None }
    }

    /// The same as the text of a selector.
    pub fn selector_text(&self) -> String {
        let pairs: Vec<_> =
            self.selector_labels().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(",")
    }
}

/// What chooses the objects that the operator made.
pub(crate) fn managed_selector() -> String {
    format!("app.kubernetes.io/managed-by={FIELD_MANAGER}")
}

/// Annotations of what must outlast its fleet: Argo CD takes it neither for its own nor for something to delete.
pub(crate) fn lasting_annotations() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("argocd.argoproj.io/sync-options".to_owned(), "Prune=false".to_owned()),
        ("argocd.argoproj.io/compare-options".to_owned(), "IgnoreExtraneous".to_owned()),
    ])
}

/// The SHA-256 of a text in hexadecimal, as proxies report it of their files.
pub(crate) fn sha256(text: &str) -> String {
    use std::fmt::Write as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> KafkaKey {
        KafkaKey { namespace: "kafka".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn every_name_fits_or_none_is_made() {
        let names = Names::new(&key(&"k".repeat(40))).unwrap();
        assert!(names.bootstrap().len() <= 63);
        assert_eq!(names.listener("elevenchars").len(), 63);
        let error = Names::new(&key(&"k".repeat(41))).unwrap_err().to_string();
        assert!(error.contains("41 characters") && error.contains("at most 40"), "{error}");
    }

    #[test]
    fn pods_are_chosen_by_few_labels_that_strimzi_does_not_use() {
        let names = Names::new(&key("my-cluster")).unwrap();
        assert_eq!(
            names.selector_text(),
            "app.kubernetes.io/instance=my-cluster,app.kubernetes.io/name=topic-encryption-proxy"
        );
        assert!(names.labels().keys().all(|label| !label.starts_with("strimzi.io/")));
    }
}
