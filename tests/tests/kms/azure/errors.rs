//! What Azure's answers come to.

use proxy_crypto::ProviderError;
use tests::kms::{HttpAnswer, azure_error};

use super::super::contract::context;
use super::*;

pub(super) fn outcome(error: &ProviderError) -> Outcome {
    match error {
        ProviderError::Unavailable { .. } => Outcome::Unavailable,
        ProviderError::Refused { .. } => Outcome::Refused,
        ProviderError::Corrupt { .. } => Outcome::Corrupt,
    }
}

/// What is said about a wrap and an unwrap with this answer.
async fn said(cloud: &Cloud, answer: HttpAnswer) -> [ProviderError; 2] {
    cloud.azure.pass();
    cloud.azure.make_key("a");
    let provider = cloud.provider();
    let (_, wrapped) = provider.generate(&context("a")).await.unwrap();
    cloud.azure.answer(move |request| request.path.contains("wrapkey").then(|| answer.clone()));
    let generated = provider.generate(&context("a")).await.map(drop).unwrap_err();
    let unwrapped = provider.unwrap(&context("a"), wrapped.as_bytes()).await.map(drop).unwrap_err();
    for error in [&generated, &unwrapped] {
        let text = error.to_string();
        assert!(!text.contains("access-token") && !text.contains('\n'), "{text}");
    }
    [generated, unwrapped]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_no_or_a_not_now() {
    let cloud = Cloud::managed_hsm().await;
    for (status, code, inner, expected) in [
        (403, "Forbidden", "KeyDisabled", Outcome::Refused),
        (403, "Forbidden", "ForbiddenByRbac", Outcome::Refused),
        (403, "Forbidden", "ForbiddenByFirewall", Outcome::Refused),
        (404, "KeyNotFound", "", Outcome::Refused),
        (404, "VaultNotFound", "", Outcome::Refused),
        (409, "Conflict", "ObjectIsBeingRecovered", Outcome::Unavailable),
        (429, "Throttled", "", Outcome::Unavailable),
        (500, "InternalServerError", "", Outcome::Unavailable),
        (503, "ServiceUnavailable", "", Outcome::Unavailable),
        (504, "GatewayTimeout", "", Outcome::Unavailable),
    ] {
        let [wrap, unwrap] = said(&cloud, azure_error(status, code, inner, "This is\nwhy.")).await;
        assert_eq!([wrap.is_gone(), unwrap.is_gone()], [false, code == "KeyNotFound"], "{unwrap}");
        for error in [wrap, unwrap] {
            assert_eq!(outcome(&error), expected, "{code} {inner}: {error}");
            assert!(error.to_string().contains(code) && error.to_string().contains(inner), "{error}");
        }
    }
    for error in said(&cloud, azure_error(401, "Unauthorized", "", "Token access-token-0 is unknown.")).await
    {
        assert_eq!(outcome(&error), Outcome::Refused, "{error}");
    }
    let [wrap, unwrap] =
        said(&cloud, azure_error(400, "BadParameter", "", "The parameter is incorrect.")).await;
    assert_eq!((outcome(&wrap), outcome(&unwrap)), (Outcome::Refused, Outcome::Corrupt));
}

/// The service says the same of a key that can be recovered and of one that cannot.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_key_that_cannot_be_recovered_is_gone() {
    let cloud = Cloud::managed_hsm().await;
    cloud.azure.make_key("a");
    let provider = cloud.provider();
    let (_, wrapped) = provider.generate(&context("a")).await.unwrap();
    let unwrap = async || provider.unwrap(&context("a"), wrapped.as_bytes()).await.map(drop).unwrap_err();
    cloud.azure.delete("a");
    let deleted = unwrap().await;
    assert_eq!((outcome(&deleted), deleted.is_gone()), (Outcome::Refused, false), "{deleted}");
    assert!(deleted.to_string().contains("can be recovered"), "{deleted}");

    for answer in [
        azure_error(404, "VaultNotFound", "", "Which?"),
        azure_error(429, "Throttled", "", "Later."),
        azure_error(503, "ServiceUnavailable", "", "Later."),
        HttpAnswer::text(404, "<html>"),
        azure_error(401, "Unauthorized", "", "Who?"),
    ] {
        cloud.azure.answer(move |request| request.method.eq("GET").then(|| answer.clone()));
        let unknown = unwrap().await;
        assert_eq!(outcome(&unknown), Outcome::Unavailable, "no answer yet: {unknown}");
    }
    cloud.azure.pass();
    cloud.azure.purge("a");
    let purged = unwrap().await;
    assert!(purged.is_gone(), "{purged}");
    cloud.azure.hide_deleted();
    let hidden = unwrap().await;
    assert_eq!((outcome(&hidden), hidden.is_gone()), (Outcome::Refused, false), "{hidden}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_no_answer() {
    let cloud = Cloud::managed_hsm().await;
    let large = format!("{{\"kid\": \"\", \"value\": \"\"{}}}", " ".repeat(1 << 20));
    for (status, body) in [
        (200, large.as_str()),
        (200, ""),
        (200, "{}"),
        (200, "<html>"),
        (200, r#"{"kid": "https://v/keys/a/01", "value": "*"}"#),
        (302, ""),
        (400, "{}"),
        (401, ""),
        (403, "<html>Forbidden</html>"),
        (404, r#"{"error": "not found"}"#),
        (503, "busy"),
    ] {
        for error in said(&cloud, HttpAnswer::text(status, body)).await {
            let shown: String = body.chars().take(60).collect();
            assert_eq!(outcome(&error), Outcome::Unavailable, "{status} {shown}: {error}");
        }
    }
    // Whole, but no data key: somebody wrapped something else.
    let [_, unwrap] =
        said(&cloud, HttpAnswer::text(200, r#"{"kid": "https://v/x/a/01", "value": "AAAA"}"#)).await;
    assert_eq!(outcome(&unwrap), Outcome::Corrupt, "{unwrap}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_provider_wrapped_is_corrupt_without_a_call() {
    let cloud = Cloud::managed_hsm().await;
    for wrapped in
        [&b""[..], b"\x01", b"\x01\x011", b"\x00\x0110123456789abcdefblob", b"\x03\x0110123456789abcdefblob"]
    {
        let error = cloud.provider().unwrap(&context("a"), wrapped).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), Outcome::Corrupt, "{error}");
    }
    assert!(cloud.azure.take_requests().is_empty());
}
