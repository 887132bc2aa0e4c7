//! Whether data keys are replaced, where an annotation asks for it. Pure.

use kube::ResourceExt;
use proxy_config::KeyRef;

use super::conditions::{Finding, finding};
use super::findings::{Facts, count};
use crate::controller::validate::rotation;

/// As much of the annotation as a person needs to tell it from another.
const SHOWN: usize = 64;

/// Of the keys that are meant.
pub(super) fn of(
    facts: &Facts<'_>,
    object: &impl ResourceExt,
    is_meant: impl Fn(&KeyRef) -> bool,
) -> Option<Finding> {
    let word: String = rotation(object)?.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect();
    let programmed = facts.programmed?;
    let wanted: Vec<_> =
        programmed.step.program.rotations().marks().filter(|(key, _)| is_meant(key)).collect();
    let has_it = |loaded: &crate::policies::Program| {
        wanted.iter().all(|mark| loaded.rotations().marks().any(|other| other == *mark))
    };
    let taken =
        count(facts.proxies().filter(|proxy| programmed.told.of(proxy).is_some_and(|each| has_it(each))));
    let told = format!("{} of {} proxies", taken.min(facts.desired), facts.desired);
    if taken < facts.desired {
        let message = format!("{told} were told to replace their data keys, as the annotation says: {word}");
        return Some(finding("DataKeysRotated", false, "Reconciling", message));
    }
    let message = format!(
        "{told} have let go of their data keys, and take new ones with the next records, since the annotation said: {word}; the \
         versions that these are under stand in status.keys of policies"
    );
    Some(finding("DataKeysRotated", true, "DataKeysRotated", message))
}
