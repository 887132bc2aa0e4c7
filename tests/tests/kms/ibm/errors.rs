//! What IBM's answers come to.

use proxy_crypto::ProviderError;
use tests::kms::{HttpAnswer, ibm_error};

use super::super::contract::context;
use super::*;

pub(super) fn outcome(error: &ProviderError) -> Outcome {
    match error {
        ProviderError::Unavailable { .. } => Outcome::Unavailable,
        ProviderError::Refused { .. } => Outcome::Refused,
        ProviderError::Corrupt { .. } => Outcome::Corrupt,
    }
}

/// What is said about an action on a key with this answer.
async fn said(cloud: &Cloud, answer: HttpAnswer) -> ProviderError {
    cloud.ibm.pass();
    cloud.ibm.make_key("a");
    let provider = cloud.provider();
    let (_, wrapped) = provider.generate(&context("a")).await.unwrap();
    cloud.ibm.answer(move |request| request.path.contains("/actions/").then(|| answer.clone()));
    let generated = provider.generate(&context("a")).await.map(drop).unwrap_err();
    let unwrapped = provider.unwrap(&context("a"), wrapped.as_bytes()).await.map(drop).unwrap_err();
    assert_eq!(outcome(&generated), outcome(&unwrapped));
    let text = unwrapped.to_string();
    assert!(!text.contains("access-token") && !text.contains('\n'), "{text}");
    unwrapped
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_no_or_a_not_now() {
    let cloud = Cloud::start().await;
    for (status, code, expected) in [
        (422, "UNPROCESSABLE_CIPHERTEXT_ERR", Outcome::Corrupt),
        (400, "KEY_EXPIRED_ERR", Outcome::Refused),
        (403, "FORBIDDEN_ERR", Outcome::Refused),
        (404, "KEY_NOT_FOUND_ERR", Outcome::Refused),
        (404, "KEY_RING_NOT_FOUND_ERR", Outcome::Refused),
        (409, "KEY_ACTION_INVALID_STATE_ERR", Outcome::Refused),
        (410, "KEY_DELETED_ERR", Outcome::Refused),
        (429, "RATE_LIMIT_ERR", Outcome::Unavailable),
        (500, "INTERNAL_ERR", Outcome::Unavailable),
        (502, "BAD_GATEWAY_ERR", Outcome::Unavailable),
        (503, "UNAVAILABLE_ERR", Outcome::Unavailable),
        (418, "WHAT_IS_THIS_ERR", Outcome::Unavailable),
    ] {
        let error = said(&cloud, ibm_error(status, code, "This is\nwhy.")).await;
        assert_eq!(outcome(&error), expected, "{code}: {error}");
        assert!(!error.is_gone(), "the key is named by an alias: {error}");
        assert!(error.to_string().contains(code), "{error}");
    }
    let error = said(&cloud, ibm_error(401, "UNAUTHORIZED_ERR", "Token access-token-0 is unknown.")).await;
    assert_eq!(outcome(&error), Outcome::Refused, "{error}");
}

/// An alias can be deleted, and a key moved out of its ring, while the key stays.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_purged_key_that_its_id_alone_names_is_gone() {
    let cloud = Cloud::start().await;
    let id = cloud.ibm.make_key("a");
    let in_ring = cloud.with(|settings| settings.key_ring = Some(Ibm::KEY_RING.to_owned()));
    let mut wrapped = Vec::new();
    for (provider, key, gone) in
        [(cloud.provider(), &*id, true), (cloud.provider(), "a", false), (in_ring, &*id, false)]
    {
        let (_, data_key) = provider.generate(&context(key)).await.unwrap();
        wrapped.push((provider, context(key), data_key, gone));
    }
    cloud.ibm.delete("a");
    for purged in [false, true] {
        for (provider, context, data_key, gone) in &wrapped {
            let error = provider.unwrap(context, data_key.as_bytes()).await.map(drop).unwrap_err();
            assert_eq!((outcome(&error), error.is_gone()), (Outcome::Refused, purged && *gone), "{error}");
        }
        if !purged {
            cloud.ibm.purge("a");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_no_answer() {
    let cloud = Cloud::start().await;
    let large = format!("{{\"plaintext\": \"\"{}}}", " ".repeat(1 << 20));
    for (status, body) in [
        (200, large.as_str()),
        (200, ""),
        (200, "{}"),
        (200, "<html>"),
        (200, r#"{"plaintext": "*", "ciphertext": "*", "keyVersion": {"id": "1"}}"#),
        (302, ""),
        (400, "{}"),
        (401, ""),
        (403, "<html>Forbidden</html>"),
        (404, r#"{"resources": []}"#),
        (503, "busy"),
    ] {
        let error = said(&cloud, HttpAnswer::text(status, body)).await;
        let shown: String = body.chars().take(60).collect();
        assert_eq!(outcome(&error), Outcome::Unavailable, "{status} {shown}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn something_else_under_the_key_is_no_outage() {
    let cloud = Cloud::start().await;
    cloud.ibm.make_key("a");
    let provider = cloud.provider();
    let (_, wrapped) = provider.generate(&context("a")).await.unwrap();
    let other = r#"{"plaintext": "AAAA", "keyVersion": {"id": "1"}}"#;
    cloud.ibm.answer(move |_| Some(HttpAnswer::text(200, other)));
    let error = provider.unwrap(&context("a"), wrapped.as_bytes()).await.map(drop).unwrap_err();
    assert_eq!(outcome(&error), Outcome::Corrupt, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_provider_wrapped_is_corrupt_without_a_call() {
    let cloud = Cloud::start().await;
    let head = b"10123456789abcdefblob";
    for way in [0, 2] {
        let wrapped = [&[way, 1][..], head].concat();
        let error = cloud.provider().unwrap(&context("a"), &wrapped).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), Outcome::Corrupt, "{error}");
    }
    for wrapped in [&b""[..], b"\x01", b"\x01\x011"] {
        let error = cloud.provider().unwrap(&context("a"), wrapped).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), Outcome::Corrupt, "{error}");
    }
    assert!(cloud.ibm.take_requests().is_empty());
}
