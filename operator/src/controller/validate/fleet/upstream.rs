//! The brokers behind the proxies, and what Strimzi told last where it tells nothing now.

use std::collections::BTreeMap;

use kube::ResourceExt;
use operator_api::EncryptionProxySpec;
use proxy_config::{AuthenticationMethod, BrokerId, BrokersFile, HostPort, ProxyConfig};

use crate::controller::build::{UPSTREAM_CA_FILE, UPSTREAM_USER_VOLUME};
use crate::controller::dereference::Observed;
use crate::controller::validate::{Obstacle, file};
use crate::fleet::{Authentication, Trust, Upstream};
use crate::settings::Settings;
use crate::strimzi::{
    self, Credentials, Kafka, KafkaUser, ListenerAuth, ListenerProblem, NodePool, UserAuth, UserProblem,
};

pub(super) fn upstream(
    observed: &Observed,
    last: Option<&ProxyConfig>,
    spec: &EncryptionProxySpec,
    kafka: &Kafka,
    settings: &Settings,
) -> Result<Upstream, Obstacle> {
    let user = user(observed, spec)?;
    let auth = user.as_ref().and_then(|user| user.authentication);
    let last_port = last.and_then(|last| last.upstream.bootstrap_servers.first()).map(HostPort::port);
    let listener = match strimzi::resolve_listener(kafka, spec.listener_name.as_deref(), auth, last_port) {
        Ok(listener) => listener,
        // Strimzi takes its listeners out of the status while it is paused or fails. One that the proxies never used may
        // not be there at all.
        Err(ListenerProblem::NotInStatus { listener, .. }) if good_addresses(last, &listener).is_some() => {
            *listener
        }
        Err(problem) => return Err(Obstacle::Listener(problem)),
    };
    let bootstrap =
        strimzi::bootstrap(kafka, &listener, good_addresses(last, &listener)).map_err(Obstacle::Address)?;
    let authentication = user.map(|user| authentication(observed, last, &user, kafka)).transpose()?;
    let brokers = brokers(observed, kafka, &listener, settings)?;
    strimzi::broker_certificate(kafka, &listener, &brokers).map_err(Obstacle::Certificate)?;
    Ok(Upstream {
        bootstrap: bootstrap.addresses,
        brokers,
        port: listener.port,
        trust: trust(observed, kafka, &listener)?,
        authentication,
        client_authentication: authentication_name(&listener.authentication),
    })
}

/// The addresses of a listener that the proxies were told last, if it was this one.
fn good_addresses<'a>(last: Option<&'a ProxyConfig>, listener: &strimzi::Listener) -> Option<&'a [HostPort]> {
    let addresses = last?.upstream.bootstrap_servers.as_slice();
    addresses.iter().all(|address| address.port() == listener.port).then_some(addresses)
}

fn user(observed: &Observed, spec: &EncryptionProxySpec) -> Result<Option<KafkaUser>, Obstacle> {
    let Some(authentication) = &spec.authentication else { return Ok(None) };
    let name = &authentication.kafka_user_ref.name;
    let users = observed.strimzi.iter().flat_map(|strimzi| &strimzi.users);
    let object = users.into_iter().find(|user| user.name_any() == *name);
    let object = object.ok_or_else(|| Obstacle::NoUser(name.clone()))?;
    let user = KafkaUser::try_from(object)
        .map_err(|error| Obstacle::MalformedUser { name: name.clone(), error: error.to_string() })?;
    Ok(Some(user))
}

/// What the proxies log in with. Strimzi takes it out of the status of a user while it is paused or fails; what they logged
/// in with last holds on meanwhile.
fn authentication(
    observed: &Observed,
    last: Option<&ProxyConfig>,
    user: &KafkaUser,
    kafka: &Kafka,
) -> Result<Authentication, Obstacle> {
    match user.credentials(kafka) {
        Ok(Credentials::Tls { secret }) => Ok(Authentication::Tls { secret }),
        Ok(Credentials::ScramSha512 { secret, username }) => {
            Ok(Authentication::ScramSha512 { secret, username })
        }
        Err(problem @ UserProblem::NotReady { .. }) => {
            last_authentication(observed, last, user).ok_or(Obstacle::User(problem))
        }
        Err(problem) => Err(Obstacle::User(problem)),
    }
}

