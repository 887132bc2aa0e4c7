//! What is sent, and which keys and versions.

use proxy_crypto::{ClusterName, KeyName, KmsContext, ProviderError};
use serde_json::json;
use tests::kms::HttpAnswer;

use super::super::contract::context;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_current_version_wraps_and_is_told_and_each_version_unwraps_its_own() {
    let cloud = Cloud::managed_hsm().await;
    cloud.azure.make_key("a");
    let provider = cloud.provider();
    let mut wrapped = Vec::new();
    for _ in 0..3 {
        wrapped.push(provider.generate(&context("a")).await.unwrap());
        cloud.azure.rotate("a");
    }
    cloud.azure.take_requests();
    for (dek, key) in &wrapped {
        assert!(provider.unwrap(&context("a"), key.as_bytes()).await.unwrap().same_as(dek));
        let version = provider.version(key.as_bytes()).unwrap();
        let path = cloud.azure.take_requests().pop().unwrap().path;
        assert_eq!(path, format!("/keys/a/{version}/unwrapkey?api-version=7.4"));
    }
}

/// Neither way of wrapping takes a context: what binds is the check that stands beside what was wrapped.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_binds_to_nothing_is_bound_by_the_proxy() {
    for algorithm in [AzureAlgorithm::A256Kw, AzureAlgorithm::RsaOaep256] {
        let cloud = Cloud::start(algorithm).await;
        cloud.azure.make_key("a");
        let provider = cloud.provider();
        let (_, first) = provider.generate(&context("a")).await.unwrap();
        let (_, second) = provider.generate(&context("a")).await.unwrap();
        // What another data key was wrapped to, with the check of the first.
        let head = 2 + 32 + 16;
        let spliced = [&first.as_bytes()[..head], &second.as_bytes()[head..]].concat();
        let elsewhere = KmsContext { cluster: ClusterName::new("elsewhere").unwrap(), ..context("a") };
        for (context, wrapped) in [(context("a"), &spliced[..]), (elsewhere, first.as_bytes())] {
            cloud.azure.take_requests();
            let answer = provider.unwrap(&context, wrapped).await.map(drop);
            assert!(matches!(answer, Err(ProviderError::Corrupt { .. })), "{answer:?}");
            assert_eq!(cloud.azure.take_requests().len(), 1, "the service unwraps it all the same");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_key_says_how_it_was_wrapped() {
    let cloud = Cloud::managed_hsm().await;
    cloud.azure.make_key("a");
    let (dek, wrapped) = cloud.provider().generate(&context("a")).await.unwrap();
    // The settings say how new ones are wrapped.
    let otherwise = cloud.with(|settings| settings.algorithm = AzureAlgorithm::RsaOaep256);
    assert!(otherwise.unwrap(&context("a"), wrapped.as_bytes()).await.unwrap().same_as(&dek));
    let answer = otherwise.generate(&context("a")).await.map(drop);
    assert!(matches!(answer, Err(ProviderError::Refused { .. })), "the key is of the other kind: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_cannot_be_are_not_asked_for() {
    let cloud = Cloud::managed_hsm().await;
    for name in ["a/b", "a.b", "a_b", "keys/a/0123", &"a".repeat(128)] {
        let context = KmsContext { key: KeyName::new(name).unwrap(), ..context("a") };
        let answer = cloud.provider().generate(&context).await.map(drop);
        assert!(matches!(answer, Err(ProviderError::Refused { .. })), "{name}: {answer:?}");
    }
    assert!(cloud.azure.take_requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_for_another_key_is_none() {
    let cloud = Cloud::managed_hsm().await;
    cloud.azure.make_key("a");
    let provider = cloud.provider();
    for (kid, taken) in [
        ("https://payments.vault.azure.net/keys/A/0123456789abcdef0123456789abcdef", true),
        ("https://payments.vault.azure.net/keys/b/0123456789abcdef0123456789abcdef", false),
        ("https://payments.vault.azure.net/keys/a/", false),
        ("https://payments.vault.azure.net/secrets/a/0123", false),
        ("", false),
    ] {
        let answer = json!({"kid": kid, "value": "AAAA"});
        cloud
            .azure
            .answer(move |request| request.path.contains("wrapkey").then(|| HttpAnswer::json(200, &answer)));
        let answer = provider.generate(&context("a")).await.map(drop);
        assert_eq!(answer.is_ok(), taken, "{kid}: {answer:?}");
        assert!(taken || matches!(answer, Err(ProviderError::Unavailable { .. })), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_none_leads_to_no_call() {
    let cloud = Cloud::managed_hsm().await;
    for version in ["..", ".", "a-b", "a_b", "a%2fb"] {
        let length = u8::try_from(version.len()).unwrap();
        let wrapped = [&[1, length][..], version.as_bytes(), &[0; 16], b"blob"].concat();
        let answer = cloud.provider().unwrap(&context("a"), &wrapped).await.map(drop);
        assert!(matches!(answer, Err(ProviderError::Corrupt { .. })), "{version}: {answer:?}");
    }
    assert!(cloud.azure.take_requests().is_empty());
}
