//! The fleet that the settings and Strimzi's resources ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use operator_api::{EncryptionProxy, EncryptionProxySpec, Listener as ListenerSpec, ListenerType, Template};
use proxy_config::{AuthenticationMethod, BrokerId, BrokersFile, HostPort, ProviderName, ProxyConfig};

use super::{Obstacle, file};
use crate::cluster::KafkaKey;
use crate::controller::build::{UPSTREAM_CA_FILE, UPSTREAM_USER_VOLUME, proxy_yaml};
use crate::controller::dereference::Observed;
use crate::fleet::{
    Authentication, Certificate, ClientAuthority, Fleet, Listener, Provider, Trust, Upstream,
};
use crate::names::Names;
use crate::policies::Ledger;
use crate::settings::Settings;
use crate::strimzi::{
    self, Credentials, Kafka, KafkaUser, ListenerAuth, ListenerProblem, NodePool, UserAuth, UserProblem,
};

pub(super) fn fleet(
    key: &KafkaKey,
    observed: &Observed,
    proxy: Option<&EncryptionProxy>,
    spec: &EncryptionProxySpec,
    kafka: &Kafka,
    settings: &Settings,
) -> Result<Fleet, Obstacle> {
    let names = Names::new(key).map_err(Obstacle::Name)?;
    let last = last_told(observed);
    let listeners =
        spec.listeners.iter().map(|each| listener(key, &names, observed, last.as_ref(), each)).collect();
    let fleet = Fleet {
        owner: owner(key, observed, proxy),
        replicas: spec.replicas,
        listeners,
        upstream: upstream(observed, last.as_ref(), spec, kafka, settings)?,
        providers: providers(&names, spec),
        certificate: certificate(spec),
        image: spec.image.clone().unwrap_or_else(|| settings.proxy_image.clone()),
        resources: spec.resources.clone(),
        logging: spec.logging,
        limits: spec.limits.clone(),
        liveness_probe: spec.liveness_probe.clone().unwrap_or_default(),
        readiness_probe: spec.readiness_probe.clone().unwrap_or_default(),
        service_binding: spec.service_binding,
        template: spec.template.clone().unwrap_or_default(),
        key: key.clone(),
        names,
    };
    check(&fleet)?;
    Ok(fleet)
}

/// Without the provider of a key, proxies do not read what was encrypted under it, and keys of its name could be made anew.
pub(super) fn keeps_providers(spec: &EncryptionProxySpec, ledger: &Ledger) -> Result<(), Obstacle> {
    let is_named = |name: &str| spec.key_providers.iter().any(|each| each.name == name);
    let Some(key) = ledger.keys().find(|key| !is_named(key.provider.as_str())) else { return Ok(()) };
    Err(Obstacle::Settings(format!(
        "keyProviders lacks {}, under whose key {} data was encrypted, which nobody could read: keep that provider in \
         keyProviders",
        key.provider, key.name
    )))
}

/// The proxy's own reader knows best what it takes: ports that meet, or clients without an identity.
fn check(fleet: &Fleet) -> Result<(), Obstacle> {
    let is_taken = |listener: &&Listener| {
        listener.kind != ListenerType::Internal
            && fleet.names.listener(&listener.name) == fleet.names.bootstrap()
    };
    if let Some(listener) = fleet.listeners.iter().find(is_taken) {
        return Err(Obstacle::Settings(format!(
            "the name {} is taken by the Service of internal listeners; give the listener another one",
            listener.name
        )));
    }
    if let Some(name) = unknown_volume(&fleet.template) {
        return Err(Obstacle::Settings(format!(
            "template.proxyContainer.volumeMounts mounts {name}, which is no volume of template.pod.volumes"
        )));
    }
    // Those that wait for an address must fit, too.
    let mut fleet = fleet.clone();
    for listener in &mut fleet.listeners {
        listener.advertised_host.get_or_insert_with(|| "pending.invalid".to_owned());
    }
    let text = proxy_yaml(&fleet).to_string();
    match ProxyConfig::parse(&text, Path::new("/etc/topic-encryption")) {
        Ok(_) => Ok(()),
        Err(mistakes) => Err(Obstacle::Settings(mistakes.to_string().replace('\n', "; "))),
    }
}

