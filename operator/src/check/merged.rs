//! All policies of each Kafka cluster together.

use std::collections::BTreeMap;

use operator_api::{EncryptionProxy, EncryptionProxySpec, NamespacesFrom};

use super::files::Document;
use super::report::{Findings, Severity};
use super::schema::Objects;
use crate::cluster::KafkaKey;
use crate::names::Names;
use crate::policies::{Admission, Inputs, Ledger, Merged, PolicyId, Submission, merge, providers};

/// A Kafka cluster with all that is said of it.
pub(super) struct Cluster {
    pub(super) key: KafkaKey,
    pub(super) merged: Merged,
    pub(super) spec: EncryptionProxySpec,
}

pub(super) fn merge_all(
    objects: &Objects<'_>,
    documents: &[Document],
    findings: &mut Findings,
) -> Vec<Cluster> {
    let mut keys: Vec<KafkaKey> =
        objects.policies.iter().map(|(document, policy)| key_of(document, policy)).collect();
    keys.extend(objects.proxies.iter().map(|(document, proxy)| proxy_key(document, proxy)));
    keys.sort();
    keys.dedup();
    keys.into_iter().map(|key| cluster(key, objects, documents, findings)).collect()
}

fn key_of(document: &Document, policy: &operator_api::TopicEncryptionPolicy) -> KafkaKey {
    let reference = &policy.spec.kafka_ref;
    let namespace = reference.namespace.clone().unwrap_or_else(|| document.namespace.clone());
    KafkaKey { namespace, name: reference.name.clone() }
}

fn proxy_key(document: &Document, proxy: &EncryptionProxy) -> KafkaKey {
    KafkaKey { namespace: document.namespace.clone(), name: proxy.spec.kafka_ref.name.clone() }
}

fn cluster(key: KafkaKey, objects: &Objects<'_>, documents: &[Document], findings: &mut Findings) -> Cluster {
    let spec = spec(&key, objects, findings);
    let members: Vec<_> =
        objects.policies.iter().filter(|(document, policy)| key_of(document, policy) == key).collect();
    let has_kafkas = documents.iter().any(|document| document.is_strimzi("Kafka"));
    let has_this = documents
        .iter()
        .any(|each| each.is_strimzi("Kafka") && each.name == key.name && each.namespace == key.namespace);
    let mut submissions = Vec::new();
    for (document, policy) in &members {
        if has_kafkas && !has_this {
            let message = format!(
                "there is no Kafka {key} among the manifests, though there are others; correct the name"
            );
            findings.add(Severity::Warning, document, "spec.kafkaRef.name", message);
        }
        if let Err(error) = Names::new(&key) {
            findings.add(Severity::Error, document, "spec.kafkaRef.name", error.to_string());
        }
        submissions.push(Submission {
            id: PolicyId::new(&document.namespace, &document.name),
            created: None,
            generation: 1,
            rules: policy.spec.rules.clone(),
            admission: admission(&key, document, &spec, findings),
        });
    }
    let merged = merge(&Inputs {
        kafka_namespace: &key.namespace,
        submissions: &submissions,
        ledger: &Ledger::default(),
        unmatched: spec.unmatched_topics,
        providers: &providers(&spec.key_providers),
    });
    for (document, _) in &members {
        tell(document, &merged, findings);
    }
    Cluster { key, merged, spec }
}

/// The settings that count: of the first by name, since ages are not known here.
fn spec(key: &KafkaKey, objects: &Objects<'_>, findings: &mut Findings) -> EncryptionProxySpec {
    let mut proxies: Vec<_> =
        objects.proxies.iter().filter(|(document, proxy)| proxy_key(document, proxy) == *key).collect();
    proxies.sort_by_key(|(document, _)| document.name.clone());
    for (document, _) in proxies.iter().skip(1) {
        let message = format!(
            "there is another EncryptionProxy for Kafka {key}, of which only the older counts; remove one"
        );
        findings.add(Severity::Error, document, "spec.kafkaRef.name", message);
    }
    proxies.first().map_or_else(
        || {
            let least = serde_json::json!({"kafkaRef": {"name": key.name}});
            serde_json::from_value(least).expect("every other field has a default")
        },
        |(_, proxy)| proxy.spec.clone(),
    )
}

fn admission(
    key: &KafkaKey,
    document: &Document,
    spec: &EncryptionProxySpec,
    findings: &mut Findings,
) -> Admission {
    match spec.allowed_policies.namespaces {
        NamespacesFrom::All => Admission::Allowed,
        NamespacesFrom::Same if document.namespace == key.namespace => Admission::Allowed,
        NamespacesFrom::Same => Admission::NamespaceNotAllowed,
        NamespacesFrom::Selector => {
            let message = "only the cluster knows the labels of namespaces; taken as allowed";
            findings.add(Severity::Note, document, "metadata.namespace", message);
            Admission::Allowed
        }
    }
}

fn tell(document: &Document, merged: &Merged, findings: &mut Findings) {
    let verdicts: &BTreeMap<_, _> = &merged.verdicts;
    let Some(verdict) = verdicts.get(&PolicyId::new(&document.namespace, &document.name)) else { return };
    for problem in &verdict.problems {
        let field =
            if problem.field.is_empty() { "spec".to_owned() } else { format!("spec.{}", problem.field) };
        let message = format!("{} ({})", problem.message, verdict.reason);
        findings.add(Severity::Error, document, &field, message);
    }
    for warning in &verdict.warnings {
        findings.add(Severity::Warning, document, &format!("spec.{}", warning.field), &*warning.message);
    }
}
