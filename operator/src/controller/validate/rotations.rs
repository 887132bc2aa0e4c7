//! Whose data keys are to be replaced, as annotations say.

use std::collections::BTreeMap;

use kube::ResourceExt;
use operator_api::EncryptionProxy;
use proxy_config::{KeyRef, Rotations};

use super::{id_of, is_paused};
use crate::controller::dereference::Observed;
use crate::names::{self, ROTATE_ANNOTATION};
use crate::policies::{Encrypt, Program, Treatment};

/// As much of a hash as tells marks apart.
const MARK: usize = 16;

/// What an object says, if it says so.
pub(crate) fn rotation(object: &impl ResourceExt) -> Option<&str> {
    let annotation = object.annotations().get(ROTATE_ANNOTATION).filter(|value| !value.is_empty());
    annotation.filter(|_| !is_paused(object)).map(String::as_str)
}

/// A mark for each key in use that the `EncryptionProxy` or a policy with that key says something of. It changes with every word
/// of them, and is no longer for it.
pub(super) fn rotations(
    observed: &Observed,
    proxy: Option<&EncryptionProxy>,
    program: &Program,
) -> Rotations {
    let said = observed.policies.iter().filter_map(|policy| Some((id_of(policy), rotation(policy)?)));
    let said: BTreeMap<_, _> = said.collect();
    let by_all = proxy.and_then(rotation);
    let mut words: BTreeMap<KeyRef, BTreeMap<String, &str>> = BTreeMap::new();
    for rule in program.rules() {
        let Treatment::Encrypt(Encrypt { key, .. }) = &rule.treatment else { continue };
        let by_policy =
            rule.source.as_ref().and_then(|source| Some((source.to_string(), *said.get(source)?)));
        let by_all = by_all.map(|word| (String::new(), word));
        for (who, word) in by_policy.into_iter().chain(by_all) {
            words.entry(key.clone()).or_default().insert(who, word);
        }
    }
    let mark = |words: BTreeMap<String, &str>| {
        let lines: Vec<_> = words.into_iter().map(|(who, word)| format!("{who}\n{word}")).collect();
        let text = lines.join("\n");
        names::sha256(&text).chars().take(MARK).collect()
    };
    Rotations::new(words.into_iter().map(|(key, words)| (key, mark(words))))
}
