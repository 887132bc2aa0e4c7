//! The fleet that the settings and Strimzi's resources ask for.

mod listener;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use operator_api::{EncryptionProxy, EncryptionProxySpec, ListenerType, Template};
use proxy_config::{ProviderName, ProxyConfig};

use self::listener::listener;
use self::upstream::upstream;
use super::{Obstacle, file};
use crate::cluster::KafkaKey;
use crate::controller::build::proxy_yaml;
use crate::controller::dereference::Observed;
use crate::fleet::{Certificate, Fleet, Listener, Provider};
use crate::names::Names;
use crate::settings::Settings;
use crate::strimzi::Kafka;

/// What policies leave of the proxies' ConfigMap, which may have 1 MiB, to what else is in it.
const MAX_PROXY_YAML: usize = 96 * 1024;

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
    let listeners = spec.listeners.iter().map(|each| listener(key, &names, observed, last.as_ref(), each));
    let listeners = listeners.collect::<Result<_, _>>()?;
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
        keys: spec.keys.clone(),
        history_settles: spec.history_settles.clone(),
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
    if text.len() > MAX_PROXY_YAML {
        return Err(Obstacle::Settings(format!(
            "they would take {} bytes of the {MAX_PROXY_YAML} that there are; list fewer allowedPrincipals, or give their \
             clients a CA of their own as caSecretRef",
            text.len()
        )));
    }
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

/// What the proxies were told last of the cluster behind them.
fn last_told(observed: &Observed) -> Option<ProxyConfig> {
    ProxyConfig::parse(file(observed, "proxy.yaml")?, Path::new("/etc/topic-encryption")).ok()
}

fn providers(names: &Names, spec: &EncryptionProxySpec) -> BTreeMap<ProviderName, Provider> {
    spec.key_providers
        .iter()
        .filter_map(|provider| {
            let name = ProviderName::new(provider.name.as_str()).ok()?;
            if let Some(vault) = &provider.vault {
                return Some((name, Provider::Vault(Box::new(vault.clone()))));
            }
            if let Some(aws) = &provider.aws_kms {
                return Some((name, Provider::AwsKms(Box::new(aws.clone()))));
            }
            if let Some(azure) = &provider.azure_key_vault {
                return Some((name, Provider::AzureKeyVault(Box::new(azure.clone()))));
            }
            if let Some(gcp) = &provider.gcp_kms {
                return Some((name, Provider::GcpKms(Box::new(gcp.clone()))));
            }
            if let Some(ibm) = &provider.ibm_key_protect {
                return Some((name, Provider::IbmKeyProtect(Box::new(ibm.clone()))));
            }
            if let Some(pkcs11) = &provider.pkcs11 {
                return Some((name, Provider::Pkcs11(Box::new(pkcs11.clone()))));
            }
            if let Some(kmip) = &provider.kmip {
                return Some((name, Provider::Kmip(Box::new(kmip.clone()))));
            }
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
