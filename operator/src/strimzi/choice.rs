//! Which listener of a Kafka cluster the proxies connect to.

use super::kafka::Kafka;
use super::listener::{ListenerAuth, ListenerSpec, ListenerType};
use super::user::UserAuth;

mod problem;

pub use self::problem::{Candidates, ListenerProblem};

/// The listener that the proxies connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Its port, the same at every broker and at the bootstrap Service.
    pub port: u16,
    /// By which names brokers are reached.
    pub reach: Reach,
    /// Whether brokers speak TLS there.
    pub tls: bool,
    /// How brokers learn who connects.
    pub authentication: ListenerAuth,
    /// Whether brokers show a certificate that the user brought.
    pub custom_certificate: bool,
    /// Whether names need the domain of the Kubernetes cluster.
    pub service_dns_domain: bool,
}

/// By which names the brokers of a listener are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Those of their pods (`internal`).
    Pods,
    /// Those of a Service for each (`cluster-ip`).
    Services,
}

/// Who can come through a listener with a proxy in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    /// Only the platform owner can know; naming the listener says so.
    IfNamed,
    No,
}

/// Chooses the listener: the one that is named, or else the best of those whose authentication lets clients
/// through a proxy, or, with a `KafkaUser` for the proxies, suits that user.
///
/// Best is the one on the port that the proxies use already, then one with TLS, then the type `internal`, then the
/// alphabet. The status has no part in the choice: Strimzi drops all listeners from it now and then, and brings them
/// back. A listener that demands client certificates is never taken without a user: the TLS session of a client ends
/// at the proxy, and its certificate with it.
pub fn resolve_listener(
    kafka: &Kafka,
    wanted: Option<&str>,
    user: Option<UserAuth>,
    used_port: Option<u16>,
) -> Result<Listener, ListenerProblem> {
    let candidates = candidates(kafka, user);
    let listener = match wanted {
        Some(wanted) => named(kafka, wanted, user, &candidates)?,
        None => best(kafka, user, candidates, used_port)?,
    };
    if in_status(kafka, &listener.name) {
        Ok(listener)
    } else {
        Err(ListenerProblem::NotInStatus { kafka: kafka.name.clone(), listener: Box::new(listener) })
    }
}

impl Listener {
    /// The listener as the proxies use it; none if it leads out of the Kubernetes cluster.
    fn of(spec: &ListenerSpec) -> Option<Self> {
        let reach = match spec.kind {
            ListenerType::Internal => Reach::Pods,
            ListenerType::ClusterIp => Reach::Services,
            ListenerType::Other(_) => return None,
        };
        Some(Self {
            name: spec.name.clone(),
            port: spec.port,
            reach,
            tls: spec.tls,
            authentication: spec.authentication.clone(),
            custom_certificate: spec.custom_certificate,
            service_dns_domain: spec.service_dns_domain,
        })
    }
}

fn named(
    kafka: &Kafka,
    wanted: &str,
    user: Option<UserAuth>,
    candidates: &[Listener],
) -> Result<Listener, ListenerProblem> {
    let candidates = || Candidates::new(candidates.iter().map(|listener| listener.name.clone()));
    let Some(spec) = kafka.listener(wanted) else {
        return Err(ListenerProblem::NotInSpec {
            kafka: kafka.name.clone(),
            wanted: wanted.to_owned(),
            candidates: candidates(),
        });
    };
    let Some(listener) = Listener::of(spec) else {
        return Err(ListenerProblem::UnsupportedType {
            listener: spec.name.clone(),
            kind: spec.kind.clone(),
            candidates: candidates(),
        });
    };
    if fit(&listener.authentication, user) == Fit::No {
        return Err(ListenerProblem::Authentication {
            listener: listener.name,
            offered: listener.authentication,
            user,
            candidates: candidates(),
        });
    }
    Ok(listener)
}

fn best(
    kafka: &Kafka,
    user: Option<UserAuth>,
    candidates: Vec<Listener>,
    used_port: Option<u16>,
) -> Result<Listener, ListenerProblem> {
    let inside = || kafka.listeners.iter().filter(|spec| Listener::of(spec).is_some());
    let order = |listener: &Listener| {
        (Some(listener.port) != used_port, !listener.tls, listener.reach, listener.name.clone())
    };
    candidates.into_iter().min_by_key(order).ok_or_else(|| {
        if inside().next().is_none() {
            let with_type = |spec: &ListenerSpec| format!("{} ({})", spec.name, spec.kind);
            return ListenerProblem::NoneInternal {
                kafka: kafka.name.clone(),
                listeners: Candidates::new(kafka.listeners.iter().map(with_type)),
            };
        }
        let with_auth = |spec: &ListenerSpec| format!("{} ({})", spec.name, spec.authentication);
        ListenerProblem::NoneFits {
            kafka: kafka.name.clone(),
            user,
            listeners: Candidates::new(inside().map(with_auth)),
        }
    })
}

fn candidates(kafka: &Kafka, user: Option<UserAuth>) -> Vec<Listener> {
    let fits = |listener: &Listener| fit(&listener.authentication, user) == Fit::Yes;
    kafka.listeners.iter().filter_map(Listener::of).filter(fits).collect()
}

fn in_status(kafka: &Kafka, name: &str) -> bool {
    kafka.listener_status.get(name).is_some_and(|status| !status.bootstrap.is_empty())
}

fn fit(authentication: &ListenerAuth, user: Option<UserAuth>) -> Fit {
    match user {
        None => fit_for_clients(authentication),
        Some(UserAuth::ScramSha512) => match authentication {
            ListenerAuth::ScramSha512 => Fit::Yes,
            ListenerAuth::Custom { sasl: true, client_certificate: false } => Fit::IfNamed,
            _ => Fit::No,
        },
        Some(UserAuth::Tls | UserAuth::TlsExternal) => match authentication {
            ListenerAuth::Tls => Fit::Yes,
            ListenerAuth::Custom { sasl: false, .. } => Fit::IfNamed,
            _ => Fit::No,
        },
    }
}

/// Clients log in by themselves, with the bytes of SASL passing through the proxy, or not at all.
fn fit_for_clients(authentication: &ListenerAuth) -> Fit {
    match authentication {
        ListenerAuth::Tls | ListenerAuth::Custom { client_certificate: true, .. } => Fit::No,
        ListenerAuth::None | ListenerAuth::ScramSha512 | ListenerAuth::Custom { sasl: true, .. } => Fit::Yes,
        // SASL, in versions that still had this name for it.
        ListenerAuth::Other(kind) if kind == "oauth" => Fit::Yes,
        ListenerAuth::Custom { .. } | ListenerAuth::Other(_) => Fit::IfNamed,
    }
}

#[cfg(test)]
mod tests;
