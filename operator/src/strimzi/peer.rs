//! Who may connect to a listener, and whether that is us.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Expression, Selector, SelectorExt};
use serde_json::Value;

use super::field::{Field, ParseError};

/// The label that Kubernetes itself gives to every namespace.
pub(super) const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";

/// One of a listener's `networkPolicyPeers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pods: Option<Selector>,
    namespaces: Option<Selector>,
    addresses: Option<Addresses>,
}

/// Addresses that a peer admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Addresses {
    All,
    Some,
}

/// What we can tell from labels alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Admits {
    No,
    Maybe,
    Yes,
}

/// Pods of ours, as a peer sees them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pods<'a> {
    pub(super) namespace: &'a str,
    pub(super) labels: &'a BTreeMap<String, String>,
    /// Whether the peer's own namespace, that of the Kafka cluster, is theirs.
    pub(super) beside_kafka: bool,
}

impl Peer {
    pub(super) fn parse(peer: &Field<'_>) -> Result<Self, ParseError> {
        let block = peer.get("ipBlock")?;
        let all = matches!(block.get("cidr")?.text()?, Some("0.0.0.0/0" | "::/0"));
        let excepted = !block.get("except")?.items()?.is_empty();
        let addresses = if all && !excepted { Addresses::All } else { Addresses::Some };
        Ok(Self {
            pods: parse_selector(&peer.get("podSelector")?)?,
            namespaces: parse_selector(&peer.get("namespaceSelector")?)?,
            addresses: block.is_present().then_some(addresses),
        })
    }

    /// Whether it admits these pods. The labels of a namespace are not known except for its name, and the
    /// addresses of pods not at all.
    pub(super) fn admits(&self, ours: Pods<'_>) -> Admits {
        match self.addresses {
            Some(Addresses::All) => return Admits::Yes,
            Some(Addresses::Some) => return Admits::Maybe,
            None => {}
        }
        let namespace = match &self.namespaces {
            Some(namespaces) => admits_namespace(namespaces, ours.namespace),
            // Not even a peer, if there is no selector of pods either: what Kubernetes makes of it is not for us to say.
            None if self.pods.is_none() => Admits::Maybe,
            None if ours.beside_kafka => Admits::Yes,
            None => Admits::No,
        };
        let pods = self.pods.as_ref().is_none_or(|pods| pods.matches(ours.labels));
        if pods { namespace } else { Admits::No }
    }

    /// Whether it admits no pods but those with all the given labels in our namespace.
    pub(super) fn admits_only(&self, ours: Pods<'_>, identity: &BTreeMap<&str, &str>) -> bool {
        let Some(pods) = &self.pods else { return false };
        let namespace = match &self.namespaces {
            Some(namespaces) => pins(namespaces, NAMESPACE_LABEL, ours.namespace),
            None => ours.beside_kafka,
        };
        self.addresses.is_none()
            && namespace
            && !identity.is_empty()
            && identity.iter().all(|(key, value)| pins(pods, key, value))
    }
}

fn parse_selector(field: &Field<'_>) -> Result<Option<Selector>, ParseError> {
    let Some(value) = field.raw() else { return Ok(None) };
    if !value.is_object() {
        return Err(field.expected("a label selector"));
    }
    let selector: LabelSelector =
        serde_json::from_value(Value::clone(value)).map_err(|_| field.expected("a label selector"))?;
    Selector::try_from(selector).map(Some).map_err(|_| field.expected("a label selector"))
}

fn admits_namespace(selector: &Selector, namespace: &str) -> Admits {
    let known = BTreeMap::from([(NAMESPACE_LABEL.to_owned(), namespace.to_owned())]);
    let each = selector.clone().into_iter().map(|expression| match key(&expression) {
        NAMESPACE_LABEL if expression.matches(&known) => Admits::Yes,
        NAMESPACE_LABEL => Admits::No,
        _ => Admits::Maybe,
    });
    each.min().unwrap_or(Admits::Yes)
}

/// Whether the selector chooses nothing that lacks this label.
fn pins(selector: &Selector, label: &str, value: &str) -> bool {
    selector.clone().into_iter().any(|expression| match expression {
        Expression::Equal(key, wanted) => key == label && wanted == value,
        Expression::In(key, wanted) => key == label && wanted.iter().eq([value]),
        _ => false,
    })
}

fn key(expression: &Expression) -> &str {
    match expression {
        Expression::In(key, _)
        | Expression::NotIn(key, _)
        | Expression::Equal(key, _)
        | Expression::NotEqual(key, _)
        | Expression::Exists(key)
        | Expression::DoesNotExist(key) => key,
    }
}