/// What the proxies logged in with last, if it was as this user and in the way that it still has. The User Operator may have
/// a prefix for the names of Secrets.
fn last_authentication(
    observed: &Observed,
    last: Option<&ProxyConfig>,
    user: &KafkaUser,
) -> Option<Authentication> {
    let pod = observed.ours.deployment.as_ref()?.spec.as_ref()?.template.spec.as_ref()?;
    let volume = pod.volumes.iter().flatten().find(|volume| volume.name == UPSTREAM_USER_VOLUME)?;
    let secret = volume.secret.as_ref()?.secret_name.clone().filter(|name| name.ends_with(&user.name))?;
    match (&last?.upstream.authentication.as_ref()?.method, user.authentication?) {
        (AuthenticationMethod::Tls(_), UserAuth::Tls) => Some(Authentication::Tls { secret }),
        (AuthenticationMethod::ScramSha512(told), UserAuth::ScramSha512) => {
            let username = told.username.as_str().to_owned();
            (username == user.name).then_some(Authentication::ScramSha512 { secret, username })
        }
        _ => None,
    }
}

/// Every broker. Pools that contradict each other or vanish leave the brokers that the proxies were told last.
fn brokers(
    observed: &Observed,
    kafka: &Kafka,
    listener: &strimzi::Listener,
    settings: &Settings,
) -> Result<BTreeMap<BrokerId, HostPort>, Obstacle> {
    let current = current_brokers(observed, kafka, listener, settings);
    let Err(obstacle) = current else { return current };
    let last = file(observed, "brokers.yaml").and_then(|text| BrokersFile::parse(text).ok());
    match last {
        Some(file) if !file.brokers.is_empty() => Ok(file.brokers),
        _ => Err(obstacle),
    }
}

fn current_brokers(
    observed: &Observed,
    kafka: &Kafka,
    listener: &strimzi::Listener,
    settings: &Settings,
) -> Result<BTreeMap<BrokerId, HostPort>, Obstacle> {
    let pools = observed.strimzi.iter().flat_map(|strimzi| &strimzi.pools);
    let pools: Vec<NodePool> = pools
        .map(|pool| NodePool::try_from(pool).map_err(|error| Obstacle::MalformedPool(error.to_string())))
        .collect::<Result<_, _>>()?;
    let brokers = strimzi::brokers(kafka, &pools).map_err(Obstacle::Pools)?;
    if brokers.is_empty() {
        return Err(Obstacle::NoBrokers);
    }
    strimzi::broker_addresses(kafka, listener, &brokers, &settings.cluster_domain).map_err(Obstacle::Address)
}

fn trust(
    observed: &Observed,
    kafka: &Kafka,
    listener: &strimzi::Listener,
) -> Result<Option<Trust>, Obstacle> {
    match strimzi::trust(kafka, listener) {
        Ok(None) => Ok(None),
        Ok(Some(strimzi::Trust::Secret { name })) => Ok(Some(Trust::Secret(name))),
        Ok(Some(strimzi::Trust::Certificates { pem })) => Ok(Some(Trust::Certificates(pem))),
        Err(problem) => match file(observed, UPSTREAM_CA_FILE) {
            Some(last) => Ok(Some(Trust::Certificates(last.to_owned()))),
            None => Err(Obstacle::Trust(problem)),
        },
    }
}

/// As Strimzi's discovery annotation has it.
fn authentication_name(authentication: &ListenerAuth) -> String {
    match authentication {
        ListenerAuth::None => "none",
        ListenerAuth::Tls => "tls",
        ListenerAuth::ScramSha512 => "scram-sha-512",
        ListenerAuth::Custom { .. } | ListenerAuth::Other(_) => "custom",
    }
    .to_owned()
}
