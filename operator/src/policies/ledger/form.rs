//! A ledger as text.

use std::collections::{BTreeMap, BTreeSet};

use proxy_config::Pattern;
use serde::{Deserialize, Serialize};

use super::earlier_key::EarlierKeyText;
use super::{Keys, Ledger, LedgerEntry, Providers};
use crate::local_keys::Fingerprints;
use crate::policies::PolicyId;
use crate::policies::history::{self, TopicHistoryText};
use crate::policies::text::{KeyText, PatternText, TextError, write};

const VERSION: u32 = 1;
const HEADER: &str = "\
# Written by the operator: topic patterns that were ever encrypted, with the key and the policy that each had last.
# Topics that match stay encrypted or are refused, until a rule with the same pattern, of a policy in the same
# namespace, says `encryption: Disabled`. Keep a copy. Where the ledger is lost, whatever it held may become clear.
";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(rename_all = "camelCase")]
struct LedgerText {
    version: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    serial: u64,
    encrypted: Vec<EntryText>,
    /// Those that no entry of the namespace has any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier_keys: Vec<EarlierKeyText>,
    /// Older ledgers do not say so, and may lack keys.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    all_keys: bool,
    /// Nor have they these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    local_keys: Fingerprints,
    /// Nor these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    providers: Providers,
    /// By topic, where a rule lets history pass or did so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<TopicHistoryText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryText {
    topic: PatternText,
    key: KeyText,
    policy: PolicyId,
}

/// Read first, so that a newer form is reported as that.
#[derive(Deserialize)]
struct VersionText {
    version: u32,
}

impl Ledger {
    /// Reads a `ledger.yaml`.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let VersionText { version } = serde_yaml::from_str(text).map_err(TextError::Form)?;
        if version != VERSION {
            return Err(TextError::Version { known: VERSION, found: version });
        }
        let text: LedgerText = serde_yaml::from_str(text).map_err(TextError::Form)?;
        let was_never_used = text.serial == 0 && text.encrypted.is_empty() && text.earlier_keys.is_empty();
        let has_all_keys = text.all_keys || was_never_used;
        let earlier = text.earlier_keys.into_iter();
        let keys = earlier.map(|EarlierKeyText { key, namespaces }| (key, namespaces)).collect();
        let LedgerText { serial, local_keys, providers, .. } = text;
        let history = history::read(text.history);
        let mut ledger =
            Self { serial, keys, has_all_keys, local_keys, providers, history, ..Self::default() };
        for (index, EntryText { topic, key, policy }) in text.encrypted.into_iter().enumerate() {
            if ledger.insert(topic.0.clone(), LedgerEntry { key: key.0, policy }).is_some() {
                let field = format!("encrypted[{index}].topic");
                return Err(TextError::Duplicate { field, pattern: topic.0 });
            }
        }
        Ok(ledger)
    }

    /// The text of a `ledger.yaml` that means this: the same for the same ledger, one line for each change.
    pub fn to_yaml(&self) -> String {
        let entry = |(pattern, entry): (Pattern, &LedgerEntry)| EntryText {
            topic: PatternText(pattern),
            key: KeyText(entry.key.clone()),
            policy: entry.policy.clone(),
        };
        let text = LedgerText {
            version: VERSION,
            serial: self.serial,
            encrypted: self.entries.iter().map(entry).collect(),
            earlier_keys: self.earlier_keys(),
            all_keys: self.has_all_keys,
            local_keys: self.local_keys.clone(),
            providers: self.providers.clone(),
            history: history::text(&self.history),
        };
        format!("{HEADER}{}", write(&text))
    }

    /// What no entry says of keys.
    fn earlier_keys(&self) -> Vec<EarlierKeyText> {
        let mut current = Keys::new();
        for LedgerEntry { key, policy } in self.entries.values() {
            current.entry(key.clone()).or_default().insert(policy.namespace.clone());
        }
        let earlier = self.keys.iter().filter_map(|(key, namespaces)| {
            let now = current.get(key);
            let more = namespaces.iter().filter(|namespace| !now.is_some_and(|now| now.contains(*namespace)));
            let namespaces: BTreeSet<_> = more.cloned().collect();
            (now.is_none() || !namespaces.is_empty()).then(|| EarlierKeyText { key: key.clone(), namespaces })
        });
        earlier.collect()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(serial: &u64) -> bool {
    *serial == 0
}
