//! What KMS's answers come to.

use proxy_crypto::ProviderError;
use tests::kms::{aws_answer, sts_error};

use super::super::contract::context;
use super::*;

/// What is said about a call with this answer.
async fn said(aws: &Aws, answer: HttpAnswer) -> ProviderError {
    aws.front.answer(move |_| Some(answer.clone()));
    let provider = aws.provider();
    let generated = provider.generate(&context("a")).await.map(drop).unwrap_err();
    let unwrapped = provider.unwrap(&context("a"), b"\x01blob").await.map(drop).unwrap_err();
    assert_eq!(generated, unwrapped);
    let text = unwrapped.to_string();
    assert!(!text.contains(SECRET) && !text.contains(TOKEN) && !text.contains('\n'), "{text}");
    unwrapped
}

fn outcome(error: &ProviderError) -> Outcome {
    match error {
        ProviderError::Unavailable { .. } => Outcome::Unavailable,
        ProviderError::Refused { .. } => Outcome::Refused,
        ProviderError::Corrupt { .. } => Outcome::Corrupt,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_no_or_a_not_now() {
    let aws = Aws::alone(|| aws_answer(500, "")).await;
    for (code, expected) in [
        ("InvalidCiphertextException", Outcome::Corrupt),
        ("NotFoundException", Outcome::Refused),
        ("DisabledException", Outcome::Refused),
        ("KMSInvalidStateException", Outcome::Refused),
        ("AccessDeniedException", Outcome::Refused),
        ("IncorrectKeyException", Outcome::Refused),
        ("InvalidGrantTokenException", Outcome::Refused),
        ("InvalidKeyUsageException", Outcome::Refused),
        ("ValidationException", Outcome::Refused),
        ("UnrecognizedClientException", Outcome::Refused),
        ("ExpiredTokenException", Outcome::Refused),
        ("MissingAuthenticationTokenException", Outcome::Refused),
        ("InvalidSignatureException", Outcome::Refused),
        ("ThrottlingException", Outcome::Unavailable),
        ("LimitExceededException", Outcome::Unavailable),
        ("DependencyTimeoutException", Outcome::Unavailable),
        ("KMSInternalException", Outcome::Unavailable),
        ("KeyUnavailableException", Outcome::Unavailable),
        ("ServiceUnavailableException", Outcome::Unavailable),
        ("WhatIsThisException", Outcome::Unavailable),
    ] {
        let error = said(&aws, kms_error(400, code, "This is\nwhy.")).await;
        assert_eq!(outcome(&error), expected, "{error}");
        assert!(error.to_string().contains(code), "{error}");
    }
}

/// KMS says so of a key of another region or account as well, and of a replica that can be made again.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_exist_is_gone_where_an_arn_of_this_region_names_it() {
    let (id, replica) = ("1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-1234abcd12ab34cd56ef1234567890ab");
    let arn = |region: &str, id: &str| format!("arn:aws:kms:{region}:111122223333:key/{id}");
    let message = format!("Key '{}' does not exist", arn(AWS_REGION, id));
    let aws = Aws::alone(move || kms_error(400, "NotFoundException", &message)).await;
    for (key, gone) in [
        (arn(AWS_REGION, id), true),
        (arn("eu-west-1", id), false),
        (arn(AWS_REGION, replica), false),
        (id.to_owned(), false),
        (replica.to_owned(), false),
        ("payments".to_owned(), false),
    ] {
        let error = aws.provider().unwrap(&context(&key), b"\x01blob").await.map(drop).unwrap_err();
        assert_eq!((outcome(&error), error.is_gone()), (Outcome::Refused, gone), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_no_answer() {
    let aws = Aws::alone(|| aws_answer(500, "")).await;
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let large = format!("{{\"Plaintext\": \"{key}\", \"CiphertextBlob\": \"AAAA\"{}}}", " ".repeat(1 << 20));
    for answer in [
        aws_answer(200, &large),
        aws_answer(200, ""),
        aws_answer(200, "{}"),
        aws_answer(200, "<html>"),
        aws_answer(200, r#"{"Plaintext": "*", "CiphertextBlob": "AAAA"}"#),
        aws_answer(403, "<ErrorResponse/>"),
        aws_answer(404, ""),
        aws_answer(503, "busy"),
        sts_error(403, "InvalidClientTokenId", "No."),
    ] {
        let shown: String = format!("{answer:?}").chars().take(200).collect();
        let error = said(&aws, answer).await;
        assert_eq!(outcome(&error), Outcome::Unavailable, "{shown}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn something_else_under_the_key_is_no_outage() {
    let aws = Aws::alone(|| aws_answer(500, "")).await;
    aws.front.answer(|_| Some(aws_answer(200, r#"{"Plaintext": "AAAA", "CiphertextBlob": "AAAA"}"#)));
    let provider = aws.provider();
    let generated = provider.generate(&context("a")).await.map(drop).unwrap_err();
    assert_eq!(outcome(&generated), Outcome::Unavailable, "{generated}");
    // Whoever may encrypt under the key can store such a thing.
    let unwrapped = provider.unwrap(&context("a"), b"\x01blob").await.map(drop).unwrap_err();
    assert_eq!(outcome(&unwrapped), Outcome::Corrupt, "{unwrapped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_repeat_the_request_are_not_repeated() {
    let aws = Aws::alone(|| aws_answer(500, "")).await;
    let words = format!("The Canonical String should have been 'POST / x-amz-security-token:{TOKEN}'");
    for code in ["InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignatureException"] {
        let error = said(&aws, kms_error(400, code, &words)).await;
        assert_eq!(outcome(&error), Outcome::Refused, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_provider_wrapped_is_corrupt_without_a_call() {
    let aws = Aws::alone(|| aws_answer(500, "")).await;
    for wrapped in [&b""[..], b"\x01", b"\x00blob", b"\x02blob"] {
        let error = aws.provider().unwrap(&context("a"), wrapped).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), Outcome::Corrupt, "{error}");
    }
    assert!(aws.front.take_requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_that_are_none_are_told() {
    let aws = Aws::alone(|| aws_answer(500, "")).await;
    for text in
        ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----"]
    {
        let path = aws.file("bad-ca.crt", text);
        let provider = aws.with(|settings| settings.ca = Some(path));
        let error = provider.generate(&context("a")).await.map(drop).unwrap_err();
        assert_eq!(outcome(&error), Outcome::Unavailable, "{text}: {error}");
    }
}
