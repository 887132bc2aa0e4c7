//! The Secret of local keys.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;

use super::{Context, Error};
use crate::controller::apply::Applier;
use crate::controller::dereference::Observed;
use crate::controller::status::local_keys_made;
use crate::controller::validate::Judgement;
use crate::fleet::{Fleet, Provider};
use crate::local_keys::{Fingerprints, LocalKeys, fingerprints};
use crate::names;
use crate::policies::Ledger;
use crate::secret_text::SecretChanges;

/// What is wrong with local keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Keys that could not be made, and why.
    pub(super) refused: BTreeMap<String, String>,
    /// Entries that proxies cannot use, and why.
    pub(super) unusable: BTreeMap<String, String>,
    /// What the ledger is to remember of those that are in use.
    pub(super) seen: Fingerprints,
}

/// Names of keys that were in use, also of providers that are gone, whose keys may be in the same Secret.
fn used(ledger: &Ledger, fleet: &Fleet) -> BTreeSet<String> {
    let is_given = |name| matches!(fleet.providers.get(name), Some(Provider::Local { ours: false, .. }));
    let keys = ledger.keys().filter(|key| !is_given(&key.provider));
    keys.map(|key| key.name.to_string()).collect()
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
    let used = used(&judgement.ledger, fleet);
    let before = observed.ours.keys.as_ref();
    let plan = LocalKeys::plan(before.and_then(|secret| secret.data.as_ref()), &needed, &used)
        .map_err(Error::LocalKeys)?;
    let is_used = |name: &str| needed.contains(name) || used.contains(name);
    let data = before.and_then(|secret| secret.data.as_ref());
    let mut seen = fingerprints(data, is_used);
    // The Secret is mounted, so it must be there even without a key.
    if before.is_none() || !plan.added.is_empty() {
        let made: BTreeSet<String> =
            plan.added.keys().filter_map(|entry| entry.strip_suffix(".v1")).map(str::to_owned).collect();
        let added = SecretChanges { set: plan.added, remove: BTreeSet::new() };
        let mut metadata = fleet.lasting_metadata(fleet.names.keys());
        metadata.annotations = Some(names::lasting_annotations());
        let data = added.applied_to(None);
        seen.extend(fingerprints(Some(&data), is_used));
        let after = Secret { metadata, data: Some(data), ..Secret::default() };
        applier.add_to_secret(before, after).await.map_err(Error::Apply)?;
        if !made.is_empty() {
            local_keys_made(context, observed, judgement, fleet, &made).await;
        }
    }
    let refused = plan.refused.into_iter().map(|(name, refusal)| (name, refusal.to_string()));
    let unusable = plan.unusable.into_iter().map(|(entry, error)| (entry, error.to_string()));
    Ok(Keys { refused: refused.collect(), unusable: unusable.collect(), seen })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::fixtures::{fleet, with_proxy};

    #[test]
    fn keys_of_a_provider_that_is_gone_count_as_used_and_those_in_a_given_secret_do_not() {
        let fleet = fleet(&with_proxy(
            "{keyProviders: [{name: default, local: {}}, {name: given, local: {secretRef: {name: theirs}}}]}",
        ));
        let text = "version: 1\nencrypted: []\nearlierKeys: [{provider: default, name: a}, \
                    {provider: given, name: b}, {provider: gone, name: c}]\n";
        let ledger = Ledger::parse(text).unwrap();
        assert_eq!(used(&ledger, &fleet), ["a", "c"].map(str::to_owned).into());
    }
}
