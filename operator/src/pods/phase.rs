//! Where a pod stands in its life, as the kubelet has it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use crate::controller::CONTAINER;

/// Where a pod stands in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Its container does not run yet, and why, if something holds it up.
    Starting(Option<String>),
    /// It runs; whether it takes clients.
    Running {
        /// The kubelet's answer.
        ready: bool,
    },
    /// It hands its clients over.
    Ending,
    /// It is over.
    Ended,
}

/// Where it stands.
pub(super) fn phase(pod: &Pod) -> Phase {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref()).unwrap_or("Pending");
    if matches!(phase, "Succeeded" | "Failed") {
        return Phase::Ended;
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return Phase::Ending;
    }
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    // Others may have been put beside it, by a service mesh for instance.
    let container = containers.and_then(|all| all.iter().find(|each| each.name == CONTAINER));
    let state = container.and_then(|container| container.state.as_ref());
    if state.is_some_and(|state| state.running.is_some()) {
        return Phase::Running { ready: container.is_some_and(|container| container.ready) };
    }
    let waiting = state.and_then(|state| state.waiting.as_ref());
    let waits = waiting.and_then(|waiting| {
        let reason = waiting.reason.clone()?;
        let message = waiting.message.clone().map(|text| format!(": {text}")).unwrap_or_default();
        (reason != "ContainerCreating" && reason != "PodInitializing").then(|| format!("{reason}{message}"))
    });
    Phase::Starting(waits.or_else(|| unschedulable(pod)))
}

/// Since when it is on a node.
pub(super) fn placed(pod: &Pod) -> Option<Timestamp> {
    pod.spec.as_ref()?.node_name.as_ref()?;
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let scheduled = conditions.and_then(|all| all.iter().find(|each| each.type_ == "PodScheduled"));
    let since = scheduled.and_then(|each| each.last_transition_time.as_ref());
    let since = since.or(pod.metadata.creation_timestamp.as_ref());
    // Without any time, it may have been there for ever.
    Some(since.map_or(Timestamp::UNIX_EPOCH, |time| time.0))
}

/// The image of the proxy in it.
pub(super) fn image(pod: &Pod) -> Option<String> {
    let containers = &pod.spec.as_ref()?.containers;
    containers.iter().find(|each| each.name == CONTAINER)?.image.clone()
}

fn unschedulable(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions.iter().find(|each| each.type_ == "PodScheduled" && each.status == "False")?;
    Some(format!("{}: {}", scheduled.reason.as_deref()?, scheduled.message.as_deref().unwrap_or_default()))
}