/// A volume that is to be mounted and is not there.
fn unknown_volume(template: &Template) -> Option<&str> {
    let volumes = template.pod.iter().flat_map(|pod| &pod.volumes);
    let names: BTreeSet<_> = volumes.map(|volume| volume.name.as_str()).collect();
    let mut mounts = template.proxy_container.iter().flat_map(|container| &container.volume_mounts);
    mounts.find(|mount| !names.contains(mount.name.as_str())).map(|mount| mount.name.as_str())
}

fn owner(key: &KafkaKey, observed: &Observed, proxy: Option<&EncryptionProxy>) -> OwnerReference {
    let kafka = observed.strimzi.as_ref().and_then(|strimzi| strimzi.kafka.as_ref());
    let (api_version, kind, name, uid) = match (proxy, kafka) {
        (Some(proxy), _) => (
            EncryptionProxy::api_version(&()).into_owned(),
            EncryptionProxy::kind(&()).into_owned(),
            proxy.name_any(),
            proxy.uid(),
        ),
        (None, Some(kafka)) => {
            let version =
                kafka.types.as_ref().map_or("kafka.strimzi.io/v1", |types| types.api_version.as_str());
            (version.to_owned(), "Kafka".to_owned(), key.name.clone(), kafka.uid())
        }
        (None, None) => (String::new(), String::new(), String::new(), None),
    };
    OwnerReference {
        api_version,
        kind,
        name,
        uid: uid.unwrap_or_default(),
        controller: Some(false),
        block_owner_deletion: Some(true),
    }
}

fn listener(
    key: &KafkaKey,
    names: &Names,
    observed: &Observed,
    last: Option<&ProxyConfig>,
    spec: &ListenerSpec,
) -> Listener {
    let internal = format!("{}.{}.svc", names.bootstrap(), key.namespace);
    let advertised_host = match spec.kind {
        ListenerType::Internal => Some(internal),
        ListenerType::NodePort => spec.advertised_host.clone(),
        ListenerType::LoadBalancer => {
            let service =
                observed.ours.services.iter().find(|each| each.name_any() == names.listener(&spec.name));
            let known = || {
                let told = last?.listeners.iter().find(|told| told.name.as_str() == spec.name)?;
                let was_balancer =
                    service.is_none_or(is_balancer) && told.advertised_host.as_str() != internal;
                was_balancer.then(|| told.advertised_host.to_string())
            };
            spec.advertised_host.clone().or_else(|| balancer_address(service?)).or_else(known)
        }
    };
    let client_authority = spec.authentication.as_ref().map(|authentication| {
        let strimzis = format!("{}-clients-ca-cert", key.name);
        match &authentication.ca_secret_ref {
            Some(given) if given.name != strimzis => ClientAuthority::Given(given.name.clone()),
            _ => ClientAuthority::Strimzi(strimzis),
        }
    });
    Listener {
        name: spec.name.clone(),
        kind: spec.kind,
        tls: spec.tls,
        // The schema bounds ports well within a port's range.
        port: u16::try_from(spec.port).unwrap_or(u16::MAX),
        advertised_host,
        client_authority,
        peers: spec.network_policy_peers.clone(),
    }
}

fn balancer_address(service: &Service) -> Option<String> {
    let ingress = service.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref()?.first()?;
    ingress.hostname.clone().or_else(|| ingress.ip.clone())
}

fn is_balancer(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer")
}

fn upstream(
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

/// What the proxies were told last of the cluster behind them.
fn last_told(observed: &Observed) -> Option<ProxyConfig> {
    ProxyConfig::parse(file(observed, "proxy.yaml")?, Path::new("/etc/topic-encryption")).ok()
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

fn providers(names: &Names, spec: &EncryptionProxySpec) -> BTreeMap<ProviderName, Provider> {
    spec.key_providers
        .iter()
        .filter_map(|provider| {
            let name = ProviderName::new(provider.name.as_str()).ok()?;
            let given = provider.local.as_ref()?.secret_ref.as_ref().map(|secret| secret.name.clone());
            let ours = given.is_none();
            Some((name, Provider::Local { secret: given.unwrap_or_else(|| names.keys()), ours }))
        })
        .collect()
}

fn certificate(spec: &EncryptionProxySpec) -> Certificate {
    let tls = spec.tls.as_ref();
    let secret = tls.and_then(|tls| tls.secret_ref.as_ref());
    let issuer = tls.and_then(|tls| tls.issuer_ref.as_ref());
    match (secret, issuer) {
        (Some(secret), _) => Certificate::Secret(secret.name.clone()),
        (None, Some(issuer)) => Certificate::Issuer(issuer.name.clone()),
        (None, None) => Certificate::Operator,
    }
}
