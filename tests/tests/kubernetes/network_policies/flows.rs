//! The rules by which Kubernetes reads NetworkPolicies, as far as those here need them. What is not known stops the test.

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

/// One end of a connection.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Pod(Pod),
    /// No pod of this cluster: nodes, API servers, the world.
    Outside,
}

#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) namespace: String,
    pub(crate) namespace_labels: Value,
    pub(crate) labels: Value,
    pub(crate) named_ports: Vec<(String, u16)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Ingress,
    Egress,
}

/// All policies of a cluster. They only ever add to each other.
pub(crate) struct Judge(Vec<(String, NetworkPolicySpec)>);

/// Whom a rule is about, and on which ports. None of either is everyone, and every port.
type Rule<'a> = (&'a Option<Vec<NetworkPolicyPeer>>, &'a Option<Vec<NetworkPolicyPort>>);

impl Pod {
    /// One that runs.
    pub(crate) fn of(pod: &Value, namespace: &Value) -> Self {
        let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
        let ports = containers.filter_map(|container| container["ports"].as_array()).flatten();
        let named = ports.filter_map(|port| {
            let number = u16::try_from(port["containerPort"].as_u64()?).ok()?;
            Some((port["name"].as_str()?.to_owned(), number))
        });
        Self {
            namespace: namespace["metadata"]["name"].as_str().unwrap().to_owned(),
            namespace_labels: namespace["metadata"]["labels"].clone(),
            labels: pod["metadata"]["labels"].clone(),
            named_ports: named.collect(),
        }
    }
}

impl Judge {
    pub(crate) fn new(policies: &[Value]) -> Self {
        let parsed = policies.iter().map(|policy| {
            let policy: NetworkPolicy = serde_json::from_value(policy.clone()).unwrap();
            (policy.metadata.namespace.unwrap(), policy.spec.unwrap())
        });
        Self(parsed.collect())
    }

    pub(crate) fn allows(&self, from: &Place, to: &Place, protocol: &str, port: u16) {
        for direction in [Direction::Egress, Direction::Ingress] {
            let allowed = self.judge(from, to, protocol, port, direction);
            assert!(allowed, "{direction:?} is denied: {from:?} to {to:?}, {protocol} {port}");
        }
    }

    /// And it must be the policies in this direction that deny it.
    pub(crate) fn denies(&self, from: &Place, to: &Place, protocol: &str, port: u16, by: Direction) {
        let allowed = self.judge(from, to, protocol, port, by);
        assert!(!allowed, "{by:?} is allowed: {from:?} to {to:?}, {protocol} {port}");
    }

    /// A pod that no policy selects is open; one that policies select is open to what any of their rules names.
    fn judge(&self, from: &Place, to: &Place, protocol: &str, port: u16, direction: Direction) -> bool {
        let (subject, peer) = match direction {
            Direction::Ingress => (to, from),
            Direction::Egress => (from, to),
        };
        let Place::Pod(subject) = subject else { return true };
        let selects = |namespace: &str, spec: &NetworkPolicySpec| {
            let chosen = spec.pod_selector.as_ref().is_none_or(|selector| matches(selector, &subject.labels));
            *namespace == subject.namespace && chosen && is_of(spec, direction)
        };
        let mut policies = self.0.iter().filter(|(namespace, spec)| selects(namespace, spec)).peekable();
        policies.peek().is_none()
            || policies.any(|(namespace, spec)| {
                let mut rules = rules(spec, direction).into_iter();
                rules.any(|(peers, ports)| {
                    let known = peers.as_deref().unwrap_or_default();
                    let named = ports.as_deref().unwrap_or_default();
                    (known.is_empty() || known.iter().any(|each| admits(each, namespace, peer)))
                        && (named.is_empty() || named.iter().any(|each| covers(each, to, protocol, port)))
                })
            })
    }
}

fn is_of(spec: &NetworkPolicySpec, direction: Direction) -> bool {
    match &spec.policy_types {
        Some(types) => types.iter().any(|each| *each == format!("{direction:?}")),
        None => direction == Direction::Ingress || spec.egress.is_some(),
    }
}

fn rules(spec: &NetworkPolicySpec, direction: Direction) -> Vec<Rule<'_>> {
    match direction {
        Direction::Ingress => spec.ingress.iter().flatten().map(|rule| (&rule.from, &rule.ports)).collect(),
        Direction::Egress => spec.egress.iter().flatten().map(|rule| (&rule.to, &rule.ports)).collect(),
    }
}

/// A selector of pods alone means those in the policy's own namespace.
fn admits(peer: &NetworkPolicyPeer, own_namespace: &str, place: &Place) -> bool {
    assert!(peer.ip_block.is_none(), "addresses are not judged here: {peer:?}");
    let Place::Pod(pod) = place else { return false };
    let namespace = match &peer.namespace_selector {
        Some(selector) => matches(selector, &pod.namespace_labels),
        None => pod.namespace == own_namespace,
    };
    namespace && peer.pod_selector.as_ref().is_none_or(|selector| matches(selector, &pod.labels))
}

fn covers(rule: &NetworkPolicyPort, to: &Place, protocol: &str, port: u16) -> bool {
    if rule.protocol.as_deref().unwrap_or("TCP") != protocol {
        return false;
    }
    match &rule.port {
        None => true,
        Some(IntOrString::Int(first)) => {
            (*first..=rule.end_port.unwrap_or(*first)).contains(&i32::from(port))
        }
        Some(IntOrString::String(name)) => {
            let Place::Pod(pod) = to else { return false };
            pod.named_ports.iter().any(|(named, number)| named == name && *number == port)
        }
    }
}

fn matches(selector: &LabelSelector, labels: &Value) -> bool {
    assert!(selector.match_expressions.is_none(), "expressions are not judged here: {selector:?}");
    selector.match_labels.iter().flatten().all(|(name, value)| labels[name] == value.as_str())
}
