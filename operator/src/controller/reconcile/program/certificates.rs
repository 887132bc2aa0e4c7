//! The certificate of the proxies, wherever it comes from, and what clients need to trust it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;

use super::former::{Trusted, with_former};
use super::{Context, Error, until};
use crate::certificates::{self, Current, Plan, ServerNames, Validity, Wanted};
use crate::controller::apply::Applier;
use crate::controller::build;
use crate::controller::dereference::{Observed, authority_in};
use crate::controller::status::certificate_event;
use crate::fleet::{Certificate, Fleet};
use crate::names::{self, FORCE_RENEW_ANNOTATION, FORMER_UNTIL_ANNOTATION};
use crate::secret_text::SecretChanges;

/// How cert-manager says whose certificate is in a Secret.
const ISSUER_ANNOTATION: &str = "cert-manager.io/issuer-name";

/// What became of certificates.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    /// Whether clients have a ConfigMap with whom to trust.
    pub(super) has_bundle: bool,
    /// When to look again.
    pub(super) look_again: Option<Duration>,
}

/// Makes or renews the certificate of the proxies, or leaves it to somebody else, and tells clients whom to trust.
pub(super) async fn certificates(
    context: &Context,
    applier: &Applier,
    observed: &Observed,
    fleet: &Fleet,
) -> Result<Certificates, Error> {
    if !matches!(fleet.certificate, Certificate::Issuer(_)) {
        // Before anything is issued here: two would replace each other's certificate for ever.
        let resource = build::cert_manager_resource();
        applier.delete_dynamic(&resource, &fleet.names.certificate()).await.map_err(Error::Apply)?;
    }
    if !fleet.serves_tls() || !matches!(fleet.certificate, Certificate::Operator) {
        context.metrics.expires_no_more(&fleet.key);
    }
    let mut look_again = None;
    let bundle = match &fleet.certificate {
        _ if !fleet.serves_tls() => None,
        Certificate::Operator => {
            let plan = own(context, applier, observed, fleet).await?;
            look_again = Some(until(plan.look_again));
            Some(plan.bundle)
        }
        Certificate::Issuer(issuer) => {
            observed.ours.certificate.as_ref().filter(|secret| is_of(issuer, secret)).and_then(authority_in)
        }
        Certificate::Secret(name) => {
            context.reader.authority_in(&fleet.key, name).await.map_err(Error::Dereference)?
        }
    };
    // The operator's own was written already, before the certificate.
    let bundle = match bundle {
        Some(text) if look_again.is_none() => {
            Some(of_others(context, applier, observed, fleet, &text).await?)
        }
        bundle => bundle,
    };
    if fleet.service_binding
        && let Some(secret) = build::binding_secret(fleet, bundle.as_deref())
    {
        applier.apply(&secret).await.map_err(Error::Apply)?;
    }
    // Clients mount this, so while there is a fleet it never goes, and what is not known leaves it as it is.
    Ok(Certificates { has_bundle: bundle.is_some() || observed.bundle().is_some(), look_again })
}

/// Tells clients to trust these authorities, and those before them for a while.
async fn of_others(
    context: &Context,
    applier: &Applier,
    observed: &Observed,
    fleet: &Fleet,
    text: &str,
) -> Result<String, Error> {
    let before = observed.ours.bundle.as_ref();
    let Trusted { text, former_until } = with_former(text, before, Timestamp::now(), overlap(context));
    let mut bundle = build::authority_bundle(fleet, &text);
    bundle.metadata.annotations =
        former_until.map(|until| [(FORMER_UNTIL_ANNOTATION.to_owned(), until.to_string())].into());
    applier.apply(&bundle).await.map_err(Error::Apply)?;
    Ok(text)
}

fn overlap(context: &Context) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(context.settings.ca_overlap_seconds).unwrap_or(i64::MAX))
}

async fn own(
    context: &Context,
    applier: &Applier,
    observed: &Observed,
    fleet: &Fleet,
) -> Result<Plan, Error> {
    let names = ServerNames::new(fleet.host_names(&context.settings.cluster_domain)).map_err(Error::Names)?;
    let validity = Validity::default().with_overlap(overlap(context)).map_err(Error::Validity)?;
    let ours = &observed.ours;
    let current = Current {
        authority: ours.authority.as_ref().and_then(|secret| secret.data.as_ref()),
        server: ours.certificate.as_ref().and_then(|secret| secret.data.as_ref()),
        bundle: observed.bundle(),
    };
    let wanted = Wanted {
        kafka: &fleet.key.name,
        names: &names,
        validity: &validity,
        renew_authority: asks(ours.authority.as_ref()),
        renew_server: asks(ours.certificate.as_ref()),
    };
    let plan = certificates::plan(&current, &wanted, Timestamp::now()).map_err(Error::Certificates)?;
    // Clients keep the bundle, so its authority outlives a fleet that is made anew.
    let mut lasting = fleet.lasting_metadata(fleet.names.authority());
    lasting.annotations = Some(names::lasting_annotations());
    write(applier, lasting, None, ours.authority.as_ref(), &plan.authority).await?;
    applier.apply(&build::authority_bundle(fleet, &plan.bundle)).await.map_err(Error::Apply)?;
    let going = fleet.metadata(fleet.names.certificate());
    write(applier, going, Some("kubernetes.io/tls"), ours.certificate.as_ref(), &plan.server).await?;
    for happened in &plan.events {
        certificate_event(context, fleet, happened).await;
    }
    context.metrics.expires(&fleet.key, "authority", plan.expiry.authority);
    context.metrics.expires(&fleet.key, "server", plan.expiry.server);
    Ok(plan)
}

/// Writes a Secret if its content, its owner or what is asked of the operator changes.
async fn write(
    applier: &Applier,
    metadata: ObjectMeta,
    kind: Option<&str>,
    before: Option<&Secret>,
    changes: &SecretChanges,
) -> Result<(), Error> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let has_moved = before.is_some_and(|secret| secret.owner_references() != owners);
    if changes.is_empty() && !has_moved && !asks(before) {
        return Ok(());
    }
    let after = Secret {
        metadata,
        type_: kind.map(str::to_owned),
        data: Some(changes.applied_to(before.and_then(|secret| secret.data.as_ref()))),
        ..Secret::default()
    };
    applier.replace_secret(before, after).await.map_err(Error::Apply)
}

/// Whether a Secret has nothing of another issuer, from before the operator or this one took over.
fn is_of(issuer: &str, secret: &Secret) -> bool {
    secret.annotations().get(ISSUER_ANNOTATION).is_none_or(|name| name == issuer)
}

fn asks(secret: Option<&Secret>) -> bool {
    secret.is_some_and(|secret| {
        secret.annotations().get(FORCE_RENEW_ANNOTATION).is_some_and(|value| value == "true")
    })
}
