//! The objects of a fleet, written and, once nobody wants them any more, taken away.

use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt;

use super::{Context, Error};
use crate::controller::apply::Applier;
use crate::controller::build::{self, Files};
use crate::controller::dereference::Observed;
use crate::fleet::{Certificate, Fleet};
use crate::names;

/// All objects, in an order in which nothing refers to what is not there yet.
pub(super) async fn objects(
    context: &Context,
    applier: &Applier,
    observed: &Observed,
    fleet: &Fleet,
    files: &Files,
    has_bundle: bool,
) -> Result<(), Error> {
    let settings = &context.settings;
    // While no listener has an address there is nothing to start, but Services must be there to get one.
    let starts = fleet.reachable().next().is_some();
    if starts {
        let before = observed.ours.config.as_ref();
        applier.write_config(before, build::config_map(fleet, files)).await.map_err(Error::Apply)?;
    }
    let services = build::services(fleet);
    for service in &services {
        applier.apply(service).await.map_err(Error::Apply)?;
    }
    if let Certificate::Issuer(issuer) = &fleet.certificate {
        let certificate = build::cert_manager_certificate(fleet, issuer, &settings.cluster_domain);
        applier.apply_dynamic(&certificate, &build::cert_manager_resource()).await.map_err(Error::Apply)?;
    }
    let mut policies = Vec::new();
    if settings.network_policies {
        let policy = build::network_policy(fleet, settings);
        applier.apply(&policy).await.map_err(Error::Apply)?;
        policies.push(policy.name_any());
    }
    let mut budgets = Vec::new();
    if let Some(budget) = build::pod_disruption_budget(fleet).filter(|_| settings.pod_disruption_budgets) {
        applier.apply(&budget).await.map_err(Error::Apply)?;
        budgets.push(budget.name_any());
    }
    if starts {
        let deployment = build::deployment(fleet, settings, &names::sha256(&files.proxy));
        applier.apply(&deployment).await.map_err(Error::Apply)?;
    }

    // The ledger stays even where some tool has given it an owner.
    let mut maps = vec![fleet.names.config(), fleet.names.ledger()];
    maps.extend(has_bundle.then(|| fleet.names.authority_bundle()));
    let names: Vec<_> = services.iter().map(ResourceExt::name_any).collect();
    applier.delete_others::<Service>(&names).await.map_err(Error::Apply)?;
    applier.delete_others::<NetworkPolicy>(&policies).await.map_err(Error::Apply)?;
    applier.delete_others::<PodDisruptionBudget>(&budgets).await.map_err(Error::Apply)?;
    applier.delete_others::<ConfigMap>(&maps).await.map_err(Error::Apply)?;
    applier.delete_others::<ServiceAccount>(&[fleet.names.fleet()]).await.map_err(Error::Apply)?;
    Ok(())
}
