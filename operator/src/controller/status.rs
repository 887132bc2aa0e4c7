//! Last step: what became of it is written to the resources, and only when it changed. Numbers come from the proxies.

mod conditions;
mod findings;
mod policy;
mod proxy;
mod topics;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::events::{Event, EventType};
use kube::{Resource, ResourceExt};
use operator_api::{EncryptionProxy, TopicEncryptionPolicy};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use thiserror::Error;

use self::findings::Facts;
use super::dereference::{Malformed, Observed};
use super::reconcile::{Context, Programmed};
use super::validate::Judgement;
use crate::cluster::KafkaKey;
use crate::fleet::Fleet;
use crate::names::FIELD_MANAGER;

/// What an event may say, in bytes.
const MAX_NOTE: usize = 1000;

/// Why a status was not written.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("failed to write the status of {kind} {name}")]
    Write {
        kind: String,
        name: String,
        #[source]
        source: Box<kube::Error>,
    },
}

/// Writes every status that changed. Says whether nothing is under way any more.
pub(crate) async fn write(
    context: &Context,
    key: &KafkaKey,
    observed: &Observed,
    judgement: &Judgement,
    programmed: Option<&Programmed>,
) -> Result<bool, Error> {
    let now = Timestamp::now();
    let facts = Facts::new(key, observed, judgement, programmed);
    context.metrics.fleet(key, observed.policies.len(), facts.desired, facts.loaded_all());
    for each in &observed.policies {
        let before = each.status.clone().unwrap_or_default();
        let after = policy::status(&facts, each, &before, now);
        if after != before {
            turned(context, each, &before.conditions, &after.conditions).await;
            patch(context, each, &after).await?;
        }
    }
    for each in observed.proxies.iter().filter(|each| each.metadata.deletion_timestamp.is_none()) {
        let before = each.status.clone().unwrap_or_default();
        let after = proxy::status(&facts, each, &before, now);
        if after != before {
            turned(context, each, &before.conditions, &after.conditions).await;
            patch(context, each, &after).await?;
        }
    }
    for each in &observed.malformed {
        malformed(context, each, now).await?;
    }
    Ok(facts.is_settled())
}

async fn patch<K>(context: &Context, object: &K, status: &impl Serialize) -> Result<(), Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let name = object.name_any();
    let namespace = object.namespace().unwrap_or_default();
    let api = Api::<K>::namespaced(context.client.clone(), &namespace);
    let patch = json!({"apiVersion": K::api_version(&()), "kind": K::kind(&()), "status": status});
    sent(
        api.patch_status(&name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(patch)).await,
        &K::kind(&()),
        name,
    )
}

/// An object that is not what its schema says can still be told so.
async fn malformed(context: &Context, malformed: &Malformed, now: Timestamp) -> Result<(), Error> {
    let resource = match malformed.kind {
        "EncryptionProxy" => ApiResource::erase::<EncryptionProxy>(&()),
        _ => ApiResource::erase::<TopicEncryptionPolicy>(&()),
    };
    let object = &malformed.object;
    let told = object.data.get("status").and_then(|status| status.get("conditions")).cloned();
    let before: Vec<Condition> = told.and_then(|told| serde_json::from_value(told).ok()).unwrap_or_default();
    let message = format!("it is not what its schema says: {}; correct it", malformed.error);
    let findings = [
        conditions::finding("Accepted", false, "Malformed", message.clone()),
        conditions::finding("Ready", false, "Malformed", message.clone()),
        conditions::finding("Stalled", true, "Malformed", message),
    ];
    let after = conditions::conditions(&findings, &before, object.metadata.generation, now);
    if after == before {
        return Ok(());
    }
    let namespace = object.namespace().unwrap_or_default();
    let api = Api::<DynamicObject>::namespaced_with(context.client.clone(), &namespace, &resource);
    let patch = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "status": {"observedGeneration": object.metadata.generation, "conditions": after},
    });
    let name = object.name_any();
    sent(
        api.patch_status(&name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(patch)).await,
        malformed.kind,
        name,
    )
}

fn sent<T>(outcome: kube::Result<T>, kind: &str, name: String) -> Result<(), Error> {
    match outcome {
        Ok(_) => Ok(()),
        // It was deleted meanwhile.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(source) => Err(Error::Write { kind: kind.to_owned(), name, source: Box::new(source) }),
    }
}

type Conditions = [Condition];

/// Tells of conditions that turned, as an event on the object.
async fn turned<K>(context: &Context, object: &K, before: &Conditions, after: &Conditions)
where
    K: Resource<DynamicType = ()>,
{
    for kind in ["Accepted", "Ready"] {
        let find = |all: &Conditions| all.iter().find(|each| each.type_ == kind).cloned();
        let (Some(now), then) = (find(after), find(before)) else { continue };
        let same = then.as_ref().is_some_and(|then| then.status == now.status && then.reason == now.reason);
        if same || (then.is_none() && kind == "Ready") {
            continue;
        }
        let severity = if now.status == "True" { EventType::Normal } else { EventType::Warning };
        publish(context, object, severity, &now.reason, now.message.clone()).await;
    }
}

/// An event on the fleet's `EncryptionProxy`, or on each policy where there is none.
pub(crate) async fn event(
    context: &Context,
    judgement: &Judgement,
    fleet: &Fleet,
    severity: EventType,
    reason: &str,
    note: String,
) {
    tracing::info!(kafka = %fleet.key, reason, note, "told as an event");
    if let Some(proxy) = &judgement.proxy {
        publish(context, proxy, severity, reason, note).await;
        return;
    }
    let reference = k8s_openapi::api::core::v1::ObjectReference {
        api_version: Some(fleet.owner.api_version.clone()),
        kind: Some(fleet.owner.kind.clone()),
        name: Some(fleet.owner.name.clone()),
        namespace: Some(fleet.key.namespace.clone()),
        uid: Some(fleet.owner.uid.clone()),
        ..Default::default()
    };
    publish_at(context, &reference, severity, reason, note).await;
}

async fn publish<K: Resource<DynamicType = ()>>(
    context: &Context,
    object: &K,
    severity: EventType,
    reason: &str,
    note: String,
) {
    publish_at(context, &object.object_ref(&()), severity, reason, note).await;
}

async fn publish_at(
    context: &Context,
    reference: &k8s_openapi::api::core::v1::ObjectReference,
    type_: EventType,
    reason: &str,
    note: String,
) {
    let note = truncated(note);
    let event = Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    // Events are a courtesy; the status says the same.
    if let Err(error) = context.recorder.publish(&event, reference).await {
        tracing::debug!(%error, "an event was not written");
    }
}

fn truncated(mut note: String) -> String {
    let mut end = MAX_NOTE.min(note.len());
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    note.truncate(end);
    note
}

#[cfg(test)]
mod tests;
