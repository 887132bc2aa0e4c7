//! How many proxies may be away at the same time. With one proxy a budget would only stop nodes from being drained.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::merge;
use crate::fleet::Fleet;

pub(crate) fn pod_disruption_budget(fleet: &Fleet) -> Option<PodDisruptionBudget> {
    if fleet.replicas < 2 {
        return None;
    }
    let template = fleet.template.pod_disruption_budget.as_ref();
    let unavailable = template.and_then(|template| template.max_unavailable).unwrap_or(1);
    Some(PodDisruptionBudget {
        metadata: merge(fleet.metadata(fleet.names.fleet()), template.map(|template| &template.metadata)),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(unavailable)),
            selector: Some(fleet.names.selector()),
            // A proxy that cannot reach its keys is not ready, and moving it to another node takes nothing from anybody.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    })
}
