//! Secrets that the operator makes: local keys, and certificates of its own authority.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;

use super::{Context, Error, until};
use crate::certificates::{self, Current, ServerNames, Validity, Wanted};
use crate::controller::apply::Applier;
use crate::controller::build;
use crate::controller::dereference::Observed;
use crate::controller::status::{certificate_event, local_keys_made};
use crate::controller::validate::Judgement;
use crate::fleet::{Certificate, Fleet, Provider};
use crate::local_keys::LocalKeys;
use crate::names::{self, FORCE_RENEW_ANNOTATION};
use crate::secret_text::SecretChanges;
use crate::service_binding::{self, Mechanism, ServiceBinding, Trust};

/// What is wrong with local keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Keys that could not be made, and why.
    pub(super) refused: BTreeMap<String, String>,
    /// Entries that proxies cannot use, and why.
    pub(super) unusable: BTreeMap<String, String>,
}

/// Certificates, as far as the operator makes them.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    /// Whom clients trust.
    pub(super) bundle: Option<String>,
    /// When to look again.
    pub(super) look_again: Option<Duration>,
}

/// Adds keys that policies need and that are not there; gives back what is wrong with others.
pub(super) async fn local_keys(
    context: &Context,
    applier: &Applier,
    observed: &Observed,
    judgement: &Judgement,
    fleet: &Fleet,
) -> Result<Keys, Error> {
    let ours = |name: &proxy_config::ProviderName| {
        matches!(fleet.providers.get(name), Some(Provider::Local { ours: true, .. }))
    };
    if !fleet.providers.keys().any(ours) {
        return Ok(Keys::default());
    }
    let by_provider = judgement.merged.program.keys_by_provider();
    let needed: BTreeSet<String> = by_provider
        .iter()
        .filter(|(provider, _)| ours(provider))
        .flat_map(|(_, keys)| keys.iter().map(ToString::to_string))
        .collect();
    let used = judgement.ledger.keys().iter().filter(|key| ours(&key.provider));
    let used: BTreeSet<String> = used.map(|key| key.name.to_string()).collect();
    let before = observed.ours.keys.as_ref();
    let plan = LocalKeys::plan(before.and_then(|secret| secret.data.as_ref()), &needed, &used)
        .map_err(Error::LocalKeys)?;
    // The Secret is mounted, so it must be there even without a key.
    if before.is_none() || !plan.added.is_empty() {
        let made: BTreeSet<String> =
            plan.added.keys().filter_map(|entry| entry.strip_suffix(".v1")).map(str::to_owned).collect();
        let added = SecretChanges { set: plan.added, remove: BTreeSet::new() };
        let mut metadata = fleet.lasting_metadata(fleet.names.keys());
        metadata.annotations = Some(names::lasting_annotations());
        let after = Secret { metadata, data: Some(added.applied_to(None)), ..Secret::default() };
        applier.add_to_secret(before, after).await.map_err(Error::Apply)?;
        if !made.is_empty() {
            local_keys_made(context, observed, judgement, fleet, &made).await;
        }
    }
    let refused = plan.refused.into_iter().map(|(name, refusal)| (name, refusal.to_string()));
    let unusable = plan.unusable.into_iter().map(|(entry, error)| (entry, error.to_string()));
    Ok(Keys { refused: refused.collect(), unusable: unusable.collect() })
}

/// Makes or renews the certificate of the proxies, and what clients need to trust it.
pub(super) async fn certificates(
    context: &Context,
    applier: &Applier,
    observed: &Observed,
    fleet: &Fleet,
) -> Result<Certificates, Error> {
    let certificates = match fleet.certificate {
        Certificate::Operator if fleet.serves_tls() => own(context, applier, observed, fleet).await?,
        _ => {
            context.metrics.expires_no_more(&fleet.key);
            Certificates::default()
        }
    };
    if fleet.service_binding {
        binding(applier, fleet, certificates.bundle.as_deref()).await?;
    }
    Ok(certificates)
}

