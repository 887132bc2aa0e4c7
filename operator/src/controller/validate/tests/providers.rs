//! The provider of a key that anything was encrypted under stays what it is.

use crate::controller::dereference::Observed;
use crate::controller::fixtures::{judge, ledger, obstacle, policy, told, with_proxy};
use crate::controller::validate::Obstacle;

fn passes(observed: &Observed) -> bool {
    judge(observed).fleet.as_ref().is_err_and(Obstacle::passes)
}

#[test]
fn a_provider_that_has_data_is_kept() {
    let mut observed = with_proxy("{keyProviders: [{name: default, local: {}}, {name: team, local: {}}]}");
    observed.policies =
        vec![policy("[{topics: [{prefix: payments.}], key: {name: payments, provider: team}}]")];
    let mut observed = told(observed);
    assert!(judge(&observed).fleet.is_ok());
    observed.policies.clear();
    observed.proxies = with_proxy("{keyProviders: [{name: default, local: {}}]}").proxies;
    let (reason, message) = obstacle(&observed);
    assert_eq!(reason, "InvalidSettings");
    assert!(message.contains("keyProviders lacks team") && message.contains("key payments"), "{message}");
    assert!(!passes(&observed));
    observed.proxies.clear();
    assert_eq!(obstacle(&observed).0, "InvalidSettings", "nor do the defaults have it");
}

/// A fleet whose provider `default` is this, with data under its key `payments`.
fn with_data(provider: &str) -> Observed {
    told(with_proxy(&format!("{{keyProviders: [{{name: default, {provider}}}]}}")))
}

/// The same when the `EncryptionProxy` says this of the provider now.
fn then(mut observed: Observed, provider: &str) -> Observed {
    observed.proxies = with_proxy(&format!("{{keyProviders: [{{name: default, {provider}}}]}}")).proxies;
    observed
}

const VAULT: &str = "vault: {address: 'https://bao:8200', authentication: {kubernetes: {role: proxies}}}";

/// Conformance: P17-31.
#[test]
fn a_provider_does_not_become_one_of_another_kind_while_it_has_data() {
    for (before, now) in [("local: {}", VAULT), (VAULT, "local: {}")] {
        let changed = then(with_data(before), now);
        let (reason, message) = obstacle(&changed);
        assert_eq!(reason, "KeyProviderChanged");
        let word = |provider: &str| provider.split(':').next().unwrap().to_owned();
        assert!(message.contains(&format!("was {}", word(before))), "{message}");
        assert!(message.contains(&format!("is {}", word(now))), "{message}");
        assert!(message.contains("key payments") && message.contains("name of its own"), "{message}");
        assert!(!message.contains("annotate"), "no copy of keys helps: {message}");
        assert!(!passes(&changed));
        assert!(judge(&then(changed, before)).fleet.is_ok(), "set back, all is well");
    }
    let mut gone = with_data(VAULT);
    gone.proxies.clear();
    assert_eq!(obstacle(&gone).0, "KeyProviderChanged", "the defaults are another kind, too");
}

/// Conformance: P17-31.
#[test]
fn where_a_service_is_reached_may_change() {
    assert!(judge(&then(with_data(VAULT), &VAULT.replace("bao:8200", "bao.example.com"))).fleet.is_ok());
}

/// Conformance: P17-31.
#[test]
fn local_keys_move_to_another_secret_once_somebody_says_that_they_were_copied() {
    let mut moved = then(with_data("local: {}"), "local: {secretRef: {name: team}}");
    let (reason, message) = obstacle(&moved);
    assert_eq!(reason, "KeyProviderChanged");
    let remedy = "encryption.strimzi.io/keys-copied-to=team";
    assert!(message.contains("my-cluster-encryption-keys") && message.contains(remedy), "{message}");

    let annotate = |observed: &mut Observed, secret: &str| {
        let annotations = [("encryption.strimzi.io/keys-copied-to".to_owned(), secret.to_owned())];
        observed.proxies[0].metadata.annotations = Some(annotations.into());
    };
    annotate(&mut moved, "other");
    assert_eq!(obstacle(&moved).0, "KeyProviderChanged", "another move was meant");
    annotate(&mut moved, "team");
    let moved = told(moved);
    let moved = then(moved, "local: {secretRef: {name: team}}");
    assert!(judge(&moved).fleet.is_ok(), "nobody need say so for ever");
    assert_eq!(obstacle(&then(moved, "local: {}")).0, "KeyProviderChanged", "and the way back is a move");
}

#[test]
fn nothing_is_kept_for_a_provider_without_data_nor_known_of_ledgers_from_before() {
    let mut unused = with_data("local: {}");
    unused.policies.clear();
    unused.ours.ledger = Some(ledger("version: 1\nencrypted: []"));
    unused.ours.config = None;
    assert!(judge(&then(unused, VAULT)).fleet.is_ok());
    let mut earlier = with_data("local: {}");
    let entry = "{topic: {prefix: payments.}, key: {name: payments}, policy: kafka/payments}";
    earlier.ours.ledger = Some(ledger(&format!("version: 1\nencrypted: [{entry}]")));
    earlier.ours.config = None;
    assert!(judge(&then(earlier, "local: {secretRef: {name: team}}")).fleet.is_ok());
}
