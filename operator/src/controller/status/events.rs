//! Events, on the resources that people look at. The status says the same, except of what happened once.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::runtime::events::{Event, EventType};

use crate::certificates::{AuthorityReason, Event as CertificateEvent};
use crate::controller::dereference::Observed;
use crate::controller::reconcile::Context;
use crate::controller::validate::{Judgement, id_of};
use crate::fleet::Fleet;
use crate::policies::{Encrypt, PolicyId, Program, Treatment};

/// What an event may say, in bytes.
const MAX_NOTE: usize = 1000;

/// Tells of conditions that turned, as an event on the object.
pub(super) async fn turned<K>(context: &Context, object: &K, before: &[Condition], after: &[Condition])
where
    K: Resource<DynamicType = ()>,
{
    for kind in ["Accepted", "Ready"] {
        let find = |all: &[Condition]| all.iter().find(|each| each.type_ == kind).cloned();
        let (Some(now), then) = (find(after), find(before)) else { continue };
        let same = then.as_ref().is_some_and(|then| then.status == now.status && then.reason == now.reason);
        if same || (then.is_none() && kind == "Ready") {
            continue;
        }
        let severity = if now.status == "True" { EventType::Normal } else { EventType::Warning };
        publish(context, &object.object_ref(&()), severity, &now.reason, now.message.clone()).await;
    }
}

/// New keys, told on every policy that uses them and on the `EncryptionProxy`: nobody but their owners can keep a copy.
pub(crate) async fn local_keys_made(
    context: &Context,
    observed: &Observed,
    judgement: &Judgement,
    fleet: &Fleet,
    made: &BTreeSet<String>,
) {
    let secret = fleet.names.keys();
    let note = |keys: &BTreeSet<String>| {
        let keys = keys.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!(
            "made local keys in the Secret {secret}: {keys}. Back it up now, since data cannot be read without it; whoever may \
             read it holds the keys"
        )
    };
    tracing::info!(kafka = %fleet.key, "{}", note(made));
    if let Some(proxy) = &judgement.proxy {
        publish(context, &proxy.object_ref(&()), EventType::Warning, "LocalKeysMade", note(made)).await;
    }
    for policy in &observed.policies {
        let used = keys_of(&judgement.merged.program, &id_of(policy));
        let own: BTreeSet<String> = used.intersection(made).cloned().collect();
        if !own.is_empty() {
            publish(context, &policy.object_ref(&()), EventType::Warning, "LocalKeysMade", note(&own)).await;
        }
    }
}

/// Names of the keys that the rules of a policy encrypt with.
fn keys_of(program: &Program, policy: &PolicyId) -> BTreeSet<String> {
    let rules = program.rules().filter(|rule| rule.source.as_ref() == Some(policy));
    let keys = rules.filter_map(|rule| match &rule.treatment {
        Treatment::Encrypt(Encrypt { key, .. }) => Some(key.name.to_string()),
        _ => None,
    });
    keys.collect()
}

/// What happened to a certificate, told on the fleet's `EncryptionProxy`, or on the `Kafka` resource where there is none.
pub(crate) async fn certificate_event(context: &Context, fleet: &Fleet, happened: &CertificateEvent) {
    tracing::info!(kafka = %fleet.key, event = happened.reason(), "{happened}");
    let severity = match happened {
        // Clients that do not fetch the bundle again are cut off.
        CertificateEvent::IssuedAuthority { reason, .. } if *reason != AuthorityReason::Missing => {
            EventType::Warning
        }
        _ => EventType::Normal,
    };
    publish(context, &owner(fleet), severity, happened.reason(), happened.to_string()).await;
}

/// The ledger was set back, and is whole again: told where certificates are, since all policies share it.
pub(crate) async fn ledger_rolled_back(context: &Context, fleet: &Fleet, note: String) {
    tracing::warn!(kafka = %fleet.key, "{note}");
    publish(context, &owner(fleet), EventType::Warning, "LedgerRolledBack", note).await;
}

/// The copy of the ledger was no use, and is written anew.
pub(crate) async fn ledger_copy_unreadable(context: &Context, fleet: &Fleet, error: &str) {
    let note = format!(
        "the entry ledger.yaml of the ConfigMap {} could not be read, and is written anew from the ConfigMap {}: {error}. \
         Patterns that only the copy had are lost; compare the ledger with your own copy of it",
        fleet.names.config(),
        fleet.names.ledger()
    );
    tracing::warn!(kafka = %fleet.key, "{note}");
    publish(context, &owner(fleet), EventType::Warning, "LedgerCopyUnreadable", note).await;
}

fn owner(fleet: &Fleet) -> ObjectReference {
    ObjectReference {
        api_version: Some(fleet.owner.api_version.clone()),
        kind: Some(fleet.owner.kind.clone()),
        name: Some(fleet.owner.name.clone()),
        namespace: Some(fleet.key.namespace.clone()),
        uid: Some(fleet.owner.uid.clone()),
        ..ObjectReference::default()
    }
}

async fn publish(
    context: &Context,
    reference: &ObjectReference,
    type_: EventType,
    reason: &str,
    note: String,
) {
    let event = Event {
        type_,
        reason: reason.to_owned(),
        note: Some(truncated(note)),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    // Events are a courtesy.
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
mod tests {
    use super::*;

    #[test]
    fn a_long_note_is_cut_between_characters_to_what_an_event_may_say() {
        let euros = "€".repeat(700);
        let note = truncated(euros.clone());
        assert_eq!(note.len(), 999, "333 of three bytes each, and no part of another");
        assert!(euros.starts_with(&note));
        let umlauts = truncated("ä".repeat(1000));
        assert_eq!((umlauts.len(), umlauts.chars().all(|char| char == 'ä')), (1000, true));
        assert_eq!(truncated("short".to_owned()), "short");
    }
}
