//! What Google's answers come to.

use proxy_crypto::ProviderError;
use serde_json::json;
use tests::kms::{HttpAnswer, gcp_error};

use super::super::contract::{Outcome, context};
use super::calls::is_call;
use super::*;

/// What is said about a call on a key with this answer.
async fn said(cloud: &Cloud, answer: HttpAnswer) -> ProviderError {
    cloud.gcp.pass();
    cloud.gcp.make_key("a");
    let provider = cloud.provider();
    let (_, wrapped) = provider.generate(&context("a")).await.unwrap();
    cloud.gcp.answer(move |request| is_call(request).then(|| answer.clone()));
    let generated = provider.generate(&context("a")).await.map(drop).unwrap_err();
    let unwrapped = provider.unwrap(&context("a"), wrapped.as_bytes()).await.map(drop).unwrap_err();
    assert_eq!(generated, unwrapped);
    let text = unwrapped.to_string();
    assert!(!text.contains("access-token") && !text.contains('\n'), "{text}");
    unwrapped
}

pub(super) fn outcome(error: &ProviderError) -> Outcome {
    match error {
        ProviderError::Unavailable { .. } => Outcome::Unavailable,
        ProviderError::Refused { .. } => Outcome::Refused,
        ProviderError::Corrupt { .. } => Outcome::Corrupt,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_no_or_a_not_now() {
    let cloud = Cloud::start().await;
    for (status, code, message, expected) in [
        (400, "INVALID_ARGUMENT", "Decryption failed: the ciphertext is invalid.", Outcome::Corrupt),
        (400, "INVALID_ARGUMENT", "The checksum in field x did not match.", Outcome::Unavailable),
        (400, "INVALID_ARGUMENT", "The key has another purpose.", Outcome::Refused),
        (400, "FAILED_PRECONDITION", "It is not enabled, current state is: DESTROYED.", Outcome::Refused),
        (400, "FAILED_PRECONDITION", "It is not enabled, current state is: DISABLED.", Outcome::Refused),
        (400, "FAILED_PRECONDITION", "Its current state is: DESTROY_SCHEDULED.", Outcome::Refused),
        (404, "NOT_FOUND", "Method not found.", Outcome::Refused),
        (403, "PERMISSION_DENIED", "Permission denied\non resource.", Outcome::Refused),
        (
            404,
            "NOT_FOUND",
            "CryptoKey projects/p/locations/l/keyRings/r/cryptoKeys/k not found.",
            Outcome::Refused,
        ),
        (
            404,
            "NOT_FOUND",
            "CryptoKeyVersion projects/p/cryptoKeys/k/cryptoKeyVersions/1 not found.",
            Outcome::Refused,
        ),
        (
            404,
            "NOT_FOUND",
            "KeyRing projects/p/locations/l/keyRings/my-cryptokeys not found.",
            Outcome::Refused,
        ),
        (404, "NOT_FOUND", "Location cryptokey not found.", Outcome::Refused),
        (401, "UNAUTHENTICATED", "Token access-token-1 is unknown.", Outcome::Refused),
        (429, "RESOURCE_EXHAUSTED", "Quota exceeded.", Outcome::Unavailable),
        (409, "ABORTED", "", Outcome::Unavailable),
        (499, "CANCELLED", "", Outcome::Unavailable),
        (500, "INTERNAL", "Internal error encountered.", Outcome::Unavailable),
        (503, "UNAVAILABLE", "The service is currently unavailable.", Outcome::Unavailable),
        (504, "DEADLINE_EXCEEDED", "", Outcome::Unavailable),
        (400, "WHAT_IS_THIS", "", Outcome::Unavailable),
    ] {
        let error = said(&cloud, gcp_error(status, code, message)).await;
        assert_eq!(outcome(&error), expected, "{code} {message}: {error}");
        let gone = message.starts_with("CryptoKey") || message.ends_with(": DESTROYED.");
        assert_eq!(error.is_gone(), gone, "{error}");
        assert!(message.contains("checksum") || error.to_string().contains(code), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_outside_of_google_that_does_not_answer_is_no_refusal() {
    let cloud = Cloud::start().await;
    for (kind, expected) in [
        ("EXTERNAL_RESOURCE_NOT_REACHABLE", Outcome::Unavailable),
        ("EXTERNAL_PERMISSION_DENIED", Outcome::Refused),
    ] {
        let violations = json!([{"type": "KEY_STATE"}, {"type": kind}]);
        let details = json!([{"@type": "type.googleapis.com/google.rpc.PreconditionFailure", "violations": violations}]);
        let error = json!({"error": {"code": 400, "status": "FAILED_PRECONDITION", "message": "No.", "details": details}});
        let error = said(&cloud, HttpAnswer::json(400, &error)).await;
        assert_eq!(outcome(&error), expected, "{error}");
        assert!(!error.is_gone(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_no_answer() {
    let cloud = Cloud::start().await;
    let large = format!("{{\"plaintext\": \"\", \"plaintextCrc32c\": \"0\"{}}}", " ".repeat(1 << 20));
    for (status, body) in [
        (200, large.as_str()),
        (200, ""),
        (200, "{}"),
        (200, "[]"),
        (200, "<html>"),
        (302, ""),
        (400, "{}"),
        (401, ""),
        (403, "<html>Forbidden</html>"),
        (404, r#"{"error": "not found"}"#),
        (503, "busy"),
    ] {
        let error = said(&cloud, HttpAnswer::text(status, body)).await;
        let shown: String = body.chars().take(60).collect();
        assert_eq!(outcome(&error), Outcome::Unavailable, "{status} {shown}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_provider_wrapped_is_corrupt_without_a_call() {
    let cloud = Cloud::start().await;
    for wrapped in
        [&b""[..], b"\x01", b"\x01\x011", b"\x00\x0110123456789abcdefblob", b"\x02\x0110123456789abcdefblob"]
    {
        let error = cloud.provider().unwrap(&context("a"), wrapped).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), Outcome::Corrupt, "{error}");
    }
    assert!(cloud.gcp.take_requests().is_empty());
}
