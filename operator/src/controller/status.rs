//! Last step: what became of it is written to the resources, and only when it changed. Numbers come from the proxies.

mod behind;
mod conditions;
mod envelope_keys;
mod events;
mod findings;
mod history;
mod kafka;
mod keys;
mod ours;
mod policy;
mod proxy;
mod refused_reads;
mod rotation;
mod stranger;
mod topics;
mod unread;

pub(crate) use self::events::{
    certificate_event, ledger_copy_unreadable, ledger_rolled_back, local_keys_made,
};
pub(crate) use self::findings::Facts;
pub(crate) use self::unread::write_unread;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use operator_api::{EncryptionProxy, TopicEncryptionPolicy};
use serde::Serialize;
use serde_json::{Value, json};
use thiserror::Error;

use self::ours::{HasConditions, Ours};
use super::dereference::Malformed;
use super::reconcile::Context;
use super::validate::is_paused;
use crate::metrics::{Kind, Resources};
use crate::names::FIELD_MANAGER;

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
pub(crate) async fn write(context: &Context, facts: &Facts<'_>) -> Result<bool, Error> {
    let now = Timestamp::now();
    let observed = facts.observed;
    tell_metrics(context, facts);
    // One resource that cannot be written keeps nothing from the others.
    let mut outcome = Ok(facts.is_settled());
    let ours = observed.policies.iter().filter(|each| !facts.is_strange(*each));
    for each in ours.filter(|each| facts.concerns(each.status.as_ref())) {
        let after = policy::status(facts, each, &each.status.clone().unwrap_or_default(), now);
        outcome = put(context, each, after).await.and(outcome);
    }
    let proxies = observed.proxies.iter().filter(|each| each.metadata.deletion_timestamp.is_none());
    for each in proxies.filter(|each| facts.concerns(each.status.as_ref())) {
        let after = proxy::status(facts, each, &each.status.clone().unwrap_or_default(), now);
        outcome = put(context, each, after).await.and(outcome);
    }
    // Whoever does not count for the cluster comes after all who do.
    let (strange, ours): (Vec<_>, Vec<_>) =
        observed.malformed.iter().partition(|each| facts.is_strange(&each.object));
    for each in ours.into_iter().chain(strange) {
        outcome = malformed(context, each, now).await.and(outcome);
    }
    let all = stranger::write(context, facts, now).await;
    outcome.and_then(|settled| all.map(|all| settled && all))
}

fn tell_metrics(context: &Context, facts: &Facts<'_>) {
    let mut resources = Resources::default();
    for each in &facts.observed.policies {
        resources.add(Kind::TopicEncryptionPolicy, each.namespace().unwrap_or_default(), is_paused(each));
    }
    for each in &facts.observed.proxies {
        resources.add(Kind::EncryptionProxy, each.namespace().unwrap_or_default(), is_paused(each));
    }
    let (desired, loaded) = facts.serving();
    context.metrics.fleet(facts.key, resources, desired, loaded);
}

/// Writes a status if it changed, and tells of what turned.
async fn put<K: Ours>(context: &Context, object: &K, after: K::Status) -> Result<(), Error> {
    let before = object.status().cloned().unwrap_or_default();
    let uid = object.uid().unwrap_or_default();
    let texts = json!([before, after]);
    if after == before || context.memory.is_all_kept(&uid, &texts[0], &texts[1]) {
        return Ok(());
    }
    events::turned(context, object, before.conditions(), after.conditions()).await;
    patch(context, object, &after).await
}

async fn patch<K: Ours>(context: &Context, object: &K, status: &impl Serialize) -> Result<(), Error> {
    let name = object.name_any();
    let namespace = object.namespace().unwrap_or_default();
    let api = Api::<K>::namespaced(context.client.clone(), &namespace);
    let patch = json!({"apiVersion": K::api_version(&()), "kind": K::kind(&()), "status": status});
    let apply = PatchParams::apply(FIELD_MANAGER).force();
    let mut outcome = api.patch_status(&name, &apply, &Patch::Apply(&patch)).await;
    if outcome.as_ref().is_err_and(has_older_definitions) {
        outcome = merge(context, &api, object, patch).await;
    }
    sent(outcome, &K::kind(&()), name)
}

/// Writes a status of which the API server drops what it does not know. What that leaves is remembered, or every pass would find
/// that it is not what it should be.
async fn merge<K: Ours>(context: &Context, api: &Api<K>, object: &K, mut patch: Value) -> kube::Result<K> {
    let sent = patch["status"].clone();
    // Merging leaves what it does not name.
    let before = json!(object.status());
    for (field, _) in before.as_object().into_iter().flatten() {
        if sent.get(field).is_none() {
            patch["status"][field] = Value::Null;
        }
    }
    let merge = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let written = api.patch_status(&object.name_any(), &merge, &Patch::Merge(&patch)).await?;
    context.memory.kept(object.uid().unwrap_or_default(), sent, json!(written.status()));
    Ok(written)
}

/// Whether the API server cannot apply a status, because the definitions in the cluster are older than the operator and lack a
/// field of it.
fn has_older_definitions(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.message.contains("field not declared in schema"))
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

#[cfg(test)]
mod tests;
