//! Versions of a key: which of them is meant, whether it works, and when it is gone.

use proxy_crypto::{KeyProvider, ProviderError};
use proxy_kms::{Pkcs11, Pkcs11Token};

use super::super::contract::context;
use super::Hsm;

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_told_apart_by_their_ids() {
    let Some(hsm) = Hsm::alone("versions::versions_are_told_apart_by_their_ids").await else { return };
    let provider = hsm.with(|_| {});
    let mut wrapped = Vec::new();
    // As numbers, whatever their length and the order in which they were made.
    for (id, newest) in [("09", "09"), ("0100", "0100"), ("ff", "0100"), ("000101", "000101")] {
        hsm.0.make_key("a", id);
        let (dek, key) = provider.generate(&context("a")).await.unwrap();
        assert_eq!(provider.version(key.as_bytes()).as_deref(), Some(newest));
        assert_eq!(key.as_bytes().len(), 2 + newest.len() / 2 + 12 + 48);
        wrapped.push((dek, key));
    }
    for (dek, key) in &wrapped {
        assert!(provider.unwrap(&context("a"), key.as_bytes()).await.unwrap().same_as(dek));
    }
    // A newest key that may not encrypt is no reason to take an older one.
    hsm.0.destroy_key("a", "09");
    hsm.0.permit("a", false, true);
    assert!(matches!(provider.generate(&context("a")).await, Err(ProviderError::Refused { .. })));
    let mut opened = Vec::new();
    for (_, key) in &wrapped {
        opened.push(provider.unwrap(&context("a"), key.as_bytes()).await.map(drop));
    }
    assert!(matches!(opened.remove(0), Err(ProviderError::Refused { .. })), "its version is gone");
    assert_eq!(opened, [Ok(()), Ok(()), Ok(())]);
    // Two keys of one version are none.
    hsm.0.make_key("b", "01");
    hsm.0.make_key("b", "0001");
    assert!(matches!(provider.generate(&context("b")).await, Err(ProviderError::Refused { .. })));
}

/// The module says no more than that it failed, as a broken one would; a key that encrypts tells which of them it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_data_key_is_corrupt_only_after_its_key_was_seen_to_work() {
    let Some(hsm) = Hsm::alone("versions::a_data_key_is_corrupt_only_after_its_key_was_seen_to_work").await
    else {
        return;
    };
    hsm.0.make_key("a", "01");
    let provider = hsm.with(|_| {});
    let (_, wrapped) = provider.generate(&context("a")).await.unwrap();
    let mut altered = wrapped.as_bytes().to_vec();
    *altered.last_mut().unwrap() ^= 1;
    let open = async || provider.unwrap(&context("a"), &altered).await.map(drop).unwrap_err();
    hsm.0.permit("a", false, true);
    let unclear = open().await;
    assert!(matches!(unclear, ProviderError::Unavailable { .. }), "{unclear}");
    assert!(unclear.cause().contains("does not encrypt"), "{unclear}");
    hsm.0.permit("a", true, true);
    let corrupt = open().await;
    assert!(matches!(corrupt, ProviderError::Corrupt { .. }), "{corrupt}");
    // It was seen a moment ago, so nothing is encrypted for the next one.
    hsm.0.permit("a", false, true);
    let corrupt = open().await;
    assert!(matches!(corrupt, ProviderError::Corrupt { .. }), "{corrupt}");
}

/// A key keeps its id when it gets another label, and another token may be in the slot.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_gone_where_the_token_has_others_of_its_key_and_nothing_with_its_id() {
    let test = "versions::a_version_is_gone_where_the_token_has_others_of_its_key_and_nothing_with_its_id";
    let Some(hsm) = Hsm::alone(test).await else { return };
    hsm.0.make_token("other");
    hsm.0.make_key("a", "01");
    let provider = hsm.with(|_| {});
    let elsewhere = hsm.with(|settings| settings.token = Pkcs11Token::Label("other".to_owned()));
    let (dek, wrapped) = provider.generate(&context("a")).await.unwrap();
    let is_gone = async |provider: &Pkcs11| {
        let error = provider.unwrap(&context("a"), wrapped.as_bytes()).await.map(drop).unwrap_err();
        assert!(matches!(error, ProviderError::Refused { .. }), "{error}");
        error.is_gone()
    };
    hsm.0.make_key("a", "02");
    assert!(!is_gone(&elsewhere).await, "it may be another token that is meant");
    hsm.0.rename_key("a", "01", "a.old");
    assert!(!is_gone(&provider).await, "it is there");
    hsm.0.rename_key("a.old", "01", "a");
    assert!(provider.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    hsm.0.destroy_key("a", "01");
    assert!(is_gone(&provider).await);
    hsm.0.destroy_key("a", "02");
    assert!(!is_gone(&provider).await, "nothing tells that the token is the one that is meant");
}
