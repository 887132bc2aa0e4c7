//! The ledger is written before anything that follows from it, and its number where it outlasts an older copy.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;

use super::{Context, Error};
use crate::controller::apply::Applier;
use crate::controller::dereference::Observed;
use crate::controller::status::ledger_rolled_back;
use crate::controller::validate::{Judgement, serial_on};
use crate::fleet::Fleet;
use crate::names;
use crate::policies::Ledger;

/// The ledger as it is, or a new one that is empty: keys without a ledger are the sign of a lost one.
pub(super) async fn ledger_to_write_to(
    applier: &Applier,
    observed: &Observed,
    fleet: &Fleet,
) -> Result<ConfigMap, Error> {
    if let Some(ledger) = &observed.ours.ledger {
        Ok(ledger.clone())
    } else {
        let empty = ledger_object(fleet, &Ledger::default());
        applier.write_ledger(None, empty).await.map_err(Error::Apply)
    }
}

/// Writes the ledger, if it says anything new, and gives back what is there now.
pub(super) async fn write_ledger(
    context: &Context,
    applier: &Applier,
    judgement: &Judgement,
    fleet: &Fleet,
    before: ConfigMap,
    next: &Ledger,
) -> Result<ConfigMap, Error> {
    let stored = judgement.stored.clone().unwrap_or_default();
    if *next == stored {
        return Ok(before);
    }
    let after =
        applier.write_ledger(Some(&before), ledger_object(fleet, next)).await.map_err(Error::Apply)?;
    let missing: Vec<_> = judgement.ledger.patterns_beyond(&stored).iter().map(ToString::to_string).collect();
    if !missing.is_empty() {
        let note = format!(
            "the ConfigMap {} was set back to an older state; what was encrypted since is put back into it: {}. Let no tool \
             apply an older copy over it",
            fleet.names.ledger(),
            missing.join(", ")
        );
        ledger_rolled_back(context, fleet, note).await;
    }
    Ok(after)
}

/// Notes the number of the ledger where it outlasts an older copy of the ledger that somebody applies: only once it is written,
/// since the ledger must never be behind without a reason. Of the two Secrets the one that no pod mounts comes first.
pub(super) async fn witness(
    context: &Context,
    applier: &Applier,
    observed: &Observed,
    fleet: &Fleet,
    serial: u64,
) -> Result<(), Error> {
    context.memory.saw_ledger(&fleet.key, serial);
    let secret = observed.ours.authority.as_ref().or(observed.ours.keys.as_ref());
    // Once: a tool that puts an older copy of the Secret in place again and again is not fought.
    let Some(secret) = secret.filter(|_| context.memory.noted_serial(&fleet.key) < serial) else {
        return Ok(());
    };
    if serial_on(secret).is_none_or(|noted| noted < serial) {
        applier.note_ledger(&secret.name_any(), serial).await.map_err(Error::Apply)?;
    }
    context.memory.noted_ledger(&fleet.key, serial);
    Ok(())
}

/// It, as an object that outlasts the fleet.
pub(super) fn ledger_object(fleet: &Fleet, ledger: &Ledger) -> ConfigMap {
    let mut metadata = fleet.lasting_metadata(fleet.names.ledger());
    metadata.annotations = Some(names::lasting_annotations());
    ConfigMap {
        metadata,
        data: Some([("ledger.yaml".to_owned(), ledger.to_yaml())].into()),
        ..ConfigMap::default()
    }
}
