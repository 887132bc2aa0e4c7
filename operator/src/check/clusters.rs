//! The policies of each Kafka cluster, merged as the operator would.

use std::collections::{BTreeMap, BTreeSet};

use operator_api::{
    AllowedPolicies, EncryptionProxy, EncryptionProxySpec, NamespacesFrom, TopicEncryptionPolicy,
    TopicEncryptionPolicySpec, UnmatchedTopics,
};
use proxy_config::ProviderName;

use super::finding::{Code, Findings, Severity};
use super::fleets;
use super::names::member;
use super::objects::{KafkaName, Object, Objects, Place};
use super::topics::{self, TopicRow};
use crate::controller::is_allowed;
use crate::policies::{
    Admission, Inputs, Ledger, Merged, PolicyId, ProviderKind, Reason, Submission, Verdict, WarningKind,
    merge, providers,
};

/// What is said of the order of policies, where it matters.
const ORDER: &str = "(without a cluster, policies are taken in the order of namespace and name; in a cluster, who was first \
                     wins)";

/// One Kafka cluster.
struct Cluster<'a> {
    kafka: &'a KafkaName,
    proxy: Option<&'a Object<EncryptionProxy>>,
    policies: Vec<&'a Object<TopicEncryptionPolicy>>,
}

/// Checks each Kafka cluster that a policy or an `EncryptionProxy` names, and tells what becomes of its topics.
pub(super) fn check(objects: &Objects, findings: &mut Findings) -> Vec<TopicRow> {
    let mut by_kafka: BTreeMap<KafkaName, Cluster<'_>> = BTreeMap::new();
    let proxies: Vec<_> = objects.proxies.iter().map(|proxy| (proxy_kafka(proxy), proxy)).collect();
    let policies: Vec<_> = objects.policies.iter().map(|policy| (policy_kafka(policy), policy)).collect();
    for (kafka, proxy) in &proxies {
        unknown_kafka(objects, kafka, proxy, findings);
        let cluster = by_kafka.entry(kafka.clone()).or_insert_with(|| Cluster::new(kafka));
        if let Some(first) = cluster.proxy {
            let message = format!(
                "Kafka {kafka} has the EncryptionProxy {} already: remove one of the two",
                first.name()
            );
            findings.add(proxy.place().finding(Severity::Error, Code::SecondProxy, "spec.kafkaRef", message));
        } else {
            cluster.proxy = Some(proxy);
        }
    }
    for (kafka, policy) in &policies {
        unknown_kafka(objects, kafka, policy, findings);
        by_kafka.entry(kafka.clone()).or_insert_with(|| Cluster::new(kafka)).policies.push(policy);
    }
    let mut rows = Vec::new();
    for cluster in by_kafka.values() {
        if let Some(named) = cluster.named() {
            fleets::check(cluster.kafka, named, cluster.proxy, objects, findings);
        }
        let merged = cluster.merge(objects, findings);
        cluster.report(&merged, findings);
        rows.extend(topics::check(cluster.kafka, &merged, objects, findings));
    }
    rows
}

impl<'a> Cluster<'a> {
    fn new(kafka: &'a KafkaName) -> Self {
        Self { kafka, proxy: None, policies: Vec::new() }
    }