async fn own(
    context: &Context,
    applier: &Applier,
    observed: &Observed,
    fleet: &Fleet,
) -> Result<Certificates, Error> {
    let names = ServerNames::new(fleet.host_names(&context.settings.cluster_domain)).map_err(Error::Names)?;
    let overlap =
        SignedDuration::from_secs(i64::try_from(context.settings.ca_overlap_seconds).unwrap_or(i64::MAX));
    let validity = Validity::default().with_overlap(overlap).map_err(Error::Validity)?;
    let ours = &observed.ours;
    let bundle = ours.bundle.as_ref().and_then(|map| map.data.as_ref()?.get("ca.crt"));
    let current = Current {
        authority: ours.authority.as_ref().and_then(|secret| secret.data.as_ref()),
        server: ours.certificate.as_ref().and_then(|secret| secret.data.as_ref()),
        bundle: bundle.map(String::as_str),
    };
    let wanted = Wanted {
        kafka: &fleet.key.name,
        names: &names,
        validity: &validity,
        renew_authority: asks(ours.authority.as_ref()),
        renew_server: asks(ours.certificate.as_ref()),
    };
    let plan = certificates::plan(&current, &wanted, Timestamp::now()).map_err(Error::Certificates)?;
    let authority = secret(fleet, fleet.names.authority(), None, ours.authority.as_ref(), &plan.authority);
    let server = secret(
        fleet,
        fleet.names.certificate(),
        Some("kubernetes.io/tls"),
        ours.certificate.as_ref(),
        &plan.server,
    );
    if !plan.authority.is_empty() || asks(ours.authority.as_ref()) {
        applier.replace_secret(ours.authority.as_ref(), authority).await.map_err(Error::Apply)?;
    }
    let map: ConfigMap = build::authority_bundle(fleet, &plan.bundle);
    applier.apply(&map).await.map_err(Error::Apply)?;
    if !plan.server.is_empty() || asks(ours.certificate.as_ref()) {
        applier.replace_secret(ours.certificate.as_ref(), server).await.map_err(Error::Apply)?;
    }
    for happened in &plan.events {
        certificate_event(context, fleet, happened).await;
    }
    context.metrics.expires(&fleet.key, "authority", plan.expiry.authority);
    context.metrics.expires(&fleet.key, "server", plan.expiry.server);
    Ok(Certificates { bundle: Some(plan.bundle), look_again: Some(until(plan.look_again)) })
}

fn asks(secret: Option<&Secret>) -> bool {
    secret.is_some_and(|secret| {
        secret.annotations().get(FORCE_RENEW_ANNOTATION).is_some_and(|value| value == "true")
    })
}

fn secret(
    fleet: &Fleet,
    name: String,
    kind: Option<&str>,
    before: Option<&Secret>,
    changes: &SecretChanges,
) -> Secret {
    Secret {
        metadata: fleet.metadata(name),
        type_: kind.map(str::to_owned),
        data: Some(changes.applied_to(before.and_then(|secret| secret.data.as_ref()))),
        ..Secret::default()
    }
}

async fn binding(applier: &Applier, fleet: &Fleet, bundle: Option<&str>) -> Result<(), Error> {
    let Some(servers) = fleet.bootstrap_servers() else { return Ok(()) };
    let tls = fleet.listeners.first().is_some_and(|listener| listener.tls);
    let sasl = match fleet.upstream.client_authentication.as_str() {
        "none" | "tls" => None,
        "scram-sha-512" => Some(Mechanism::Named("SCRAM-SHA-512")),
        _ => Some(Mechanism::Unknown),
    };
    let binding = ServiceBinding {
        bootstrap_servers: &servers,
        tls: tls.then(|| bundle.map_or(Trust::Unknown, Trust::Bundle)),
        sasl,
    };
    let data = binding.entries().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let secret = Secret {
        metadata: fleet.metadata(fleet.names.client()),
        type_: Some(service_binding::SECRET_TYPE.to_owned()),
        string_data: Some(data),
        ..Secret::default()
    };
    applier.apply(&secret).await.map_err(Error::Apply)
}
