//! The Secret of local keys.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;
use kube::runtime::events::EventType;

use super::{Context, Error};
use crate::controller::apply::Applier;
use crate::controller::dereference::Observed;
use crate::controller::status::event;
use crate::controller::validate::Judgement;
use crate::fleet::{Fleet, Provider};
use crate::local_keys::LocalKeys;
use crate::names;
use crate::secret_text::SecretChanges;

/// Adds keys that policies need and that are not there; gives back those that could not be made.
pub(super) async fn local_keys(
    context: &Context,
    applier: &Applier,
    observed: &Observed,
    judgement: &Judgement,
    fleet: &Fleet,
) -> Result<BTreeMap<String, String>, Error> {
    let ours = |name: &proxy_config::ProviderName| {
        matches!(fleet.providers.get(name), Some(Provider::Local { ours: true, .. }))
    };
    if !fleet.providers.keys().any(ours) {
        return Ok(BTreeMap::new());
    }
    let by_provider = judgement.merged.program.keys_by_provider();
    let needed: BTreeSet<String> = by_provider
        .iter()
        .filter(|(provider, _)| ours(provider))
        .flat_map(|(_, keys)| keys.iter().map(ToString::to_string))
        .collect();
    let used: BTreeSet<String> = judgement
        .ledger
        .entries()
        .iter()
        .filter(|(_, entry)| ours(&entry.key.provider))
        .map(|(_, entry)| entry.key.name.to_string())
        .collect();
    let before = observed.ours.keys.as_ref();
    let plan = LocalKeys::plan(before.and_then(|secret| secret.data.as_ref()), &needed, &used)
        .map_err(Error::LocalKeys)?;
    // The Secret is mounted, so it must be there even without a key.
    if before.is_none() || !plan.added.is_empty() {
        let entries: Vec<String> = plan.added.keys().cloned().collect();
        let added = SecretChanges { set: plan.added, remove: BTreeSet::new() };
        let mut metadata = fleet.lasting_metadata(fleet.names.keys());
        metadata.annotations = Some(names::lasting_annotations());
        let after = Secret { metadata, data: Some(added.applied_to(None)), ..Secret::default() };
        applier.add_to_secret(before, after).await.map_err(Error::Apply)?;
        if !entries.is_empty() {
            let note = format!(
                "made {} in the Secret {}: back it up now, since data cannot be read without it; whoever may read it holds \
                 the keys",
                entries.join(", "),
                fleet.names.keys()
            );
            event(context, judgement, fleet, EventType::Warning, "LocalKeysMade", note).await;
        }
    }
    Ok(plan.refused.into_iter().map(|(name, refusal)| (name, refusal.to_string())).collect())
}
