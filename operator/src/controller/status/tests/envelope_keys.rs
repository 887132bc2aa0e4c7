//! Which keys the envelopes of records may name.

use super::{find, has, policy_status, proxy_status, with_pods};
use crate::controller::dereference::Observed;
use crate::controller::fixtures::{judge, ledger, observed, policy, told, with_proxy};
use crate::policies::Program;

const OTHER: &str = "[{topics: [{prefix: payments.}], key: {name: other}}]";

/// As the ledger is without the mark that it has all keys.
fn older(mut observed: Observed) -> Observed {
    let text = observed.ours.ledger.take().unwrap().data.unwrap().remove("ledger.yaml").unwrap();
    let older = text.replace("allKeys: true\n", "");
    assert_ne!(text, older);
    observed.ours.config = None;
    observed.ours.ledger = Some(ledger(&older));
    observed
}

fn known(observed: &Observed) -> Option<Vec<String>> {
    let program = judge(observed).merged.program;
    assert_eq!(Program::parse(&program.to_yaml()).unwrap().known_keys(), program.known_keys());
    Some(program.known_keys()?.into_iter().map(|key| key.name.to_string()).collect())
}

#[test]
fn a_fleet_opens_what_its_policies_have_or_had() {
    let mut observed = told(observed());
    assert_eq!(known(&observed).unwrap(), ["payments"]);
    observed.policies = vec![policy(OTHER)];
    let mut observed = told(observed);
    assert_eq!(known(&observed).unwrap(), ["other", "payments"]);
    observed.policies = vec![policy("[{topics: [{prefix: payments.}], encryption: Disabled}]")];
    assert_eq!(known(&told(observed)).unwrap(), ["other", "payments"], "what was stored is still read");
}

#[test]
fn a_key_that_somebody_adds_to_the_ledger_is_opened() {
    let mut observed = told(observed());
    let text = observed.ours.ledger.take().unwrap().data.unwrap().remove("ledger.yaml").unwrap();
    observed.ours.ledger = Some(ledger(&format!("{text}earlierKeys: [{{name: before}}]\n")));
    assert_eq!(known(&observed).unwrap(), ["before", "payments"]);
}

#[test]
fn an_upgrade_makes_nothing_unreadable_until_somebody_says_that_all_keys_are_known() {
    let observed = older(told(with_proxy("{replicas: 2}")));
    assert_eq!(known(&observed), None);
    let told = with_pods(told(observed), 2);
    assert_eq!(known(&told), None, "nor with the next ledger");
    let (holds, reason, message) = find(&proxy_status(&told).conditions, "AnyEnvelopeKey");
    assert_eq!((holds.as_str(), reason.as_str()), ("True", "LedgerMayLackKeys"));
    assert!(message.contains("envelopeKeys: Known"), "{message}");
    assert!(!has(&policy_status(&told).conditions, "AnyEnvelopeKey"), "the EncryptionProxy tells");

    let mut observed = with_proxy("{replicas: 2, envelopeKeys: Known}");
    observed.ours = told.ours;
    assert_eq!(known(&observed).unwrap(), ["payments"]);
}

#[test]
fn who_does_not_want_the_limit_says_so_and_is_told() {
    let observed = with_pods(told(with_proxy("{replicas: 2, envelopeKeys: Any}")), 2);
    assert_eq!(known(&observed), None);
    assert_eq!(find(&proxy_status(&observed).conditions, "AnyEnvelopeKey").1, "EnvelopeKeysAny");
}

#[test]
fn without_an_encryption_proxy_the_policies_tell() {
    let observed = with_pods(told(older(told(observed()))), 2);
    assert_eq!(find(&policy_status(&observed).conditions, "AnyEnvelopeKey").1, "LedgerMayLackKeys");
    let observed = with_pods(told(self::observed()), 2);
    assert!(!has(&policy_status(&observed).conditions, "AnyEnvelopeKey"));
}
