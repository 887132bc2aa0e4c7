//! Whether records open under whatever key their envelopes name. Pure.

use operator_api::EnvelopeKeys;

use super::conditions::{Finding, finding};
use super::findings::Facts;

/// Nothing where only known keys are asked for, which is as it should be.
pub(super) fn any(facts: &Facts<'_>) -> Option<Finding> {
    facts.fleet()?;
    if facts.judgement.merged.program.known_keys().is_some() {
        return None;
    }
    let (reason, why) = match facts.judgement.spec.envelope_keys {
        Some(EnvelopeKeys::Any) => ("EnvelopeKeysAny", "as envelopeKeys: Any of the EncryptionProxy says"),
        Some(EnvelopeKeys::Known) | None => (
            "LedgerMayLackKeys",
            "since the ledger does not say that it has every key that data is under (allKeys); once it has, say envelopeKeys: \
             Known on an EncryptionProxy",
        ),
    };
    let message = format!(
        "records open under every key of the key providers, so whoever writes to brokers chooses what these are asked for, {why}"
    );
    Some(finding("AnyEnvelopeKey", true, reason, message))
}