    /// The first object that names the Kafka cluster.
    fn named(&self) -> Option<&'a Place> {
        self.proxy.map(Object::place).or_else(|| self.policies.first().map(|policy| policy.place()))
    }

    fn spec(&self) -> Option<&'a EncryptionProxySpec> {
        self.proxy.map(|proxy| &proxy.content.spec)
    }

    fn merge(&self, objects: &Objects, findings: &mut Findings) -> Merged {
        // A tree of policies alone does not tell what the platform's own has.
        let is_known = self.proxy.is_some() || objects.kafka(self.kafka).is_some();
        let submission = |policy: &&Object<TopicEncryptionPolicy>| Submission {
            id: id(policy),
            created: None,
            generation: 0,
            rules: policy.content.spec.rules.clone(),
            admission: self.admission(policy, is_known, objects, findings),
        };
        let submissions: Vec<_> = self.policies.iter().map(submission).collect();
        let mut providers = self.providers();
        if !is_known {
            for (provider, policy, field) in self.named_providers() {
                providers.entry(provider).or_insert_with_key(|provider| {
                    let message = format!(
                        "whether there is a key provider {provider} is not known, since no EncryptionProxy for Kafka {} is \
                         among the files",
                        self.kafka
                    );
                    findings.add(policy.place().finding(Severity::Note, Code::NotDecidable, field, message));
                    ProviderKind::Remote
                });
            }
        }
        merge(&Inputs {
            kafka_namespace: &self.kafka.namespace,
            submissions: &submissions,
            ledger: &Ledger::default(),
            unmatched: self.spec().map_or_else(UnmatchedTopics::default, |spec| spec.unmatched_topics),
            providers: &providers,
        })
    }

    fn admission(
        &self,
        policy: &Object<TopicEncryptionPolicy>,
        is_known: bool,
        objects: &Objects,
        findings: &mut Findings,
    ) -> Admission {
        if policy.namespace() == self.kafka.namespace {
            return Admission::Allowed;
        }
        let undecided = |findings: &mut Findings, message: String| {
            let place = policy.place();
            let field = "spec.kafkaRef.namespace";
            findings.add(place.finding(Severity::Note, Code::NotDecidable, field, message));
            Admission::Allowed
        };
        let allowed = match self.spec() {
            Some(spec) => spec.allowed_policies.clone(),
            None if is_known => AllowedPolicies::default(),
            None => {
                let message = format!(
                    "whether policies of namespace {} count for Kafka {} is not known, since no EncryptionProxy for it is \
                     among the files",
                    policy.namespace(),
                    self.kafka
                );
                return undecided(findings, message);
            }
        };
        let labels = objects.namespaces.get(policy.namespace());
        if allowed.namespaces == NamespacesFrom::Selector && labels.is_none() {
            let message = format!("the labels of namespace {} are not among the files", policy.namespace());
            return undecided(findings, message);
        }
        let allows = is_allowed(&self.kafka.namespace, policy.namespace(), &allowed, labels);
        if allows { Admission::Allowed } else { Admission::NamespaceNotAllowed }
    }

    fn providers(&self) -> BTreeMap<ProviderName, ProviderKind> {
        match self.spec() {
            Some(spec) => providers(&spec.key_providers),
            None => {
                ProviderName::new("default").map(|name| (name, ProviderKind::Local)).into_iter().collect()
            }
        }
    }

    /// The providers that rules name, each at its first place.
    fn named_providers(&self) -> Vec<(ProviderName, &'a Object<TopicEncryptionPolicy>, String)> {
        let mut seen = BTreeSet::new();
        let mut named = Vec::new();
        for policy in &self.policies {
            for (index, rule) in policy.content.spec.rules.iter().enumerate() {
                let provider =
                    rule.key.as_ref().and_then(|key| ProviderName::new(key.provider.as_str()).ok());
                if let Some(provider) = provider.filter(|provider| seen.insert(provider.clone())) {
                    named.push((provider, *policy, format!("spec.rules[{index}].key.provider")));
                }
            }
        }
        named
    }

    fn report(&self, merged: &Merged, findings: &mut Findings) {
        for policy in &self.policies {
            let Some(Verdict { reason, problems, warnings, .. }) = merged.verdicts.get(&id(policy)) else {
                continue;
            };
            for problem in problems {
                let (code, order) = match reason {
                    Reason::Conflicted => (Code::Conflicted, ORDER),
                    Reason::NamespaceNotAllowed => (Code::NamespaceNotAllowed, ""),
                    Reason::Invalid | Reason::Accepted => (Code::Invalid, ""),
                };
                let message = format!("{} {order}", problem.message);
                let field = member("spec", &problem.field);
                findings.add(policy.place().finding(Severity::Error, code, field, message.trim_end()));
            }
            for warning in warnings {
                let (severity, code) = match warning.kind {
                    WarningKind::ShadowedRule => (Severity::Warning, Code::ShadowedRule),
                    WarningKind::InternalTopic => (Severity::Warning, Code::InternalTopic),
                    WarningKind::StillRetired => (Severity::Warning, Code::StillRetired),
                    WarningKind::NoEffect => (Severity::Warning, Code::NoEffect),
                    WarningKind::OverlappingPolicies => (Severity::Warning, Code::OverlappingPolicies),
                    // Often what is meant.
                    WarningKind::CatchAll => (Severity::Note, Code::CatchAll),
                    // The default, and what a migration needs.
                    WarningKind::PlaintextPasses => (Severity::Note, Code::PlaintextPasses),
                    // Said on purpose.
                    WarningKind::UnreadableSkipped => (Severity::Note, Code::UnreadableSkipped),
                };
                let field = member("spec", &warning.field);
                findings.add(policy.place().finding(severity, code, field, warning.message.clone()));
            }
        }
    }
}

fn id(policy: &Object<TopicEncryptionPolicy>) -> PolicyId {
    PolicyId::new(policy.namespace(), policy.name())
}

fn policy_kafka(policy: &Object<TopicEncryptionPolicy>) -> KafkaName {
    let TopicEncryptionPolicySpec { kafka_ref, .. } = &policy.content.spec;
    let namespace = kafka_ref.namespace.as_deref().unwrap_or_else(|| policy.namespace());
    KafkaName { namespace: namespace.to_owned(), name: kafka_ref.name.clone() }
}

fn proxy_kafka(proxy: &Object<EncryptionProxy>) -> KafkaName {
    KafkaName { namespace: proxy.namespace().to_owned(), name: proxy.content.spec.kafka_ref.name.clone() }
}

fn unknown_kafka<T>(objects: &Objects, kafka: &KafkaName, object: &Object<T>, findings: &mut Findings) {
    if !objects.kafkas.is_empty() && objects.kafka(kafka).is_none() {
        let message = format!("Kafka {kafka} is not among the files, though other Kafka resources are");
        findings.add(object.place().finding(Severity::Warning, Code::UnknownKafka, "spec.kafkaRef", message));
    }
}
